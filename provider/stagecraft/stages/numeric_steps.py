"""What can be done to a numeric column, before it is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator
from pydantic.dataclasses import dataclass

from stagecraft.errors import InvalidInputError
from stagecraft.stages.numeric_statistics import Statistics, Wanted
from stagecraft.stages.step import Step as Step
from stagecraft.transforms.numeric import (
    FittedBin,
    FittedClip,
    FittedFill,
    FittedLog,
    FittedScale,
    NumericMap,
)

STATISTICS = ("median", "mean", "most_frequent")
QUARTILES = (0.25, 0.5, 0.75)
Probability = Annotated[float, Field(ge=0, le=1)]


class NumericStep(Step):
    """A step that is fitted from its column's statistics. NULL and NaN are missing, infinity is a value."""

    def wanted(self) -> Wanted:
        """What :meth:`fit` takes from the statistics; nothing where the step is given by its parameters."""
        return Wanted()

    def fit(self, found: Statistics) -> NumericMap:
        """Build the fitted map.

        :raises InvalidInputError: the column has no values to fit, or infinite ones
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Fill(NumericStep):
    """Missing values become the column's median (exact), mean, most frequent value, or a number.

    Like scikit-learn's SimpleImputer; of several most frequent values the smallest. Before a categorical
    step: the most frequent value (the first of the vocabulary), or any other text.

    :param indicator: add a column ``<column>_missing`` that is 1 where the value is missing, else 0
    """

    value: Literal["median", "mean", "most_frequent"] | FiniteFloat | str
    indicator: bool = False
    type: Literal["fill"] = field(default="fill", kw_only=True)

    def wanted(self) -> Wanted:
        if self.value == "median":
            return Wanted(quantiles=frozenset({0.5}))
        return Wanted(moments=self.value == "mean", mode=self.value == "most_frequent")

    def fit(self, found: Statistics) -> FittedFill:
        if self.value == "median":
            return FittedFill(value=found.quantile(0.5))
        if self.value == "mean":
            return FittedFill(value=found.moments()[0])
        if self.value == "most_frequent":
            return FittedFill(value=found.most_frequent())
        assert isinstance(self.value, float), "check_chain() refuses texts"
        return FittedFill(value=self.value)


@dataclass(frozen=True)
class Standardize(NumericStep):
    """Subtract the mean, divide by the standard deviation (of the population); a constant becomes 0."""

    type: Literal["standardize"] = field(default="standardize", kw_only=True)

    def wanted(self) -> Wanted:
        return Wanted(moments=True)

    def fit(self, found: Statistics) -> FittedScale:
        mean, deviation = found.moments()
        return FittedScale(shift=mean, scale=deviation or 1.0)


@dataclass(frozen=True)
class MinMax(NumericStep):
    """Stretch the fitted values over ``low`` … ``high``; a constant becomes ``low``.

    Unseen values may lie outside; ``Clip`` before or after keeps them in.
    """

    low: FiniteFloat = 0.0
    high: FiniteFloat = 1.0
    type: Literal["min_max"] = field(default="min_max", kw_only=True)

    @model_validator(mode="after")
    def _ordered(self) -> MinMax:
        if not self.low < self.high:
            raise ValueError(f"low={self.low} must be below high={self.high}")
        return self

    def wanted(self) -> Wanted:
        return Wanted(extremes=True)

    def fit(self, found: Statistics) -> FittedScale:
        low, high = found.extremes()
        scale = (high - low) / (self.high - self.low) or 1.0
        return FittedScale(shift=low - self.low * scale, scale=scale)


@dataclass(frozen=True)
class Robust(NumericStep):
    """Subtract the median, divide by the distance of the quartiles (exact); where that is 0, by 1.

    Outliers do not move it; infinite values are allowed, as long as the quartiles are finite.
    """

    type: Literal["robust"] = field(default="robust", kw_only=True)

    def wanted(self) -> Wanted:
        return Wanted(quantiles=frozenset(QUARTILES))

    def fit(self, found: Statistics) -> FittedScale:
        first, median, third = found.finite_quantiles(QUARTILES)
        return FittedScale(shift=median, scale=(third - first) or 1.0)


@dataclass(frozen=True)
class Log(NumericStep):
    """The natural logarithm of x + offset.

    Fitting refuses values at or below -offset. Values below the smallest one fitted are taken for it.
    """

    offset: FiniteFloat = 1.0
    type: Literal["log"] = field(default="log", kw_only=True)

    def wanted(self) -> Wanted:
        return Wanted(extremes=True)

    def fit(self, found: Statistics) -> FittedLog:
        low = found.smallest()
        if low + self.offset <= 0:
            raise InvalidInputError(
                found.where,
                f"{low!r} + {self.offset!r} has no logarithm",
                "a larger Log(offset=…), or Clip(low=…) before it",
            )
        return FittedLog(offset=self.offset, low=low)


@dataclass(frozen=True)
class Clip(NumericStep):
    """Values below the lower bound become it, those above the upper bound become that.

    :param low: the lower bound, or None
    :param high: the upper bound, or None
    :param quantiles: take both bounds from the column: its exact quantiles at these probabilities

    >>> Clip(quantiles=(0.01, 0.99)).quantiles
    (0.01, 0.99)
    """

    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    quantiles: tuple[Probability, Probability] | None = None
    type: Literal["clip"] = field(default="clip", kw_only=True)

    @model_validator(mode="after")
    def _bounded(self) -> Clip:
        numbers = self.low is not None or self.high is not None
        if numbers == (self.quantiles is not None):
            raise ValueError("give low or high or both, or else quantiles")
        low, high = self.quantiles or (self.low, self.high)
        if low is not None and high is not None and low > high:
            raise ValueError(f"the lower bound {low} is above the upper one, {high}")
        return self

    def wanted(self) -> Wanted:
        return Wanted(quantiles=frozenset(self.quantiles or ()))

    def fit(self, found: Statistics) -> FittedClip:
        if self.quantiles is None:
            return FittedClip(low=self.low, high=self.high)
        low, high = found.finite_quantiles(self.quantiles)
        return FittedClip(low=low, high=high)


@dataclass(frozen=True)
class Bin(NumericStep):
    """The number of the bin that a value falls into: a category. It ends a chain.

    Slot 0 is a missing value, then 1 … bins; a bin holds edge ≤ x < next edge, the outer ones are open. Bins
    that would be empty are left out, so there may be fewer than ``count``.

    By the label: a decision tree on this column alone (Breiman et al., Classification and Regression Trees,
    1984): the bin is split whose split explains most of the label's variance (for a label of 0 and 1 that
    is Gini's criterion), among exact quantiles of the column.

    :param count: number of bins
    :param by: as many rows a bin (``quantile``), bins of one width (``width``), or the tree (``label``)
    :param edges: the inner edges, ascending, in place of ``count``
    :param min_share: by the label, the least share of rows (whose value is not missing) in a bin

    >>> Bin(edges=[18, 65]).edges
    [18.0, 65.0]
    """

    count: Annotated[int, Field(ge=2, le=10_000)] | None = None
    by: Literal["quantile", "width", "label"] = "quantile"
    edges: list[FiniteFloat] | None = None
    min_share: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    type: Literal["bin"] = field(default="bin", kw_only=True)

    @model_validator(mode="after")
    def _one_way(self) -> Bin:
        if (self.count is None) == (self.edges is None):
            raise ValueError("give a count of bins, or else edges")
        if self.edges is not None and not self.edges:
            raise ValueError("give one edge at least")
        if self.edges is not None and self.by != "quantile":
            raise ValueError(f"the edges are given, so there are none to find by {self.by!r}")
        if any(left >= right for left, right in pairwise(self.edges or [])):
            raise ValueError(f"the edges {self.edges} do not ascend")
        return self

    @property
    def _probabilities(self) -> list[float]:
        return [place / self._count for place in range(1, self._count)]

    @property
    def _count(self) -> int:
        assert self.count is not None
        return self.count

    def wanted(self) -> Wanted:
        if self.edges is not None:
            return Wanted()
        if self.by == "label":
            return Wanted(label=(self._count, self.min_share))
        quantiles = frozenset(self._probabilities if self.by == "quantile" else ())
        return Wanted(extremes=True, quantiles=quantiles)

    def fit(self, found: Statistics) -> FittedBin:
        if self.edges is not None:
            return FittedBin(edges=self.edges)
        if self.by == "label":
            return FittedBin(edges=list(found.label_edges()))
        if self.by == "quantile":
            low = found.smallest()
            edges = found.finite_quantiles(self._probabilities)
        else:
            low, high = found.extremes()
            edges = [low + (high - low) * share for share in self._probabilities]
        return FittedBin(edges=sorted({edge for edge in edges if edge > low}))


AnyNumericStep = Annotated[
    Fill | Standardize | MinMax | Robust | Log | Clip | Bin, Field(discriminator="type")
]


def check_chain(steps: Sequence[Step]) -> None:
    """Refuse a chain of numeric steps that cannot be.

    :raises ValueError: ``Bin`` is not the last one, or ``Fill`` has a text for numbers

    >>> check_chain([Fill("median"), Bin(count=10)])
    """
    for step in steps:
        if isinstance(step, Fill) and step.value not in STATISTICS and isinstance(step.value, str):
            raise ValueError(f"{step} is for categories; numbers take one of {STATISTICS}, or a number")
    for step in steps[:-1]:
        if isinstance(step, Bin):
            raise ValueError(f"{step} makes a category, so it ends the chain")
