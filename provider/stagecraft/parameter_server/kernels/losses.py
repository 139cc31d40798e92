"""Losses of a row: how far its margin is from its label."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled

Loss = Literal["logistic", "squared", "poisson"]
LOSSES: dict[Loss, int] = {"logistic": 0, "squared": 1, "poisson": 2}

STEEPEST = 20.0
"""The margin, a rate of 4.9e8, beyond which the Poisson loss is a straight line: it never overflows."""


@compiled  # type: ignore[untyped-decorator]
def log1p(tail: float) -> float:
    """Return log(1 + tail) = 2 artanh(tail / (2 + tail)) for a tail of 0 … 1, to nine digits.

    The series is part of the loop around it; a call of the library's costs a tenth of a row's time.
    """
    ratio = tail / (2.0 + tail)
    square = ratio * ratio
    series = 1 / 17
    for odd in (15, 13, 11, 9, 7, 5, 3, 1):
        series = series * square + 1 / odd
    return 2.0 * ratio * series


@compiled  # type: ignore[untyped-decorator]
def loss_and_slope(loss: int, margin: np.float32, label: np.float32) -> tuple[float, float]:
    """Return a row's loss and the derivative by its margin, float64.

    - logistic: -log p(label), for labels 0 and 1
    - squared: (margin - label)² / 2
    - Poisson: exp(margin) - label · margin, which leaves out what depends on the label alone
    """
    m, y = np.float64(margin), np.float64(label)
    if loss == 0:
        tail = math.exp(-abs(m))
        probability = 1.0 / (1.0 + tail) if m >= 0 else tail / (1.0 + tail)
        return max(m, 0.0) - y * m + log1p(tail), probability - y
    if loss == 1:
        return 0.5 * (m - y) * (m - y), m - y
    rate = math.exp(min(m, STEEPEST))
    return rate * (1.0 + max(m - STEEPEST, 0.0)) - y * m, rate - y
