"""The typed dimensions of a search space, each with its way to the unit interval and back."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictInt
from pydantic.dataclasses import dataclass

from stagecraft.errors import InvalidInputError

Value = bool | int | float | str | None

_finite = ConfigDict(allow_inf_nan=False)
WHERE = "search space"


@dataclass(frozen=True, config=_finite)
class _Dimension(ABC):
    """:param when: other parameters' names → the values with which this one is used; always where empty"""

    when: dict[str, list[Value]] = field(default_factory=dict, kw_only=True)

    @abstractmethod
    def from_unit(self, unit: float) -> Value:
        """Return the value at a place of the unit interval."""

    @abstractmethod
    def to_unit(self, value: Any) -> float:
        """Return the place of the unit interval that :meth:`from_unit` maps to the value."""

    @property
    @abstractmethod
    def count(self) -> int | None:
        """How many values it has; None where a continuum."""

    @abstractmethod
    def probes(self) -> list[Value]:
        """Values that must be valid wherever the dimension is used."""

    def interval(self, value: Any) -> tuple[float, float]:
        """Return the part of the unit interval that :meth:`from_unit` maps to the value."""
        middle, half = self.to_unit(value), 0.5 / self.count if self.count else 0.0
        return middle - half, middle + half

    def contains(self, value: Any) -> bool:
        """Whether it is one of the dimension's values."""
        try:
            again = self.from_unit(self.to_unit(value))
        except (TypeError, ValueError, OverflowError):
            return False
        if isinstance(again, float) and not isinstance(value, bool):
            return math.isclose(again, value, rel_tol=1e-9, abs_tol=1e-12)
        return (type(again), again) == (type(value), value)

    def levels(self, at_most: int) -> list[Value]:
        """Return the values of a grid: all of them, or so many from end to end."""
        if self.count is not None and self.count <= at_most:
            return [self.from_unit((place + 0.5) / self.count) for place in range(self.count)]
        if at_most == 1:
            return [self.from_unit(0.5)]
        return list(dict.fromkeys(self.from_unit(place / (at_most - 1)) for place in range(at_most)))


@dataclass(frozen=True, config=_finite)
class Uniform(_Dimension):
    """A number between two bounds, each value as likely.

    :param step: only ``low``, ``low + step``, ``low + 2 * step`` … where it is given

    >>> Uniform(0.5, 1.0).from_unit(0.5)
    0.75
    >>> Uniform(0.5, 1.0, step=0.1).from_unit(0.5)
    0.8
    """

    low: float
    high: float
    step: float | None = field(default=None, kw_only=True)
    type: Literal["uniform"] = field(default="uniform", kw_only=True)

    def __post_init__(self) -> None:
        _check_bounds(self, self.low, self.high)
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise InvalidInputError(WHERE, f"{self} has the step {self.step}", "a step within the bounds")

    @property
    def count(self) -> int | None:
        return None if self.step is None else int((self.high - self.low) / self.step + 1e-9) + 1

    def from_unit(self, unit: float) -> float:
        if self.step is not None:
            return round(self.low + _place(unit, self.count or 1) * self.step, 12)
        return min(max(self.low + unit * (self.high - self.low), self.low), self.high)

    def to_unit(self, value: Any) -> float:
        if self.step is not None:
            return (round((float(value) - self.low) / self.step) + 0.5) / (self.count or 1)
        return (float(value) - self.low) / (self.high - self.low)

    def probes(self) -> list[Value]:
        return [self.from_unit(0.0), self.from_unit(1.0), self.from_unit(math.sqrt(0.2))]


@dataclass(frozen=True, config=_finite)
class LogUniform(_Dimension):
    """A number between two bounds above 0, each order of magnitude as likely.

    >>> round(LogUniform(0.01, 1.0).from_unit(0.5), 6)
    0.1
    """

    low: float = Field(gt=0)
    high: float = Field(gt=0)
    type: Literal["log_uniform"] = field(default="log_uniform", kw_only=True)

    def __post_init__(self) -> None:
        _check_bounds(self, self.low, self.high)

    @property
    def count(self) -> None:
        return None

    def from_unit(self, unit: float) -> float:
        value = math.exp(math.log(self.low) + unit * math.log(self.high / self.low))
        return min(max(value, self.low), self.high)

    def to_unit(self, value: Any) -> float:
        return math.log(float(value) / self.low) / math.log(self.high / self.low)

    def probes(self) -> list[Value]:
        return [self.low, self.high, self.from_unit(math.sqrt(0.2))]


@dataclass(frozen=True)
class Integer(_Dimension):
    """A whole number between two bounds, both of them included.

    :param log: each order of magnitude as likely, in place of each value; the bounds are above 0
    :param step: only ``low``, ``low + step``, ``low + 2 * step`` …

    >>> [Integer(1, 4).from_unit(unit) for unit in (0.0, 0.3, 1.0)]
    [1, 2, 4]
    >>> [Integer(1, 1000, log=True).from_unit(unit) for unit in (0.0, 0.5, 1.0)]
    [1, 22, 1000]
    >>> Integer(32, 256, step=32).from_unit(0.3)
    96
    """

    low: StrictInt
    high: StrictInt
    log: bool = field(default=False, kw_only=True)
    step: StrictInt = field(default=1, kw_only=True)
    type: Literal["integer"] = field(default="integer", kw_only=True)

    def __post_init__(self) -> None:
        _check_bounds(self, self.low, self.high)
        if not 0 < self.step <= self.high - self.low:
            raise InvalidInputError(WHERE, f"{self} has the step {self.step}", "a step within the bounds")
        if self.log and (self.low < 1 or self.step > 1):
            raise InvalidInputError(
                WHERE, f"{self} is logarithmic", "a low bound of 1 or more, and no step with it"
            )

    @property
    def count(self) -> int:
        return (self.high - self.low) // self.step + 1

    def from_unit(self, unit: float) -> int:
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            return min(max(round(math.exp(low + unit * (high - low))), self.low), self.high)
        return self.low + _place(unit, self.count) * self.step

    def to_unit(self, value: Any) -> float:
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            return (math.log(int(value)) - low) / (high - low)
        return ((int(value) - self.low) // self.step + 0.5) / self.count

    def interval(self, value: Any) -> tuple[float, float]:
        if not self.log:
            return super().interval(value)
        low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
        return (math.log(value - 0.5) - low) / (high - low), (math.log(value + 0.5) - low) / (high - low)

    def levels(self, at_most: int) -> list[Value]:
        if self.count <= at_most:
            return list(range(self.low, self.high + 1, self.step))
        return super().levels(at_most)

    def probes(self) -> list[Value]:
        return [self.low, self.from_unit(1.0)]


@dataclass(frozen=True, config=_finite)
class Choice(_Dimension):
    """One of some values, without an order.

    >>> Choice(["small", "large"]).from_unit(0.7)
    'large'
    """

    options: list[Value]
    type: Literal["choice"] = field(default="choice", kw_only=True)

    def __post_init__(self) -> None:
        if not self.options:
            raise InvalidInputError(WHERE, "a Choice without options", "one value or more")
        seen = [(type(option), option) for option in self.options]
        if len(set(seen)) < len(seen):
            raise InvalidInputError(WHERE, f"Choice({self.options}) repeats a value", "each value once")

    @property
    def count(self) -> int:
        return len(self.options)

    def from_unit(self, unit: float) -> Value:
        return self.options[_place(unit, len(self.options))]

    def to_unit(self, value: Any) -> float:
        position = [(type(option), option) for option in self.options].index((type(value), value))
        return (position + 0.5) / len(self.options)

    def levels(self, at_most: int) -> list[Value]:
        return list(self.options)

    def probes(self) -> list[Value]:
        return list(self.options)


Dimension = Annotated[Uniform | LogUniform | Integer | Choice, Field(discriminator="type")]


def _place(unit: float, count: int) -> int:
    """Return in which of ``count`` equal parts of the unit interval a place lies."""
    return min(max(int(unit * count), 0), count - 1)


def _check_bounds(dimension: _Dimension, low: float, high: float) -> None:
    if not low < high:
        raise InvalidInputError(
            WHERE,
            f"{type(dimension).__name__}({low}, {high}) has its bounds crossed or equal",
            "the low bound first, below the high one; for one value, Choice([value])",
        )


__all__ = ["Choice", "Dimension", "Integer", "LogUniform", "Uniform", "Value"]
