"""Categories of one row: from JSON values to slots, by a dictionary or a compiled hash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stagecraft.transforms.categorical import CROSSED, ESCAPES, UNSEEN, FittedHash, FittedIndex

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.transforms.categorical import AnyCategoricalMap

CACHED_TEXTS, CACHED_LENGTH = 1 << 14, 64
"""Texts that a hash remembers, and their longest: what strangers send must not fill the memory."""

Values = Sequence[Any]
Slot = Callable[[Values], int]


def slot_of(places: list[int], kinds: list[pa.DataType], fitted: AnyCategoricalMap) -> Slot:
    """Return the function from a row's values to the slot that a categorical encoding gives them.

    :param places: where among the values the encoding's columns are
    :param kinds: their types
    """
    find, missing = _finder(fitted), fitted._missing
    texts = [_text(kind) for kind in kinds]
    if len(places) == 1:
        place, text = places[0], texts[0]
        if text is None:
            return lambda values: missing if (value := values[place]) is None else find(value)
        return lambda values: missing if (value := values[place]) is None else find(text(value))
    parts = list(zip(places, texts, strict=True))

    def crossed(values: Values) -> int:
        found = []
        for place, text in parts:
            if (value := values[place]) is None:
                return missing
            found.append(_escaped(value if text is None else text(value)))
        return find(CROSSED.join(found))

    return crossed


def _finder(fitted: AnyCategoricalMap) -> Callable[[str], int]:
    if isinstance(fitted, FittedIndex):
        slots = fitted._slots
        return lambda text: slots.get(text, UNSEEN)
    return _hasher(fitted)


def _hasher(fitted: FittedHash) -> Callable[[str], int]:
    import numpy as np

    from stagecraft.serving.row_path.kernels import hashed

    seed, slots = np.uint64(fitted._seed % (1 << 64)), fitted.size - 1

    def find(text: str) -> int:
        return 1 + int(hashed(np.frombuffer(text.encode(), dtype=np.uint8), seed)) % slots

    remembered = lru_cache(CACHED_TEXTS)(find)
    return lambda text: remembered(text) if len(text) <= CACHED_LENGTH else find(text)


def _text(kind: pa.DataType) -> Callable[[Any], str] | None:
    """How a value becomes the text that Arrow's cast gives it; None where it is one."""
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return lambda value: "true" if value else "false"
    if pa.types.is_integer(kind):
        return lambda value: str(int(value))
    return None if not pa.types.is_date(kind) else lambda value: str(value.isoformat())


def _escaped(text: str) -> str:
    for sign, escape in ESCAPES.items():
        text = text.replace(sign, escape)
    return text
