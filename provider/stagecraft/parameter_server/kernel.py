"""The arithmetic of training, compiled: gradients over sparse rows, and the FTRL-proximal update.

A step is: :func:`touched` keys of its rows, their weights (:func:`pull`), :func:`gradients`, and one
:func:`push` of each key's summed gradient. Several workers' gradients of a step are summed (:func:`add`)
before they are pushed, so the accumulator takes ``n += (Σg)²``: the sum of squares ``n += Σg²`` takes a
hundred agreeing gradients for noise of the same size, and training diverges as rows in flight grow.
"""

from __future__ import annotations

import math

import numba
import numpy as np

LOGISTIC, SQUARED = 0, 1

_compiled = numba.njit(nogil=True, cache=True)


@_compiled  # type: ignore[untyped-decorator]
def touched(
    indptr: np.ndarray, indices: np.ndarray, rows: np.ndarray, mark: np.ndarray, stamp: int
) -> np.ndarray:
    """Return the distinct features of ``rows``, int32, in the order of their first use.

    :param mark: int32, one a feature; holds the last stamp that saw the feature
    :param stamp: a number that ``mark`` does not hold yet
    """
    keys = np.empty(mark.shape[0], dtype=np.int32)
    found = 0
    for row in rows:
        for at in range(indptr[row], indptr[row + 1]):
            key = indices[at]
            if mark[key] != stamp:
                mark[key] = stamp
                keys[found] = key
                found += 1
    return keys[:found].copy()


@_compiled  # type: ignore[untyped-decorator]
def gradients(
    indptr: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    rows: np.ndarray,
    weights: np.ndarray,
    gradient: np.ndarray,
    loss: int,
) -> float:
    """Add the gradients of ``rows`` to ``gradient``; return the sum of their weighted losses.

    :param label: float32 a row; 0 or 1 for the logistic loss
    :param weight: float32 a row
    :param weights: float32, the model, one a feature
    :param gradient: float64, one a feature, added to
    :param loss: :data:`LOGISTIC`, -log p(label); or :data:`SQUARED`, (prediction - label)² / 2
    """
    total = 0.0
    for row in rows:
        margin = 0.0
        for at in range(indptr[row], indptr[row + 1]):
            margin += np.float64(weights[indices[at]]) * values[at]
        y = np.float64(label[row])
        if loss == LOGISTIC:
            tail = math.exp(-abs(margin))
            probability = 1.0 / (1.0 + tail) if margin >= 0 else tail / (1.0 + tail)
            slope = probability - y
            total += weight[row] * (max(margin, 0.0) - y * margin + math.log1p(tail))
        else:
            slope = margin - y
            total += weight[row] * 0.5 * slope * slope
        slope *= weight[row]
        for at in range(indptr[row], indptr[row + 1]):
            gradient[indices[at]] += slope * values[at]
    return total


@_compiled  # type: ignore[untyped-decorator]
def pull(state: np.ndarray, keys: np.ndarray, alpha: float, beta: float, l1: float, l2: float) -> np.ndarray:
    """Return the weights of ``keys``, float32.

    :param state: float32, keys × (z, n)
    """
    weights = np.empty(keys.shape[0], dtype=np.float32)
    for at in range(keys.shape[0]):
        z, n = np.float64(state[keys[at], 0]), np.float64(state[keys[at], 1])
        weights[at] = _weight(z, n, alpha, beta, l1, l2)
    return weights


@_compiled  # type: ignore[untyped-decorator]
def push(
    state: np.ndarray,
    keys: np.ndarray,
    gradient: np.ndarray,
    alpha: float,
    beta: float,
    l1: float,
    l2: float,
) -> None:
    """Update the state of ``keys`` by their summed gradients, which are zero afterwards.

    :param keys: may hold a key more than once; it is updated once
    :param gradient: float64, one a key of the state
    """
    for key in keys:
        g = gradient[key]
        if g == 0.0:
            continue
        gradient[key] = 0.0
        z, n = np.float64(state[key, 0]), np.float64(state[key, 1])
        weight = np.float64(np.float32(_weight(z, n, alpha, beta, l1, l2)))
        grown = n + g * g
        # (√grown - √n) / alpha, without the cancellation.
        root = math.sqrt(grown) + math.sqrt(n)
        sigma = g * g / (alpha * root) if root > 0 else 0.0
        state[key, 0] = z + g - sigma * weight
        state[key, 1] = grown


@_compiled  # type: ignore[untyped-decorator]
def add(total: np.ndarray, keys: np.ndarray, gradient: np.ndarray) -> None:
    """Add a worker's gradients, one a key of ``keys``, to ``total``, one a key of the state."""
    for at in range(keys.shape[0]):
        total[keys[at]] += gradient[at]


@_compiled  # type: ignore[untyped-decorator]
def _weight(z: float, n: float, alpha: float, beta: float, l1: float, l2: float) -> float:
    if abs(z) <= l1:
        return 0.0
    scale = (beta + math.sqrt(n)) / alpha + l2
    return (math.copysign(l1, z) - z) / scale if scale > 0 else 0.0
