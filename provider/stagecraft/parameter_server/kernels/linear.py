"""Models of one weight a feature: logistic, linear and Poisson regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen
from stagecraft.parameter_server.kernels.coordinate import Settings, updated, weight_of
from stagecraft.parameter_server.kernels.losses import loss_and_slope
from stagecraft.parameter_server.kernels.prefetch import prefetch_row, prefetch_states
from stagecraft.parameter_server.kernels.table import Table

if TYPE_CHECKING:
    from stagecraft.parameter_server.rows import Rows

LANE = 16
"""Features that are computed together; a row is padded to a multiple with values of 0."""


@dataclass(frozen=True)
class Linear(Table):
    """An :class:`~stagecraft.parameter_server.kernels.objective.Objective` of one weight a feature."""

    loss: int

    def gradients(
        self, rows: Rows, order: np.ndarray, local: np.ndarray, weights: np.ndarray, gradient: np.ndarray
    ) -> float:
        read = [frozen(array) for array in (rows.csr.indptr, rows.csr.values, rows.label, rows.weight)]
        total: float = _gradients(
            *read, frozen(order), frozen(local), frozen(weights).reshape(-1), gradient.reshape(-1), self.loss
        )
        return total

    def train(
        self, rows: Rows, order: np.ndarray, state: np.ndarray, slots: np.ndarray | None = None
    ) -> float:
        csr = rows.csr if slots is None else rows.csr._replace(indices=slots)
        read = [frozen(array) for array in (*csr, rows.label, rows.weight, order)]
        pairs = state.reshape(-1).view(np.int64)
        total: float = _train(*read, pairs, self.loss, self.settings)
        return total


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
    loss: int,
) -> float:
    # Positions without a sign: NumPy's wrap-around of negative ones keeps the loops out of vector registers.
    total, met = 0.0, np.uint64(0)
    for row in order:
        start, stop = np.uint64(indptr[row]), np.uint64(indptr[row + 1])
        count = stop - start
        margin = np.float32(0)
        for j in range(count):
            margin += weights[np.uint32(local[met + j])] * values[start + j]
        cost, slope = loss_and_slope(loss, margin, label[row])
        total += weight[row] * cost
        step = np.float32(weight[row] * slope)
        for j in range(count):
            gradient[np.uint32(local[met + j])] += step * values[start + j]
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
    loss: int,
    settings: Settings,
) -> float:
    longest = 0
    for row in order:
        longest = max(longest, indptr[row + 1] - indptr[row])
    size = -(-longest // LANE) * LANE
    # A state is read and written as one number of eight bytes, and computed with as two of four.
    pairs = np.zeros(size, np.int64)
    numbers = pairs.view(np.float32)
    value, weights = np.zeros(size, np.float32), np.zeros(size, np.float32)
    total = 0.0
    # Positions without a sign here, too.
    for position in range(order.shape[0]):
        row = order[position]
        start, stop = np.uint64(indptr[row]), np.uint64(indptr[row + 1])
        count = stop - start
        for j in range(count):
            pairs[j] = state[np.uint64(indices[start + j])]
            value[j] = values[start + j]
        padded = -(-np.int64(count) // LANE) * LANE
        value[count:padded] = 0
        margin = np.float32(0)
        for lane in range(0, padded, LANE):
            for j in range(lane, lane + LANE):
                weights[j] = weight_of(numbers[2 * j], numbers[2 * j + 1], settings)
                margin += weights[j] * value[j]
        # The processor does this while it waits for the margin.
        prefetch_row(indptr, indices, values, order, position)
        prefetch_states(indptr, indices, order, position, state, 1)
        cost, slope = loss_and_slope(loss, margin, label[row])
        total += weight[row] * cost
        step = np.float32(weight[row] * slope)
        if step == 0:
            continue
        for lane in range(0, padded, LANE):
            for j in range(lane, lane + LANE):
                numbers[2 * j], numbers[2 * j + 1] = updated(
                    numbers[2 * j], numbers[2 * j + 1], weights[j], step * value[j], settings
                )
        for j in range(count):
            state[np.uint64(indices[start + j])] = pairs[j]
    return total
