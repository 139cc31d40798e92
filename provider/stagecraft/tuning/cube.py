"""A space's unit cube as arrays: what a model sees of it, and where it looks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from stagecraft.tuning.expression import Expression
from stagecraft.tuning.space import Choice, Space

LEVELS = 256
FAR, NEAR, FINE = 400, 60, 40
DRAWS, TINY = 256, 1e-9
WIDTHS, FINE_WIDTHS = (0.02, 0.06, 0.18), (0.01, 0.03)


class Cube:
    """The unit cube of a space; points are arrays of shape (points, dimensions).

    :param effort: what a trial costs, in any unit
    """

    def __init__(self, space: Space, effort: Expression | None = None) -> None:
        self.space, self.effort = space, effort
        self._dimensions = list(space.dimensions.values())
        self._choices = [isinstance(dimension, Choice) for dimension in self._dimensions]

    def features(self, points: np.ndarray) -> np.ndarray:
        """Return the points as a model takes them: numbers as they are, a column for each option."""
        columns = []
        for place, dimension in enumerate(self._dimensions):
            column = points[:, place]
            if isinstance(dimension, Choice):
                chosen = np.minimum((column * dimension.count).astype(int), dimension.count - 1)
                columns.append(np.eye(dimension.count)[chosen] / 2**0.5)
            else:
                columns.append(column[:, None])
        return np.hstack(columns)

    def candidates(self, best: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """Return points from all of the cube, mixed from the best ones, and near them."""
        far = draw.random((FAR, len(self._dimensions)))
        first, second = draw.integers(len(best), size=(2, FAR))
        mixed = np.where(draw.random(far.shape) < 0.5, best[first], best[second])
        near = np.vstack([self.near(mixed, 1, WIDTHS, draw), self.near(best, NEAR, WIDTHS, draw)])
        return self.snapped(np.vstack([far, near]))

    def finer(self, best: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """Return points close to the best ones."""
        return self.snapped(self.near(best, FINE, FINE_WIDTHS, draw))

    def near(
        self, best: np.ndarray, each: int, widths: Sequence[float], draw: np.random.Generator
    ) -> np.ndarray:
        """Return ``each`` points beside every one: some of its numbers moved, some choices made anew."""
        points = np.repeat(best, each, axis=0)
        count, dimensions = points.shape
        width = draw.choice(widths, size=(count, 1))
        share = draw.choice([1.5 / dimensions, 0.5, 1.0], size=(count, 1))
        moved = draw.random(points.shape) < share
        moved[np.arange(count), draw.integers(dimensions, size=count)] = True
        shifted = np.abs(points + width * draw.normal(size=points.shape)) % 2
        shifted = np.where(shifted > 1, 2 - shifted, shifted)
        anew = np.array(self._choices) & (draw.random(points.shape) < 0.3)
        kept = np.where(np.array(self._choices), points, shifted)
        points = np.where(moved, np.where(anew, draw.random(points.shape), kept), points)
        return points

    def snapped(self, points: np.ndarray) -> np.ndarray:
        """Return the points that stand for the same parameters."""
        if self.space.conditional:
            return np.array([self.space.to_unit(self.space.from_unit(point)) for point in points.tolist()])
        points = points.copy()
        for place, cells in self._cells:
            middles = (cells[1:] + cells[:-1]) / 2
            points[:, place] = cells[np.searchsorted(middles, points[:, place])]
        return points

    def efforts(self, points: np.ndarray) -> np.ndarray:
        """Return the logarithm of what trials at the points cost, about, for all of them in one step."""
        if self.effort is None:
            return np.zeros(len(points))
        efforts: np.ndarray = _squared(points) @ self._growth
        return efforts

    @cached_property
    def _growth(self) -> np.ndarray:
        """How the logarithm of the effort grows with the points, by least squares."""
        assert self.effort is not None
        source = random.Random(0)
        drawn = [self.space.sample(source) for _ in range(DRAWS)]
        efforts = [max(float(self.effort.of(parameters)), TINY) for parameters in drawn]
        points = np.array([self.space.to_unit(parameters) for parameters in drawn])
        growth: np.ndarray = np.linalg.lstsq(_squared(points), np.log(efforts))[0]
        return growth

    @cached_property
    def _cells(self) -> list[tuple[int, np.ndarray]]:
        """The places of the values of every dimension that has few."""
        return [
            (place, np.array([dimension.to_unit(value) for value in dimension.levels(LEVELS)]))
            for place, dimension in enumerate(self._dimensions)
            if dimension.count is not None and dimension.count <= LEVELS
        ]


def _squared(points: np.ndarray) -> np.ndarray:
    return np.hstack([np.ones((len(points), 1)), points, points**2])
