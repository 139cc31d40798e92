"""Factorization machines with a network: embeddings in the table, and layers in its last rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen
from stagecraft.parameter_server.kernels.coordinate import Settings
from stagecraft.parameter_server.kernels.factorization import field_of
from stagecraft.parameter_server.kernels.localize import localize
from stagecraft.parameter_server.kernels.losses import loss_and_slope
from stagecraft.parameter_server.kernels.network import Dropout, Pass
from stagecraft.parameter_server.kernels.table import Initial, Table
from stagecraft.parameter_server.warm import state_of
from stagecraft.transforms.network import Network

if TYPE_CHECKING:
    from stagecraft.parameter_server.rows import Rows

STEP = 256
"""Rows that are learned from at a time where the model is updated in place."""
ROOT = 1e-6
"""The √n that a network's numbers begin with: not zero, so that they are known to have begun."""


@dataclass(frozen=True)
class DeepFM(Table):
    """An :class:`~stagecraft.parameter_server.kernels.objective.Objective` with interactions and a network.

    :param bounds: int64, ascending: field ``f`` holds the keys from ``bounds[f]`` up to ``bounds[f + 1]``;
        keys below have a weight only. Where the last field ends, the keys of the network begin
    """

    loss: int
    bounds: np.ndarray
    network: Network
    network_settings: Settings
    dropout: float
    seed: int

    @property
    def common(self) -> int:
        return self.network.rows(self.width)

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the network's keys, and their states before training."""
        weights = np.zeros((self.common, self.width), np.float32)
        numbers = self.network.initial(self.seed)
        weights.reshape(-1)[: len(numbers)] = numbers
        return self._common_keys, state_of(self._layers, weights, ROOT)

    def parts(self, keys: np.ndarray) -> list[tuple[Table, np.ndarray]]:
        common = keys >= self.bounds[-1]
        return [(self._features, ~common), (self._layers, common)]

    def pull(self, state: np.ndarray, slots: np.ndarray, keys: np.ndarray) -> np.ndarray:
        weights = np.empty((len(keys), self.width), np.float32)
        for table, part in self.parts(keys):
            weights[part] = table.pull(state, slots[part], keys[part])
        return weights

    def push(
        self,
        state: np.ndarray,
        slots: np.ndarray,
        keys: np.ndarray,
        gradient: np.ndarray,
        missed: np.ndarray | None = None,
    ) -> None:
        for table, part in self.parts(keys):
            others = None if missed is None else missed[part]
            table.push(state, slots[part], keys[part], gradient[part], others)

    def gradients(
        self, rows: Rows, order: np.ndarray, local: np.ndarray, weights: np.ndarray, gradient: np.ndarray
    ) -> float:
        if not len(order):
            return 0.0
        read = [frozen(array) for array in (*rows.csr, order, local, weights)]
        margin, inputs = _forward(*read, frozen(self.bounds))
        numbers = weights[len(weights) - self.common :].reshape(-1)
        dropped = Dropout(self.dropout, self.seed, order) if self.dropout else None
        done = Pass(self.network, numbers, inputs, dropped)
        margin += done.outputs
        step = np.empty_like(margin)
        total: float = _losses(
            margin, frozen(rows.label), frozen(rows.weight), frozen(order), step, self.loss
        )
        by_inputs, by_numbers = done.slopes(step)
        _backward(*read, gradient, frozen(self.bounds), inputs, by_inputs, step)
        gradient[len(weights) - self.common :].reshape(-1)[: len(by_numbers)] += by_numbers
        return total

    def train(
        self, rows: Rows, order: np.ndarray, state: np.ndarray, slots: np.ndarray | None = None
    ) -> float:
        """Learn from :data:`STEP` rows after another: a network's arithmetic is fast for many at a time.

        :param slots: those of the common keys come last
        """
        own, total = self._common_keys, 0.0
        own_places = own if slots is None else slots[len(rows.csr.indices) :]
        for start in range(0, len(order), STEP):
            taken = order[start : start + STEP]
            keys, local = localize(rows.csr, taken)
            places = keys if slots is None else localize(rows.csr._replace(indices=slots), taken)[0]
            keys, places = np.concatenate([keys, own]), np.concatenate([places, own_places])
            weights = self.pull(state, places, keys)
            gradient = np.zeros_like(weights)
            total += self.gradients(rows, taken, local, weights, gradient)
            self.push(state, places, keys, gradient)
        return total

    @property
    def _common_keys(self) -> np.ndarray:
        return np.arange(self.bounds[-1], self.bounds[-1] + self.common)

    @property
    def _features(self) -> Table:
        return Table(self.width, self.head, self.settings, self.vector_settings, self.initial)

    @property
    def _layers(self) -> Table:
        settings = self.network_settings
        return Table(self.width, self.width, settings, settings, Initial.of())


@compiled  # type: ignore[untyped-decorator]
def _forward(
    indptr: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    order: np.ndarray,
    local: np.ndarray,
    weights: np.ndarray,
    bounds: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the factorization machine's margins, and each field's sum of vectors times values."""
    fields, factors = bounds.shape[0] - 1, weights.shape[1] - 1
    margin = np.empty(order.shape[0], np.float32)
    inputs = np.zeros((order.shape[0], fields * factors), np.float32)
    met = 0
    for at in range(order.shape[0]):
        start, count = indptr[order[at]], indptr[order[at] + 1] - indptr[order[at]]
        linear, own, guess = np.float32(0), np.float32(0), 0
        for j in range(count):
            place, value = local[met + j], values[start + j]
            linear += value * weights[place, 0]
            guess = field_of(indices[start + j], bounds, guess)
            if guess >= 0:
                for c in range(factors):
                    term = value * weights[place, 1 + c]
                    inputs[at, guess * factors + c] += term
                    own += term * term
        pairs = np.float32(0)
        for c in range(factors):
            total = np.float32(0)
            for f in range(fields):
                total += inputs[at, f * factors + c]
            pairs += total * total
        margin[at] = linear + np.float32(0.5) * (pairs - own)
        met += count
    return margin, inputs


@compiled  # type: ignore[untyped-decorator]
def _losses(
    margin: np.ndarray, label: np.ndarray, weight: np.ndarray, order: np.ndarray, step: np.ndarray, loss: int
) -> float:
    """Return the sum of the weighted losses; ``step`` becomes their derivatives by the margins."""
    total = 0.0
    for at in range(order.shape[0]):
        row = order[at]
        cost, slope = loss_and_slope(loss, margin[at], label[row])
        total += weight[row] * cost
        step[at] = weight[row] * slope
    return total


@compiled  # type: ignore[untyped-decorator]
def _backward(
    indptr: np.ndarray,
    indices: np.ndarray,
    values: np.ndarray,
    order: np.ndarray,
    local: np.ndarray,
    weights: np.ndarray,
    gradient: np.ndarray,
    bounds: np.ndarray,
    inputs: np.ndarray,
    by_inputs: np.ndarray,
    step: np.ndarray,
) -> None:
    """Add the gradients of weights and vectors.

    :param by_inputs: the losses' derivatives by ``inputs``, as far as these go through the network
    """
    fields, factors = bounds.shape[0] - 1, weights.shape[1] - 1
    total = np.empty(factors, np.float32)
    met = 0
    for at in range(order.shape[0]):
        start, count = indptr[order[at]], indptr[order[at] + 1] - indptr[order[at]]
        total[:] = 0
        for f in range(fields):
            for c in range(factors):
                total[c] += inputs[at, f * factors + c]
        guess = 0
        for j in range(count):
            place, value = local[met + j], values[start + j]
            gradient[place, 0] += step[at] * value
            guess = field_of(indices[start + j], bounds, guess)
            if guess >= 0:
                for c in range(factors):
                    pairs = step[at] * (total[c] - value * weights[place, 1 + c])
                    gradient[place, 1 + c] += value * (pairs + by_inputs[at, guess * factors + c])
        met += count
