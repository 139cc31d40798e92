"""Softmax regression: one weight a feature and class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen
from stagecraft.parameter_server.kernels.coordinate import Settings, updated, weight_of
from stagecraft.parameter_server.kernels.prefetch import prefetch_row, prefetch_states
from stagecraft.parameter_server.kernels.table import Table

if TYPE_CHECKING:
    from stagecraft.parameter_server.rows import Rows


@dataclass(frozen=True)
class Softmax(Table):
    """An :class:`~stagecraft.parameter_server.kernels.objective.Objective` of one weight a feature and class.

    Labels are the classes' numbers, 0 … width - 1.
    """

    def gradients(
        self, rows: Rows, order: np.ndarray, local: np.ndarray, weights: np.ndarray, gradient: np.ndarray
    ) -> float:
        read = [frozen(array) for array in (rows.csr.indptr, rows.csr.values, rows.label, rows.weight)]
        total: float = _gradients(*read, frozen(order), frozen(local), frozen(weights), gradient)
        return total

    def train(
        self, rows: Rows, order: np.ndarray, state: np.ndarray, slots: np.ndarray | None = None
    ) -> float:
        csr = rows.csr if slots is None else rows.csr._replace(indices=slots)
        read = [frozen(array) for array in (*csr, rows.label, rows.weight, order)]
        total: float = _train(*read, state.reshape(-1), self.width, self.settings)
        return total


@compiled  # type: ignore[untyped-decorator]
def loss_and_slopes(margin: np.ndarray, label: float) -> float:
    """Return -log p(label); the classes' margins become the loss's derivatives by them."""
    truth = np.int64(label)
    if not 0 <= truth < margin.shape[0]:
        raise ValueError("a label is not the number of a class")
    top = margin.max()
    at_truth = margin[truth] - top
    total = np.float32(0)
    for c in range(margin.shape[0]):
        margin[c] = math.exp(margin[c] - top)
        total += margin[c]
    for c in range(margin.shape[0]):
        margin[c] /= total
    margin[truth] -= np.float32(1)
    return np.float64(math.log(total) - at_truth)


@compiled  # type: ignore[untyped-decorator]
def _gradients(
    indptr: np.ndarray,
    values: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    order: np.ndarray,
    local: np.ndarray,
    weights: np.ndarray,
    gradient: np.ndarray,
) -> float:
    classes = weights.shape[1]
    margin = np.empty(classes, np.float32)
    # Positions without a sign: NumPy's wrap-around of negative ones costs as much as the loads.
    total, met = 0.0, np.uint64(0)
    for row in order:
        start, stop = np.uint64(indptr[row]), np.uint64(indptr[row + 1])
        count = stop - start
        margin[:] = 0
        for j in range(count):
            for c in range(classes):
                margin[c] += weights[local[met + j], c] * values[start + j]
        total += weight[row] * loss_and_slopes(margin, label[row])
        for j in range(count):
            for c in range(classes):
                gradient[local[met + j], c] += weight[row] * margin[c] * values[start + j]
        met += count
    return total


@compiled  # type: ignore[untyped-decorator]
def _train(
    indptr: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    order: np.ndarray,
    state: np.ndarray,
    classes: int,
    settings: Settings,
) -> float:
    margin = np.empty(classes, np.float32)
    total = 0.0
    for position in range(order.shape[0]):
        prefetch_row(indptr, indices, values, order, position)
        prefetch_states(indptr, indices, order, position, state, 2 * classes)
        row = order[position]
        start, stop = indptr[row], indptr[row + 1]
        margin[:] = 0
        for at in range(start, stop):
            base = 2 * classes * np.int64(indices[at])
            for c in range(classes):
                margin[c] += weight_of(state[base + 2 * c], state[base + 2 * c + 1], settings) * values[at]
        total += weight[row] * loss_and_slopes(margin, label[row])
        if weight[row] == 0:
            continue
        for at in range(start, stop):
            base = 2 * classes * np.int64(indices[at])
            for c in range(classes):
                first, root = state[base + 2 * c], state[base + 2 * c + 1]
                state[base + 2 * c], state[base + 2 * c + 1] = updated(
                    first,
                    root,
                    weight_of(first, root, settings),
                    weight[row] * margin[c] * values[at],
                    settings,
                )
    return total
