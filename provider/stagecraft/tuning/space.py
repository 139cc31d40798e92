"""Search spaces: typed dimensions, and the unit cube that searchers work in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictInt
from pydantic.dataclasses import dataclass

from stagecraft.errors import InvalidInputError

Value = bool | int | float | str | None
Parameters = dict[str, Value]

_finite = ConfigDict(allow_inf_nan=False)


@dataclass(frozen=True, config=_finite)
class Uniform:
    """A number between two bounds, each value as likely.

    >>> Uniform(0.5, 1.0).from_unit(0.5)
    0.75
    """

    low: float
    high: float
    type: Literal["uniform"] = field(default="uniform", kw_only=True)

    def __post_init__(self) -> None:
        _check_bounds(self)

    def from_unit(self, unit: float) -> float:
        return min(max(self.low + unit * (self.high - self.low), self.low), self.high)

    def to_unit(self, value: Any) -> float:
        return (float(value) - self.low) / (self.high - self.low)

    def probes(self) -> list[Value]:
        """Values that must be valid wherever the dimension is used."""
        return [self.low, self.high, self.from_unit(math.sqrt(0.2))]


@dataclass(frozen=True, config=_finite)
class LogUniform:
    """A number between two bounds above 0, each order of magnitude as likely.

    >>> round(LogUniform(0.01, 1.0).from_unit(0.5), 6)
    0.1
    """

    low: float = Field(gt=0)
    high: float = Field(gt=0)
    type: Literal["log_uniform"] = field(default="log_uniform", kw_only=True)

    def __post_init__(self) -> None:
        _check_bounds(self)

    def from_unit(self, unit: float) -> float:
        value = math.exp(math.log(self.low) + unit * math.log(self.high / self.low))
        return min(max(value, self.low), self.high)

    def to_unit(self, value: Any) -> float:
        return math.log(float(value) / self.low) / math.log(self.high / self.low)

    def probes(self) -> list[Value]:
        """Values that must be valid wherever the dimension is used."""
        return [self.low, self.high, self.from_unit(math.sqrt(0.2))]


@dataclass(frozen=True)
class Integer:
    """A whole number between two bounds, both of them included.

    >>> [Integer(1, 4).from_unit(unit) for unit in (0.0, 0.3, 1.0)]
    [1, 2, 4]
    """

    low: StrictInt
    high: StrictInt
    type: Literal["integer"] = field(default="integer", kw_only=True)

    def __post_init__(self) -> None:
        _check_bounds(self)

    def from_unit(self, unit: float) -> int:
        count = self.high - self.low + 1
        return self.low + min(int(unit * count), count - 1)

    def to_unit(self, value: Any) -> float:
        return (int(value) - self.low + 0.5) / (self.high - self.low + 1)

    def probes(self) -> list[Value]:
        """Values that must be valid wherever the dimension is used."""
        return [self.low, self.high]


@dataclass(frozen=True, config=_finite)
class Choice:
    """One of some values, without an order.

    >>> Choice(["small", "large"]).from_unit(0.7)
    'large'
    """

    options: list[Value]
    type: Literal["choice"] = field(default="choice", kw_only=True)

    def __post_init__(self) -> None:
        if not self.options:
            raise InvalidInputError("search space", "a Choice without options", "one value or more")
        seen = [(type(option), option) for option in self.options]
        if len(set(seen)) < len(seen):
            raise InvalidInputError(
                "search space", f"Choice({self.options}) repeats a value", "each value once"
            )

    def from_unit(self, unit: float) -> Value:
        return self.options[min(int(unit * len(self.options)), len(self.options) - 1)]

    def to_unit(self, value: Any) -> float:
        position = [(type(option), option) for option in self.options].index((type(value), value))
        return (position + 0.5) / len(self.options)

    def probes(self) -> list[Value]:
        """Values that must be valid wherever the dimension is used."""
        return list(self.options)


Dimension = Annotated[Uniform | LogUniform | Integer | Choice, Field(discriminator="type")]


@plain_dataclass(frozen=True)
class Space:
    """Named dimensions, in an order that does not depend on how they were written down.

    :raises InvalidInputError: the space is empty

    >>> Space({"depth": Integer(2, 6), "alpha": Uniform(0.0, 1.0)}).from_unit([0.5, 0.0])
    {'alpha': 0.5, 'depth': 2}
    """

    dimensions: Mapping[str, Dimension]

    def __post_init__(self) -> None:
        if not self.dimensions:
            raise InvalidInputError("search space", "it is empty", "one dimension or more, as Uniform(0, 1)")
        object.__setattr__(self, "dimensions", dict(sorted(self.dimensions.items())))

    def __len__(self) -> int:
        return len(self.dimensions)

    def from_unit(self, point: list[float]) -> Parameters:
        """Return the parameters at a point of the unit cube."""
        return {
            name: dimension.from_unit(unit)
            for (name, dimension), unit in zip(self.dimensions.items(), point, strict=True)
        }

    def to_unit(self, parameters: Mapping[str, Value]) -> list[float]:
        """Return the point of the unit cube that :meth:`from_unit` maps to these parameters."""
        return [dimension.to_unit(parameters[name]) for name, dimension in self.dimensions.items()]


def _check_bounds(dimension: Uniform | LogUniform | Integer) -> None:
    if not dimension.low < dimension.high:
        raise InvalidInputError(
            "search space",
            f"{type(dimension).__name__}({dimension.low}, {dimension.high}) has its bounds crossed or equal",
            "the low bound first, below the high one; for one value, Choice([value])",
        )


__all__ = ["Choice", "Dimension", "Integer", "LogUniform", "Parameters", "Space", "Uniform", "Value"]
