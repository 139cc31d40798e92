"""Rows of features that are all 1, as the bits that tell which."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from stagecraft.transforms.layout import Layout

WORD = 8
"""Bytes that are read at a time."""


class Packing(NamedTuple):
    """Where the features of a row lie in its bytes.

    Each is the number that it has within its column, in as many bits as the column's largest takes; the bias
    takes none. One follows another, from the lowest bit of the first byte on. Feature ``i`` is
    ``offset[i] + ((word >> shift[i]) & mask[i])``, where the word is the 8 bytes from ``at[i]`` on, little
    endian.

    :param width: bytes a row, at least 8, so that all words end within it
    :param at: int64
    :param shift: uint64, as is all that follows
    :param size: features of the column: no number may reach it

    >>> from stagecraft.transforms.layout import Feature, Layout
    >>> packing = Packing.of(Layout.of([Feature("month", "slot", 12), Feature("carrier", "slot", 20)]))
    >>> packing.width, packing.shift.tolist(), packing.mask.tolist()
    (8, [0, 0, 4], [0, 15, 31])
    """

    width: int
    at: np.ndarray
    shift: np.ndarray
    mask: np.ndarray
    size: np.ndarray
    offset: np.ndarray

    @classmethod
    def of(cls, layout: Layout) -> Packing:
        """Lay the features of a row out.

        :param layout: without numeric columns
        """
        offsets, sizes, starts, end = [0], [1], [0], 0
        for block in layout.blocks:
            for _ in range(block.width):
                bits = (block.size - 1).bit_length()
                if end % 8 + bits > 8 * WORD:
                    end += -end % 8
                offsets.append(block.offset)
                sizes.append(block.size)
                starts.append(end)
                end += bits
        width = max(WORD, -(-end // 8))
        at = np.minimum(np.array(starts) // 8, width - WORD)
        return cls(
            width,
            at,
            (np.array(starts) - 8 * at).astype(np.uint64),
            np.array([(1 << (size - 1).bit_length()) - 1 for size in sizes], np.uint64),
            np.array(sizes, np.uint64),
            np.array(offsets, np.uint64),
        )

    def pack(self, indices: np.ndarray) -> np.ndarray:
        """Return rows as bytes, uint8[rows, width].

        :param indices: the features of all rows, as many in each, as a layout's CSR has them
        :raises ValueError: a feature lies outside its column
        """
        numbers = indices.reshape(-1, len(self.at))
        words = np.zeros((len(numbers), -(-self.width // WORD)), "<u8")
        for i in range(1, len(self.at)):
            number = numbers[:, i].astype(np.uint64) - self.offset[i]  # Below the column it is a huge one.
            if (number >= self.size[i]).any():
                raise ValueError(f"feature {i} of a row lies outside its column")
            at, shift = divmod(8 * int(self.at[i]) + int(self.shift[i]), 8 * WORD)
            words[:, at] |= number << np.uint64(shift)
            if shift + int(self.mask[i]).bit_length() > 8 * WORD:
                words[:, at + 1] |= number >> np.uint64(8 * WORD - shift)
        return np.ascontiguousarray(words.view(np.uint8)[:, : self.width])
