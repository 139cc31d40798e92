"""How far two distributions over the same bins lie apart: PSI, information value, weights of evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence

EMPTY = 0.5
"""An empty bin counts as half a row, so that no logarithm is infinite."""


def weights_of_evidence(a: Sequence[int], b: Sequence[int]) -> list[float]:
    """Return ln(share of ``a`` / share of ``b``) of each bin.

    Of positive and negative rows it is the weight of evidence: above 0 where positive rows are more frequent
    than elsewhere. A bin that is empty on one side counts as half a row there; empty on both it weighs 0.

    :param a: rows of each bin
    :param b: rows of each bin, of the other distribution
    :raises ValueError: a side has no rows at all

    >>> [round(weight, 4) for weight in weights_of_evidence([10, 30], [30, 10])]
    [-1.0986, 1.0986]
    """
    return [math.log(p / q) if p else 0.0 for p, q in _shares(a, b)]


def divergence(a: Sequence[int], b: Sequence[int]) -> float:
    """Return Σ (share of a − share of b) · ln(share of a / share of b) over the bins.

    Of rows now and at the time of a reference it is the population stability index; of positive and negative
    rows the information value (N. Siddiqi, Credit Risk Scorecards, 2006; both are H. Jeffreys's divergence).
    Empty bins: see :func:`weights_of_evidence`.

    >>> round(divergence([10, 30], [30, 10]), 4)
    1.0986
    """
    return math.fsum((p - q) * math.log(p / q) for p, q in _shares(a, b) if p)


def _shares(a: Sequence[int], b: Sequence[int]) -> list[tuple[float, float]]:
    """The shares of each bin on both sides; 0 and 0 where it is empty on both."""
    if not sum(a) or not sum(b):
        raise ValueError(f"no rows to compare: {sum(a)} and {sum(b)}")
    pairs = [
        (max(left, EMPTY), max(right, EMPTY)) if left or right else (0.0, 0.0)
        for left, right in zip(a, b, strict=True)
    ]
    all_a, all_b = (math.fsum(side) for side in zip(*pairs, strict=True))
    return [(left / all_a, right / all_b) for left, right in pairs]


def kolmogorov_p(distance: float, rows: int, other: int) -> float:
    """Return how probable a distance of two samples' distribution functions at least this large is by chance.

    The limit for many rows: 2 Σ (−1)^(k−1) exp(−2 k² d² n m / (n + m)), k from 1 (Smirnov 1948).

    :param distance: the Kolmogorov–Smirnov statistic, 0 … 1
    :param rows: values of one sample
    :param other: values of the other

    >>> round(kolmogorov_p(0.1, 200, 300), 4)
    0.1813
    """
    from scipy.special import kolmogorov

    return float(kolmogorov(distance * math.sqrt(rows / (rows + other) * other)))
