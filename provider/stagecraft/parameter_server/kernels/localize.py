"""The distinct keys of a batch, and where each of its features stands among them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen
from stagecraft.parameter_server.kernels.prefetch import prefetch

if TYPE_CHECKING:
    from stagecraft.transforms.layout import CSR

SMALLEST = 1 << 14
AHEAD = 2
"""Rows ahead whose entries of the hash table are on their way from memory."""


class _Scratch(threading.local):
    """A thread's hash table, kept between batches: fresh memory costs more than the search.

    An entry is a key and a number: the place of the key plus the batch's first number. Those of earlier
    batches are smaller than that, and count as free.
    """

    def __init__(self) -> None:
        self.first = 1
        self.resize(SMALLEST)

    def resize(self, size: int) -> None:
        self.table = np.full(2 * size, 0, np.int64)
        self.keys = np.empty(size // 2, np.int64)


_scratch = _Scratch()


def localize(csr: CSR, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys of rows, and for each of their features the place of its key.

    Takes memory by the distinct keys, never by the dimension.

    :param order: int64, the rows' positions; features are met in this order
    :return: the keys, int64, in the order of their first use; and the places, int32

    >>> from stagecraft.transforms.layout import CSR
    >>> csr = CSR(np.array([0, 2, 3]), np.array([4, 9, 4], np.int32), np.ones(3, np.float32))
    >>> [part.tolist() for part in localize(csr, np.array([1, 0]))]
    [[4, 9], [0, 0, 1]]
    """
    indptr, indices, order = frozen(csr.indptr), frozen(csr.indices), frozen(order)
    while True:
        found, local = _localize(indptr, indices, order, _scratch.table, _scratch.keys, _scratch.first)
        _scratch.first += len(_scratch.keys)
        if found >= 0:
            return _scratch.keys[:found].copy(), local
        _scratch.resize(2 * len(_scratch.table))


@compiled  # type: ignore[untyped-decorator]
def place_of(key: int, mask: int) -> int:
    """Return where a hash table of ``mask + 1`` entries looks for a key first: Fibonacci hashing."""
    return np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask  # type: ignore[return-value]


@compiled  # type: ignore[untyped-decorator]
def _localize(
    indptr: np.ndarray,
    indices: np.ndarray,
    order: np.ndarray,
    table: np.ndarray,
    keys: np.ndarray,
    first: int,
) -> tuple[int, np.ndarray]:
    """Return the number of keys and the places; -1 where more than half of the table would be full."""
    features = 0
    for row in order:
        features += indptr[row + 1] - indptr[row]
    local = np.empty(features, np.int32)
    mask = table.shape[0] // 2 - 1
    found, met = 0, 0
    for position in range(order.shape[0]):
        if position + AHEAD < order.shape[0]:
            near = order[position + AHEAD]
            for at in range(indptr[near], indptr[near + 1]):
                prefetch(table, 2 * place_of(np.int64(indices[at]), mask))
        row = order[position]
        for at in range(indptr[row], indptr[row + 1]):
            key = np.int64(indices[at])
            place = place_of(key, mask)
            while table[2 * place + 1] >= first and table[2 * place] != key:
                place = (place + 1) & mask
            if table[2 * place + 1] < first:
                if found == keys.shape[0]:
                    return -1, local
                keys[found] = key
                table[2 * place], table[2 * place + 1] = key, first + found
                found += 1
            local[met] = table[2 * place + 1] - first
            met += 1
    return found, local
