"""What numeric steps are fitted from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from stagecraft.errors import InvalidInputError

DIGITS = 9
"""Statistics from sums of floats keep so many significant digits: the order of a sum does not show."""

LARGEST = 1e150
"""Steps are fitted from values up to this: sums of their squares, and differences, are still numbers."""


@dataclass(frozen=True)
class Wanted:
    """The statistics that a step is fitted from.

    :param moments: mean and standard deviation
    :param extremes: the smallest and the largest value
    :param mode: the most frequent value
    :param quantiles: at these probabilities
    :param label: at most so many bins by the label, each of at least this share of the rows
    """

    moments: bool = False
    extremes: bool = False
    mode: bool = False
    quantiles: frozenset[float] = frozenset()
    label: tuple[int, float] | None = None

    def __bool__(self) -> bool:
        return self != Wanted()

    @property
    def survive_filling(self) -> bool:
        """Whether they are known after filling without looking at the rows again."""
        return not (self.mode or self.quantiles or self.label)

    def __or__(self, other: Wanted) -> Wanted:
        return Wanted(
            self.moments or other.moments,
            self.extremes or other.extremes,
            self.mode or other.mode,
            self.quantiles | other.quantiles,
            self.label or other.label,
        )


@dataclass(frozen=True)
class Statistics:
    """A column's statistics, as far as they were wanted.

    :param where: the column, for messages
    :param count: values that are not missing
    :param missing: values that are
    :param beyond: values of which there are no moments: infinity, and what is beyond ±1e150
    :param deviation: standard deviation of the population
    :param edges: of bins by the label
    """

    where: str
    count: int
    missing: int
    beyond: int = 0
    mean: float | None = None
    deviation: float | None = None
    low: float | None = None
    high: float | None = None
    mode: float | None = None
    quantiles: Mapping[float, float | None] = field(default_factory=dict)
    edges: tuple[float, ...] = ()

    def filled(self, value: float) -> Statistics:
        """The count, moments and extremes after missing values became ``value``, in closed form."""
        if not self.missing:
            return self
        share = self.missing / (self.count + self.missing)
        mean = value if self.mean is None else self.mean
        deviation = self.deviation or 0.0
        return replace(
            self,
            count=self.count + self.missing,
            missing=0,
            mean=mean + (value - mean) * share,
            deviation=math.sqrt((1 - share) * (deviation**2 + share * (value - mean) ** 2)),
            low=value if self.low is None else min(self.low, value),
            high=value if self.high is None else max(self.high, value),
        )

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation, rounded.

        :raises InvalidInputError: there are no values, or infinite ones
        """
        self._require_values()
        if self.beyond:
            found = f"{self.beyond} values are infinite or beyond ±{LARGEST:g}, so they have no mean"
            raise InvalidInputError(self.where, found, "Clip(…) before this step")
        assert self.mean is not None
        assert self.deviation is not None
        return rounded(self.mean, self.deviation), rounded(self.deviation)

    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest value.

        :raises InvalidInputError: there are no values, or infinite ones
        """
        return self.smallest(), self._finite("largest value", self.high)

    def smallest(self) -> float:
        """The smallest value; the largest may be infinite.

        :raises InvalidInputError: there are no values, or it is infinite
        """
        return self._finite("smallest value", self.low)

    def label_edges(self) -> tuple[float, ...]:
        """The edges of bins by the label.

        :raises InvalidInputError: there are no values
        """
        self._require_values()
        return self.edges

    def most_frequent(self) -> float:
        """The most frequent value, of several the smallest.

        :raises InvalidInputError: there are no values, or it is infinite
        """
        return self._finite("most frequent value", self.mode)

    def quantile(self, probability: float) -> float:
        """An exact quantile.

        :raises InvalidInputError: there are no values, or it is infinite
        """
        return self._finite(f"quantile {probability:g}", self.quantiles.get(probability))

    def finite_quantiles(self, probabilities: Iterable[float]) -> list[float]:
        """Several of :meth:`quantile`."""
        return [self.quantile(probability) for probability in probabilities]

    def _finite(self, name: str, value: float | None) -> float:
        self._require_values()
        if value is None or abs(value) > LARGEST:
            raise InvalidInputError(
                self.where, f"the {name} is {value}", "Clip(…) by numbers before this step"
            )
        return value

    def _require_values(self) -> None:
        if not self.count:
            raise InvalidInputError(
                self.where,
                "every value is missing, so there is nothing to fit",
                "leave the column out, or Fill(0) before this step",
            )


def rounded(value: float, spread: float | None = None) -> float:
    """Round to 9 significant digits, or to as many digits after the point as its spread then has.

    A mean near 0 has no significant digits of its own, and one far from 0 needs those of the spread.

    :param spread: the standard deviation of what the value is the mean of

    >>> rounded(0.1234567891234), rounded(1.2e-17, 1.0), rounded(1_700_000_000_001.23, 2880.0)
    (0.123456789, 0.0, 1700000000001.23)
    """
    if not spread:
        return float(f"{value:.{DIGITS}g}") if spread is None else value
    digits = DIGITS - 1 - math.floor(math.log10(spread))
    return round(value, digits) + 0.0 if digits < 300 else value
