"""Factorization machines, field-aware or not: linear models with interactions of pairs of features.

A feature has a vector a field, of ``factors`` numbers. Let ``S[a, b]`` be the sum, over a row's features of
field ``a``, of value times the vector for field ``b``. The interactions of all pairs come to

    (Σ S[a, b] · S[b, a] - Σ of each feature's (value · vector for its own field)²) / 2

which costs features × fields × factors, however many features a field has. With one field for all it is the
factorization machine of Rendle (2010), and with one feature a field that of Juan et al. (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen, part
from stagecraft.parameter_server.kernels.coordinate import Settings, updated, weight_of
from stagecraft.parameter_server.kernels.losses import loss_and_slope
from stagecraft.parameter_server.kernels.prefetch import prefetch_row, prefetch_states
from stagecraft.parameter_server.kernels.table import Initial, Table, initial_weight

if TYPE_CHECKING:
    from stagecraft.parameter_server.rows import Rows


@dataclass(frozen=True)
class Factorization(Table):
    """An :class:`~stagecraft.parameter_server.kernels.objective.Objective` with interactions.

    :param bounds: int64, ascending: field ``f`` holds the keys from ``bounds[f]`` up to ``bounds[f + 1]``;
        keys outside have a weight only
    """

    loss: int
    bounds: np.ndarray

    def gradients(
        self, rows: Rows, order: np.ndarray, local: np.ndarray, weights: np.ndarray, gradient: np.ndarray
    ) -> float:
        read = [frozen(array) for array in (*rows.csr, rows.label, rows.weight, order, local, weights)]
        total: float = _gradients(*read, gradient, self.loss, frozen(self.bounds))
        return total

    def train(
        self, rows: Rows, order: np.ndarray, state: np.ndarray, slots: np.ndarray | None = None
    ) -> float:
        places = rows.csr.indices if slots is None else slots
        read = [frozen(array) for array in (*rows.csr, places, rows.label, rows.weight, order)]
        parameters = (self.loss, frozen(self.bounds), self.settings, self.vector_settings, self.initial)
        total: float = _train(*read, state.reshape(-1), self.width, *parameters)
        return total


@part  # type: ignore[untyped-decorator]
def longest_row(indptr: np.ndarray, order: np.ndarray) -> int:
    """Return the most features that one of the rows has."""
    longest = 0
    for row in order:
        longest = max(longest, indptr[row + 1] - indptr[row])
    return longest


@part  # type: ignore[untyped-decorator]
def field_of(key: int, bounds: np.ndarray, guess: int) -> int:
    """Return the field of a key, or -1. Keys ascend in a row, so the search goes on from the one before."""
    if key < bounds[0] or key >= bounds[-1]:
        return -1
    field = guess if guess >= 0 and bounds[guess] <= key else 0
    while key >= bounds[field + 1]:
        field += 1
    return field


@part  # type: ignore[untyped-decorator]
def interactions(
    count: int,
    value: np.ndarray,
    field: np.ndarray,
    vectors: np.ndarray,
    sums: np.ndarray,
    mirror: np.ndarray,
) -> float:
    """Return the interactions of a row; ``sums`` becomes S and ``mirror`` its transpose over fields."""
    fields, span = sums.shape
    factors = span // fields
    sums[:] = 0
    own = np.float32(0)
    for j in range(count):
        a = field[j]
        if a >= 0:
            for c in range(span):
                sums[np.uint64(a), c] += value[j] * vectors[j, c]
            for c in range(a * factors, (a + 1) * factors):
                own += (value[j] * vectors[j, np.uint64(c)]) ** 2
    total = np.float32(0)
    for a in range(fields):
        for b in range(fields):
            for c in range(factors):
                mirror[a, b * factors + c] = sums[b, a * factors + c]
                total += sums[b, a * factors + c] * sums[a, b * factors + c]
    return np.float32(0.5) * (total - own)  # type: ignore[return-value]


@part  # type: ignore[untyped-decorator]
def slopes(
    j: int, field: int, value: float, vectors: np.ndarray, mirror: np.ndarray, slope: np.ndarray
) -> None:
    """Write the margin's derivatives by the vectors of a row's feature ``j`` to ``slope``."""
    factors = mirror.shape[1] // mirror.shape[0]
    for c in range(mirror.shape[1]):
        slope[c] = value * mirror[np.uint64(field), c]
    for c in range(field * factors, (field + 1) * factors):
        slope[np.uint64(c)] -= value * value * vectors[np.uint64(j), np.uint64(c)]


@compiled  # type: ignore[untyped-decorator]
def _gradients(
    indptr: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    order: np.ndarray,
    local: np.ndarray,
    weights: np.ndarray,
    gradient: np.ndarray,
    loss: int,
    bounds: np.ndarray,
) -> float:
    longest, fields, span = longest_row(indptr, order), bounds.shape[0] - 1, weights.shape[1] - 1
    field, value = np.empty(longest, np.int64), np.empty(longest, np.float32)
    vectors, slope = np.empty((longest, span), np.float32), np.empty(span, np.float32)
    sums, mirror = np.empty((fields, span), np.float32), np.empty((fields, span), np.float32)
    total, met = 0.0, 0
    for row in order:
        start, count = indptr[row], indptr[row + 1] - indptr[row]
        margin, guess = np.float32(0), 0
        for j in range(count):
            place = local[met + j]
            field[j] = guess = field_of(indices[start + j], bounds, guess)
            value[j] = values[start + j]
            margin += value[j] * weights[place, 0]
            for c in range(span):
                vectors[j, c] = weights[place, 1 + c]
        margin += interactions(count, value, field, vectors, sums, mirror)
        cost, by_margin = loss_and_slope(loss, margin, label[row])
        total += weight[row] * cost
        step = np.float32(weight[row] * by_margin)
        for j in range(count):
            place = local[met + j]
            gradient[place, 0] += step * value[j]
            if field[j] >= 0:
                slopes(j, field[j], value[j], vectors, mirror, slope)
                for c in range(span):
                    gradient[place, 1 + c] += step * slope[c]
        met += count
    return total


@compiled  # type: ignore[untyped-decorator]
def _train(
    indptr: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    slots: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    order: np.ndarray,
    state: np.ndarray,
    width: int,
    loss: int,
    bounds: np.ndarray,
    settings: Settings,
    vector_settings: Settings,
    initial: Initial,
) -> float:
    longest, fields, span = longest_row(indptr, order), bounds.shape[0] - 1, width - 1
    field, value = np.empty(longest, np.int64), np.empty(longest, np.float32)
    linear, vectors = np.empty(longest, np.float32), np.empty((longest, span), np.float32)
    sums, mirror = np.empty((fields, span), np.float32), np.empty((fields, span), np.float32)
    slope = np.empty(span, np.float32)
    # Indices without a sign: NumPy's wrap-around of negative ones keeps loops out of vector registers.
    one, two = np.uint64(1), np.uint64(2)
    total = 0.0
    for position in range(order.shape[0]):
        prefetch_row(indptr, indices, values, order, position)
        prefetch_states(indptr, slots, order, position, state, 2 * width)
        row = order[position]
        start, count = indptr[row], indptr[row + 1] - indptr[row]
        margin, guess = np.float32(0), 0
        for j in range(count):
            key = np.int64(indices[start + j])
            value[j] = values[start + j]
            base = np.uint64(2 * width * np.int64(slots[start + j]))
            linear[j] = weight_of(state[base], state[base + one], settings)
            margin += value[j] * linear[j]
            field[j] = guess = field_of(key, bounds, guess)
            if guess >= 0:
                least = np.float32(1)
                for c in range(np.uint64(span)):
                    at = base + two * (c + one)
                    vectors[j, c] = weight_of(state[at], state[at + one], vector_settings)
                    least = min(least, state[at + one])
                if least == 0:
                    for c in range(np.uint64(span)):
                        if state[base + two * (c + one) + one] == 0:
                            vectors[j, c] = initial_weight(key, c + one, initial)
        margin += interactions(count, value, field, vectors, sums, mirror)
        cost, by_margin = loss_and_slope(loss, margin, label[row])
        total += weight[row] * cost
        step = np.float32(weight[row] * by_margin)
        if step == 0:
            continue
        for j in range(count):
            base = np.uint64(2 * width * np.int64(slots[start + j]))
            state[base], state[base + one] = updated(
                state[base], state[base + one], linear[j], step * value[j], settings
            )
            if field[j] >= 0:
                slopes(j, field[j], value[j], vectors, mirror, slope)
                for c in range(np.uint64(span)):
                    at = base + two * (c + one)
                    state[at], state[at + one] = updated(
                        state[at], state[at + one], vectors[j, c], step * slope[c], vector_settings
                    )
    return total
