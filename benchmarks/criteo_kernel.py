"""The compiled part of :mod:`criteo_rows`: every row is a function of its number and the seed."""

from __future__ import annotations

import math

import numba
import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
LATENT = 4
"""Numbers that describe each value of an interacting column."""


@numba.njit(cache=True, nogil=True, inline="always")
def _mixed(word):  # type: ignore[no-untyped-def]
    """The finalizer of SplitMix64 (Steele et al., OOPSLA 2014)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@numba.njit(cache=True, nogil=True, inline="always")
def _uniform(base, stream):  # type: ignore[no-untyped-def]
    """A number in (0, 1)."""
    word = _mixed(base + np.uint64(stream + 1) * GOLDEN)
    return (np.float64(word >> np.uint64(11)) + 0.5) / 9007199254740992.0


@numba.njit(cache=True, nogil=True, inline="always")
def _effect(base, value):  # type: ignore[no-untyped-def]
    """A number of mean 0 and variance 1 that belongs to a value of a column: the sum of four uniform ones."""
    word = _mixed(base + np.uint64(value) * GOLDEN)
    total = 0.0
    for part in range(4):
        total += np.float64((word >> np.uint64(16 * part)) & np.uint64(65535))
    return (total / 65536.0 - 2.0) * 1.7320508


@numba.njit(cache=True, nogil=True)
def fill(seed, start, numeric, values, logit, chance, shapes, exponents, sizes, effects, settings):  # type: ignore[no-untyped-def]
    """Fill columns with the rows ``start`` ….

    :param numeric: float64, 13 × rows, to fill; NaN is a missing value
    :param values: int32, 26 × rows, to fill with ranks, 0 the most frequent
    :param logit: float64, rows, to fill with the true log odds
    :param chance: float64, rows, to fill with numbers in (0, 1), of which the label is drawn
    :param shapes: float64, 13 × (mean and deviation of the logarithm, missing part)
    :param exponents: float64, 26, of Zipf's law
    :param sizes: int64, 26, values of each column
    :param effects: float64, 26, deviation of each column's effect on the log odds
    :param settings: intercept, deviation of numeric effects, of interactions, and the first column of them
    """
    intercept, slope, interaction, first = settings
    rows = numeric.shape[1]
    world = _mixed(np.uint64(seed) * GOLDEN + np.uint64(1))
    summed, squares = np.empty(LATENT), np.empty(LATENT)
    for row in range(rows):
        base = _mixed(_mixed(np.uint64(seed)) + np.uint64(start + row) * GOLDEN)
        score = intercept
        for column in range(numeric.shape[0]):
            mean, deviation, missing = shapes[column]
            angle = 2.0 * math.pi * _uniform(base, 2 * column)
            normal = math.sqrt(-2.0 * math.log(_uniform(base, 2 * column + 1))) * math.cos(angle)
            sign = _effect(world, column)
            if _uniform(base, 30 + column) < missing:
                numeric[column, row] = np.nan
                score += slope * sign
            else:
                numeric[column, row] = math.floor(math.exp(mean + deviation * normal))
                score += slope * (sign * normal + 0.5 * math.sin(2.0 * normal))
        summed[:] = 0.0
        squares[:] = 0.0
        for column in range(values.shape[0]):
            power = 1.0 - exponents[column]
            top = math.pow(sizes[column] + 1.0, power) - 1.0
            drawn = math.pow(1.0 + top * _uniform(base, 60 + column), 1.0 / power)
            value = min(np.int64(drawn) - 1, sizes[column] - 1)
            values[column, row] = value
            of_column = _mixed(world + np.uint64(100 + column) * GOLDEN)
            score += effects[column] * _effect(of_column, value)
            if column >= first:
                for part in range(LATENT):
                    latent = _effect(of_column + np.uint64(part + 1), value)
                    summed[part] += latent
                    squares[part] += latent * latent
        for part in range(LATENT):
            score += interaction * 0.5 * (summed[part] * summed[part] - squares[part])
        logit[row] = score
        chance[row] = _uniform(base, 99)
