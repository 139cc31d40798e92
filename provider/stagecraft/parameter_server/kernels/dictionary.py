"""Slots for keys as they come: what makes a table grow."""

from __future__ import annotations

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen, part
from stagecraft.parameter_server.kernels.localize import place_of
from stagecraft.parameter_server.kernels.prefetch import prefetch

SMALLEST = 1 << 12
AHEAD = 16
"""Keys ahead whose entries are on their way from memory."""
ABSENT = -1


class Dictionary:
    """Numbers keys by their first use: open addressing, at most half full.

    :param keys: int64, distinct: the keys of slots 0, 1, …

    >>> held = Dictionary(np.array([70, 30]))
    >>> held.slots(np.array([30, 10, 70, 10])).tolist(), len(held), held.keys.tolist()
    ([1, 2, 0, 2], 3, [70, 30, 10])
    """

    def __init__(self, keys: np.ndarray | None = None) -> None:
        self._count = 0
        self._table = np.zeros(2 * SMALLEST, np.int64)
        self._keys = np.empty(SMALLEST // 2, np.int64)
        if keys is not None:
            self.slots(keys)

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> np.ndarray:
        """The key of each slot, int64."""
        return self._keys[: self._count]

    def slots(self, keys: np.ndarray) -> np.ndarray:
        """Return the slot of each key, int64; a new key takes the next one.

        :param keys: int64
        """
        slots = np.empty(len(keys), np.int64)
        done = self._fill(keys, slots)
        while done < len(keys):
            known, size = self.keys, 2 * len(self._table)
            self._table, self._keys = np.full(size, 0, np.int64), np.empty(size // 4, np.int64)
            self._count = 0
            self._fill(known, np.empty(len(known), np.int64))
            done += self._fill(keys[done:], slots[done:])
        return slots

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return the slot of each key, int64; :data:`ABSENT` for those that have none.

        :param keys: int64
        """
        slots: np.ndarray = _find(self._table, frozen(keys))
        return slots

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return self._table.nbytes + self._keys.nbytes

    def _fill(self, keys: np.ndarray, slots: np.ndarray) -> int:
        """Find keys or add them, as long as there is room; return how many came to have a slot."""
        done, self._count = _fill(self._table, self._keys, self._count, frozen(keys), slots)
        return int(done)


@part  # type: ignore[untyped-decorator]
def _place(table: np.ndarray, key: int) -> int:
    """Return the entry of a key, or the free one that it would take.

    An entry is two numbers: a key, and its slot + 1, or 0 where it is free.
    """
    mask = table.shape[0] // 2 - 1
    place: int = place_of(key, mask)
    while table[2 * place + 1] != 0 and table[2 * place] != key:
        place = (place + 1) & mask
    return place


@compiled  # type: ignore[untyped-decorator]
def _fill(
    table: np.ndarray, known: np.ndarray, count: int, keys: np.ndarray, slots: np.ndarray
) -> tuple[int, int]:
    mask = table.shape[0] // 2 - 1
    for at in range(keys.shape[0]):
        if at + AHEAD < keys.shape[0]:
            prefetch(table, 2 * place_of(keys[at + AHEAD], mask))
        place = _place(table, keys[at])
        if table[2 * place + 1] == 0:
            if count == known.shape[0]:
                return at, count
            known[count] = keys[at]
            count += 1
            table[2 * place], table[2 * place + 1] = keys[at], count
        slots[at] = table[2 * place + 1] - 1
    return keys.shape[0], count


@compiled  # type: ignore[untyped-decorator]
def _find(table: np.ndarray, keys: np.ndarray) -> np.ndarray:
    slots = np.empty(keys.shape[0], np.int64)
    for at in range(keys.shape[0]):
        slots[at] = table[2 * _place(table, keys[at]) + 1] - 1
    return slots
