"""The distinct keys of a batch, and where each of its features stands among them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen
from stagecraft.parameter_server.kernels.prefetch import prefetch, prefetch_span

if TYPE_CHECKING:
    from stagecraft.transforms.layout import CSR

SMALLEST = 1 << 14
AHEAD = 48
"""Keys ahead whose entries of the hash table are on their way from memory."""

ROWS_AHEAD = 24
"""Rows ahead whose features are."""


class _Scratch(threading.local):
    """A thread's hash table and features, kept between batches: fresh memory costs more than the search.

    An entry is the place of a key plus the batch's first number. Those of earlier batches are smaller than
    that, and count as free. A quarter of the table is filled at most, so that most searches end at once.
    """

    def __init__(self) -> None:
        self.first = 1
        self.features = np.empty(0, np.int32)
        self.resize(SMALLEST)

    def resize(self, size: int) -> None:
        self.table = np.full(size, 0, np.int64)
        self.keys = np.empty(size // 4, np.int64)


_scratch = _Scratch()


def localize(csr: CSR, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys of rows, and for each of their features the place of its key.

    Takes memory by the features of the rows, never by the dimension.

    :param order: int64, the rows' positions; features are met in this order
    :return: the keys, int64, in the order of their first use; and the places, int32

    >>> from stagecraft.transforms.layout import CSR
    >>> csr = CSR(np.array([0, 2, 3]), np.array([4, 9, 4], np.int32), np.ones(3, np.float32))
    >>> [part.tolist() for part in localize(csr, np.array([1, 0]))]
    [[4, 9], [0, 0, 1]]
    """
    indptr, order = frozen(csr.indptr), frozen(order)
    count = _count(indptr, order)
    if len(_scratch.features) < count or _scratch.features.dtype != csr.indices.dtype:
        _scratch.features = np.empty(count, csr.indices.dtype)
    features = _scratch.features[:count]
    _gather(indptr, frozen(csr.indices), order, features)
    return distinct(features)


def distinct(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return keys without repetition, int64, in the order of their first use; and the place of each, int32.

    >>> [part.tolist() for part in distinct(np.array([7, 3, 7]))]
    [[7, 3], [0, 1, 0]]
    """
    keys = frozen(keys)
    while True:
        found, places = _distinct(keys, _scratch.table, _scratch.keys, _scratch.first)
        _scratch.first += len(_scratch.keys)
        if found >= 0:
            return _scratch.keys[:found].copy(), places
        _scratch.resize(2 * len(_scratch.table))


@compiled  # type: ignore[untyped-decorator]
def place_of(key: int, mask: int) -> int:
    """Return where a hash table of ``mask + 1`` entries looks for a key first: Fibonacci hashing."""
    return np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask  # type: ignore[return-value]


@compiled  # type: ignore[untyped-decorator]
def _count(indptr: np.ndarray, order: np.ndarray) -> int:
    count = 0
    for row in order:
        count += indptr[row + 1] - indptr[row]
    return count


@compiled  # type: ignore[untyped-decorator]
def _gather(indptr: np.ndarray, indices: np.ndarray, order: np.ndarray, features: np.ndarray) -> None:
    """Copy the features of rows, one row after another."""
    # Positions without a sign, here and below: NumPy's wrap-around of negative ones is asked for each time.
    met = np.uint64(0)
    for at in range(order.shape[0]):
        far = at + ROWS_AHEAD
        if far < order.shape[0]:
            prefetch_span(indices, indptr[order[far]], indptr[order[far] + 1])
        start, stop = np.uint64(indptr[order[at]]), np.uint64(indptr[order[at] + 1])
        for j in range(stop - start):
            features[met + j] = indices[start + j]
        met += stop - start


@compiled  # type: ignore[untyped-decorator]
def _distinct(wanted: np.ndarray, table: np.ndarray, keys: np.ndarray, first: int) -> tuple[int, np.ndarray]:
    """Return the number of keys and the places; -1 where there is no room for so many."""
    places = np.empty(wanted.shape[0], np.int32)
    mask = table.shape[0] - 1
    for at in range(wanted.shape[0]):  # Apart, so that it fills vector registers.
        places[at] = place_of(np.int64(wanted[at]), mask)
    last, found = np.uint64(mask), 0
    for at in range(wanted.shape[0]):
        if at + AHEAD < wanted.shape[0]:
            prefetch(table, places[at + AHEAD])
        key, entry = np.int64(wanted[at]), np.uint64(places[at])
        place = table[entry] - first
        while place >= 0 and keys[np.uint64(place)] != key:
            entry = (entry + np.uint64(1)) & last
            place = table[entry] - first
        if place < 0:
            if found == keys.shape[0]:
                return -1, places
            place, keys[found], table[entry] = found, key, first + found
            found += 1
        places[at] = place
    return found, places
