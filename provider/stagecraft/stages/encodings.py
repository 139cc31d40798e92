"""What can be done to a column, before it is fitted."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat
from pydantic.dataclasses import dataclass

from stagecraft.errors import InvalidInputError
from stagecraft.transforms.columns import FittedFill, FittedHash, FittedIndex, FittedScale, NumericMap

DIGITS = 9
"""Fitted statistics keep this many significant digits, so that the order of a sum does not show in them."""


class Step:
    """Steps are chained with ``|``.

    >>> Fill("median") | Standardize()
    (Fill(value='median', type='fill'), Standardize(type='standardize'))
    """

    def __or__(self, other: Step) -> tuple[Step, ...]:
        return (self, other)

    def __ror__(self, others: tuple[Step, ...]) -> tuple[Step, ...]:
        return (*others, self)


class NumericStep(Step):
    """A step that is fitted by aggregates of its column."""

    def aggregates(self, column: str) -> dict[str, str]:
        """Name → SQL aggregate over the expression ``column``, a DOUBLE where NULL is a missing value."""
        raise NotImplementedError

    def fit(self, where: str, values: dict[str, float | None]) -> NumericMap:
        """Build the fitted map from the aggregates' values."""
        raise NotImplementedError


@dataclass(frozen=True)
class Fill(NumericStep):
    """Missing values become the column's median (exact) or mean, or a number."""

    value: Literal["median", "mean"] | FiniteFloat
    type: Literal["fill"] = field(default="fill", kw_only=True)

    def aggregates(self, column: str) -> dict[str, str]:
        if self.value == "median":
            return {"fill": f"median({column})"}
        return {"fill": f"avg({column})"} if self.value == "mean" else {}

    def fit(self, where: str, values: dict[str, float | None]) -> NumericMap:
        if isinstance(self.value, float):
            return FittedFill(value=self.value)
        return FittedFill(value=_finite(where, values["fill"], "a number to fill with, as Fill(0)"))


@dataclass(frozen=True)
class Standardize(NumericStep):
    """Subtract the mean, divide by the standard deviation (of the population); a constant becomes 0."""

    type: Literal["standardize"] = field(default="standardize", kw_only=True)

    def aggregates(self, column: str) -> dict[str, str]:
        return {"mean": f"avg({column})", "deviation": f"stddev_pop({column})"}

    def fit(self, where: str, values: dict[str, float | None]) -> NumericMap:
        remedy = "finite values, and at least one"
        mean = _finite(where, values["mean"], remedy)
        deviation = _finite(where, values["deviation"], remedy)
        return FittedScale(shift=mean, scale=deviation if deviation > 1e-12 * max(1.0, abs(mean)) else 1.0)


@dataclass(frozen=True)
class Index(Step):
    """Each value becomes its own slot: automatic label mapping.

    The vocabulary goes by count descending, then bytes ascending. Slot 0 is a missing value, slot 1 one that
    the fit did not see, or saw too seldom.

    :param min_count: values seen less often than this get no slot of their own
    :param top: at most this many values get a slot
    """

    min_count: int = Field(default=1, ge=1)
    top: int | None = Field(default=None, ge=1)
    type: Literal["index"] = field(default="index", kw_only=True)

    def fit(self, counts: dict[str, int]) -> FittedIndex:
        ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0].encode()))
        kept = [value for value, count in ordered if count >= self.min_count]
        return FittedIndex(vocabulary=kept[: self.top])


@dataclass(frozen=True)
class Hash(Step):
    """Each value becomes one of 2^bits slots by a hash of its own: for columns of very many values."""

    bits: int = Field(ge=1, le=30)
    type: Literal["hash"] = field(default="hash", kw_only=True)

    def fit(self, column: str) -> FittedHash:
        return FittedHash(bits=self.bits, salt=column)


AnyStep = Annotated[Fill | Standardize | Index | Hash, Field(discriminator="type")]


def _finite(where: str, value: Any, remedy: str) -> float:
    if value is None or value != value or value in (float("inf"), float("-inf")):
        raise InvalidInputError(where, f"nothing to fit: the statistic is {value}", remedy)
    return float(f"{value:.{DIGITS}g}")
