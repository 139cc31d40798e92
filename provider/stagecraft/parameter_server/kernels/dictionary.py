"""Slots for keys as they come: what makes a table grow."""

from __future__ import annotations

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled, frozen
from stagecraft.parameter_server.kernels.localize import place_of

SMALLEST = 1 << 12


class Dictionary:
    """Numbers keys by their first use: open addressing, at most half full.

    :param keys: int64, distinct: the keys of slots 0, 1, …

    >>> held = Dictionary(np.array([70, 30]))
    >>> held.slots(np.array([30, 10, 70, 10])).tolist(), len(held), held.keys.tolist()
    ([1, 2, 0, 2], 3, [70, 30, 10])
    """

    def __init__(self, keys: np.ndarray | None = None) -> None:
        self._count = 0
        self._table = np.zeros((SMALLEST, 2), np.int64)
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
        size = len(self._table)
        while self._count + len(keys) > size // 2:
            size *= 2
        if size > len(self._table):
            known = self.keys
            self._table = np.full((size, 2), 0, np.int64)
            self._keys = np.empty(size // 2, np.int64)
            _slots(self._table, self._keys, 0, frozen(known))
        slots, self._count = _slots(self._table, self._keys, self._count, frozen(keys))
        found: np.ndarray = slots
        return found


@compiled  # type: ignore[untyped-decorator]
def _slots(table: np.ndarray, known: np.ndarray, count: int, keys: np.ndarray) -> tuple[np.ndarray, int]:
    """Find keys or add them. An entry of the table holds a key and its slot + 1; 0 is free."""
    mask = table.shape[0] - 1
    slots = np.empty(keys.shape[0], np.int64)
    for at in range(keys.shape[0]):
        place = place_of(keys[at], mask)
        while table[place, 1] != 0 and table[place, 0] != keys[at]:
            place = (place + 1) & mask
        if table[place, 1] == 0:
            known[count] = keys[at]
            count += 1
            table[place, 0], table[place, 1] = keys[at], count
        slots[at] = table[place, 1] - 1
    return slots, count
