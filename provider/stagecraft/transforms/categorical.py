"""Categories: the texts of a column or a cross of columns, and the fitted maps that make slots of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MISSING, UNSEEN, FIRST = 0, 1, 2
"""The slots of a missing value, of one that the fit did not see, and of the first of a vocabulary."""

ESCAPES = {"%": "%25", "&": "%26"}
CROSSED = "&"


def slot_type(size: int) -> Literal["int8", "int16", "int32", "int64"]:
    """The narrowest integer type that holds the slots 0 … ``size`` - 1.

    >>> slot_type(128), slot_type(129), slot_type(1 << 15)
    ('int8', 'int16', 'int16')
    """
    if size <= 1 << 7:
        return "int8"
    if size <= 1 << 15:
        return "int16"
    return "int32" if size <= 1 << 31 else "int64"


def categories(columns: Sequence[pa.Array]) -> pa.Array:
    """Return the category of each row as text: a column's own, or the cross of several.

    A cross is the texts of its parts, joined by ``&``; a ``%`` or ``&`` inside a part is escaped as ``%25``
    or ``%26``, so that no two crosses are alike. Where a part is missing, the cross is.

    :returns: strings; a dictionary of a cross, or where the column is one

    >>> import pyarrow as pa
    >>> categories([pa.array(["UA", "R&B"]), pa.array([1, 2])]).to_pylist()
    ['UA&1', 'R%26B&2']
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(columns) == 1 and isinstance(columns[0], pa.DictionaryArray):
        return columns[0]
    texts = [column.cast(pa.string()) for column in columns]
    if len(texts) == 1:
        return texts[0]
    first, *others = [_escaped(text.dictionary_encode()) for text in texts]
    for other in others:
        # Each distinct pair is joined once: the work on texts goes with their number, not the rows'.
        count = max(len(other.dictionary), 1)
        codes = pc.add(pc.multiply(first.indices.cast(pa.int64()), count), other.indices.cast(pa.int64()))
        pairs = codes.dictionary_encode()
        left, right = divmod(pairs.dictionary.to_numpy(), count)
        joined = pc.binary_join_element_wise(
            first.dictionary.take(left), other.dictionary.take(right), CROSSED
        )
        first = pa.DictionaryArray.from_arrays(pairs.indices, joined)
    return first


def _escaped(encoded: pa.DictionaryArray) -> pa.DictionaryArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = encoded.dictionary
    for sign, escape in ESCAPES.items():
        texts = pc.replace_substring(texts, sign, escape)
    return pa.DictionaryArray.from_arrays(encoded.indices, texts)


class CategoricalMap(BaseModel):
    """A map from texts to slots 0 … ``size`` - 1; slot 0 is a missing value.

    :param fill: the text that stands for a missing value, so that it is none; None: it stays missing
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fill: str | None = None

    @property
    def size(self) -> int:
        raise NotImplementedError

    def slots(self, texts: pa.Array) -> np.ndarray:
        """Return the slot of each text, of the type :func:`slot_type`."""
        raise NotImplementedError

    def _distinct(self, texts: pa.Array) -> np.ndarray:
        """Return the slots of texts without a missing one."""
        raise NotImplementedError

    @cached_property
    def _missing(self) -> int:
        import pyarrow as pa

        return MISSING if self.fill is None else int(self._distinct(pa.array([self.fill]))[0])

    def _by_dictionary(self, encoded: pa.DictionaryArray) -> np.ndarray:
        """Map the distinct texts, so that the work goes with their number, not the rows'."""
        import numpy as np

        from stagecraft.transforms.arrays import to_numpy

        slots = np.append(self._distinct(encoded.dictionary), self._missing).astype(slot_type(self.size))
        codes = encoded.indices
        if codes.null_count:
            codes = codes.fill_null(len(slots) - 1)
        return np.asarray(slots[to_numpy(codes)])


class FittedIndex(CategoricalMap):
    """Slot 0 missing, slot 1 unseen, then the vocabulary by count descending, bytes ascending."""

    type: Literal["index"] = "index"
    vocabulary: list[str]

    @property
    def size(self) -> int:
        return len(self.vocabulary) + FIRST

    def slots(self, texts: pa.Array) -> np.ndarray:
        import pyarrow as pa

        return self._by_dictionary(
            texts if isinstance(texts, pa.DictionaryArray) else texts.dictionary_encode()
        )

    @cached_property
    def _slots(self) -> dict[str, int]:
        return {value: slot for slot, value in enumerate(self.vocabulary, start=FIRST)}

    def _distinct(self, texts: pa.Array) -> np.ndarray:
        import numpy as np

        find = self._slots.get
        return np.array([find(text, UNSEEN) for text in texts.to_pylist()], dtype=np.int32)


class FittedHash(CategoricalMap):
    """Slot 0 missing, then XXH64 of the text, seeded by the hash of the salt, modulo 2^bits - 1, plus 1.

    Source: feature hashing, Weinberger et al., ICML 2009; a salt a field, so that two do not collide alike.
    """

    type: Literal["hash"] = "hash"
    bits: int = Field(ge=1, le=62)
    salt: str

    @property
    def size(self) -> int:
        return 1 << self.bits

    def slots(self, texts: pa.Array) -> np.ndarray:
        import pyarrow as pa

        from stagecraft.transforms.arrays import missing

        if isinstance(texts, pa.DictionaryArray):
            return self._by_dictionary(texts)
        slots = self._distinct(texts).astype(slot_type(self.size))
        if texts.null_count:
            slots[missing(texts)] = self._missing
        return slots

    @cached_property
    def _seed(self) -> int:
        from stagecraft.transforms.xxh64 import SEED, hash_text

        return hash_text(self.salt, SEED)

    def _distinct(self, texts: pa.Array) -> np.ndarray:
        import numpy as np

        from stagecraft.transforms.xxh64 import hash_texts

        hashes = hash_texts(texts, self._seed).view(np.uint64)
        return np.asarray(1 + hashes % np.uint64(self.size - 1))


AnyCategoricalMap = Annotated[FittedIndex | FittedHash, Field(discriminator="type")]
