"""Rounds of a study: each narrows the space around the best so far, or goes on in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stagecraft.tuning.space import Choice, Dimension, Parameters, Space, Uniform


class Rounds(BaseModel):
    """How a study goes in rounds.

    :param trials: how many trials a round has
    :param narrow: how wide each dimension of a round is, as a share of the round's before, around the best
        trial so far; 1 goes on in the whole space
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: int = Field(ge=2)
    narrow: float = Field(default=0.5, gt=0, le=1)


class Round(BaseModel):
    """The record of a round.

    :param number: from 0
    :param begins: the number of its first trial
    :param space: what it searches
    :param best: the parameters that it lies around, or None
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    begins: int
    space: dict[str, Dimension]
    best: dict[str, Any] | None = None


def narrowed(space: Space, best: Parameters, share: float) -> Space:
    """Return the part of a space around parameters in it.

    A choice keeps all its options, and so does what conditions ask for.

    :param share: of each dimension's width, on its own scale

    >>> narrowed(Space({"x": Uniform(0, 8)}), {"x": 1.0}, 0.5).dimensions["x"].high
    4.0
    """
    asked = {parent for dimension in space.dimensions.values() for parent in dimension.when}
    return Space(
        {
            name: dimension if name in asked or name not in best else _part(dimension, best[name], share)
            for name, dimension in space.dimensions.items()
        },
        space.constraints,
    )


def within(space: Space, parameters: Mapping[str, Any]) -> bool:
    """Whether parameters lie in a round's space."""
    return all(space.dimensions[name].contains(value) for name, value in parameters.items())


def _part(dimension: Dimension, value: Any, share: float) -> Dimension:
    if isinstance(dimension, Choice):
        return dimension
    begin = min(max(dimension.to_unit(value) - share / 2, 0.0), 1.0 - share)
    low, high = dimension.from_unit(begin), dimension.from_unit(begin + share)
    if low == high:
        return dimension
    if isinstance(dimension, Uniform) and dimension.step and high - low < dimension.step:
        return dimension
    bounds: dict[str, Any] = {"low": low, "high": high}
    return dataclasses.replace(dimension, **bounds)
