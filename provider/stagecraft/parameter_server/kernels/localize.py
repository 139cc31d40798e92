"""The distinct keys of a batch, and where each of its features stands among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen

if TYPE_CHECKING:
    from stagecraft.transforms.layout import CSR

SMALLEST = 1 << 12


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
    keys, local = _localize(frozen(csr.indptr), frozen(csr.indices), frozen(order))
    return keys, local


@compiled  # type: ignore[untyped-decorator]
def place_of(key: np.int64, mask: np.int64) -> np.int64:
    """Return where a hash table of ``mask + 1`` entries looks for a key first: Fibonacci hashing."""
    return np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask


@compiled  # type: ignore[untyped-decorator]
def _localize(indptr: np.ndarray, indices: np.ndarray, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    features = 0
    for row in order:
        features += indptr[row + 1] - indptr[row]
    local = np.empty(features, np.int32)
    size = SMALLEST
    # An entry holds a key and its place + 1; 0 is free.
    table = np.zeros((size, 2), np.int64)
    keys = np.empty(size // 2, np.int64)
    found, met = 0, 0
    for row in order:
        for at in range(indptr[row], indptr[row + 1]):
            key = np.int64(indices[at])
            slot = place_of(key, size - 1)
            while table[slot, 1] != 0 and table[slot, 0] != key:
                slot = (slot + 1) & (size - 1)
            if table[slot, 1] == 0:
                if found == size // 2:
                    size *= 2
                    table = np.zeros((size, 2), np.int64)
                    more = np.empty(size // 2, np.int64)
                    more[:found] = keys
                    keys = more
                    for old in range(found):
                        slot = place_of(keys[old], size - 1)
                        while table[slot, 1] != 0:
                            slot = (slot + 1) & (size - 1)
                        table[slot, 0], table[slot, 1] = keys[old], old + 1
                    slot = place_of(key, size - 1)
                    while table[slot, 1] != 0:
                        slot = (slot + 1) & (size - 1)
                keys[found] = key
                found += 1
                table[slot, 0], table[slot, 1] = key, found
            local[met] = table[slot, 1] - 1
            met += 1
    return keys[:found].copy(), local
