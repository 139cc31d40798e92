"""One coordinate of a model: its weight as a function of its state, and its update by a gradient.

The state is a pair of numbers, of which the second is the root of the sum of squared gradients: √n, not n, so
that the weight takes no square root. The first is FTRL's z, or AdaGrad's weight. Zeros have never seen a
gradient; until then the weight is the initial one.

Both optimizers are written over ``H = (smooth + √n) / rate``, the inverse of the learning rate:

- FTRL-proximal: ``w = -shrink(z, l1) / (H + l2)``, ``z += g - (H' - H) w``. With the first gradient the whole
  of ``H'`` counts as its growth, so z takes up the initial weight.
- AdaGrad: ``w' = shrink(H' w - g, l1) / (H' + l2)``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled

if TYPE_CHECKING:
    from stagecraft.parameter_server.optimizer import AnyOptimizer

TINY = np.float32(1e-30)


class Settings(NamedTuple):
    """An optimizer's parameters as the kernels read them: a bool and float32.

    :param inverse: the inverse of the learning rate
    """

    ftrl: bool
    inverse: np.float32
    smooth: np.float32
    l1: np.float32
    l2: np.float32

    @classmethod
    def of(cls, optimizer: AnyOptimizer) -> Settings:
        """Take them from the typed parameters."""
        if optimizer.type == "ftrl":
            rate, smooth = optimizer.alpha, optimizer.beta
        else:
            rate, smooth = optimizer.learning_rate, optimizer.initial
        return cls(
            optimizer.type == "ftrl",
            np.float32(1 / rate),
            np.float32(smooth),
            np.float32(optimizer.l1),
            np.float32(optimizer.l2),
        )


@compiled  # type: ignore[untyped-decorator]
def shrink(value: float, by: float) -> float:
    """Move a number towards zero, and not beyond."""
    return math.copysign(max(abs(value) - by, np.float32(0)), value)  # type: ignore[arg-type]


@compiled  # type: ignore[untyped-decorator]
def weight_of(first: float, root: float, settings: Settings) -> float:
    """Return the weight of a state; 0 for zeros."""
    if settings.ftrl:
        curve = (settings.smooth + root) * settings.inverse + settings.l2
        return -shrink(first, settings.l1) / max(curve, TINY)  # type: ignore[no-any-return]
    return first


@compiled  # type: ignore[untyped-decorator]
def updated(
    first: float, root: float, weight: float, gradient: float, settings: Settings
) -> tuple[float, float]:
    """Return the state after a gradient.

    The growth of √n is taken from what float32 holds of it, so z keeps in step with it.
    """
    grown = math.sqrt(root * root + gradient * gradient)
    if settings.ftrl:
        growth = grown - root if root > 0 else grown + settings.smooth
        moved = first + gradient - growth * settings.inverse * weight
    else:
        curve = (settings.smooth + grown) * settings.inverse
        moved = shrink(curve * weight - gradient, settings.l1) / max(curve + settings.l2, TINY)
    return (moved if gradient != 0 else first), (grown if gradient != 0 else root)  # type: ignore[return-value]


@compiled  # type: ignore[untyped-decorator]
def updated_late(
    first: float, root: float, weight: float, gradient: float, missed: float, settings: Settings
) -> tuple[float, float]:
    """Return the state after a gradient that was computed without others that are applied already.

    n grows by g² + g · missed, and never falls; what the others moved the weight by is taken back as far as
    the learning rate has fallen since.

    Source: McMahan and Streeter, Delay-Tolerant Algorithms for Asynchronous Distributed Online Learning, NIPS
    2014, algorithm AdaptiveRevision, which has 2g · missed, as the square of a sum has. But where all run on,
    as many later gradients miss this one: half makes n grow as it does by the sums of common steps.

    :param missed: the sum of these others
    """
    if missed == 0 or gradient == 0 or root == 0:
        return updated(first, root, weight, gradient, settings)  # type: ignore[no-any-return]
    squares = root * root
    grown = math.sqrt(max(squares + gradient * (gradient + missed), squares))
    growth = grown - root
    step = gradient - growth / (settings.smooth + root) * missed
    if settings.ftrl:
        return first + step - growth * settings.inverse * weight, grown  # type: ignore[return-value]
    curve = (settings.smooth + grown) * settings.inverse
    return shrink(curve * weight - step, settings.l1) / max(curve + settings.l2, TINY), grown
