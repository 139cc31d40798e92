"""Fitted maps of one column, by name of what they do."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stagecraft.transforms.numeric import AnyNumericMap as AnyNumericMap
from stagecraft.transforms.numeric import FittedFill as FittedFill
from stagecraft.transforms.numeric import FittedScale as FittedScale
from stagecraft.transforms.numeric import NumericMap as NumericMap

if TYPE_CHECKING:
    import pyarrow as pa

MISSING, UNSEEN = 0, 1


class ColumnMap(BaseModel):
    """A fitted map of one column's values."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CategoricalMap(ColumnMap):
    """A map from values to slots 0 … ``size`` - 1; slot 0 is a missing value."""

    @property
    def size(self) -> int:
        raise NotImplementedError

    def slots(self, values: list[Any]) -> list[int]:
        """Map distinct values; None is a missing one."""
        raise NotImplementedError

    def map(self, column: pa.Array) -> pa.Array:
        """Map a column by its distinct values, so that the work goes with their number, not the rows'."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        encoded = pc.cast(column, pa.string()).dictionary_encode()
        slots = np.asarray([*self.slots(encoded.dictionary.to_pylist()), MISSING], dtype=np.int32)
        codes = encoded.indices.fill_null(len(slots) - 1).to_numpy(zero_copy_only=False)
        return pa.array(slots[codes], pa.int32())


class FittedIndex(CategoricalMap):
    """Slot 0 missing, slot 1 unseen, then the vocabulary by count descending, bytes ascending."""

    type: Literal["index"] = "index"
    vocabulary: list[str]

    @property
    def size(self) -> int:
        return len(self.vocabulary) + 2

    @cached_property
    def _slots(self) -> dict[str, int]:
        return {value: slot for slot, value in enumerate(self.vocabulary, start=2)}

    def slots(self, values: list[Any]) -> list[int]:
        return [MISSING if value is None else self._slots.get(value, UNSEEN) for value in values]


class FittedHash(CategoricalMap):
    """Slot 0 missing, then BLAKE2b of the value, salted by the column's name, modulo 2^bits - 1, plus 1.

    Source: feature hashing, Weinberger et al., ICML 2009; a salt a field, so that two do not collide alike.
    """

    type: Literal["hash"] = "hash"
    bits: int = Field(ge=1, le=30)
    salt: str

    @property
    def size(self) -> int:
        return 1 << self.bits

    def slots(self, values: list[Any]) -> list[int]:
        salt = hashlib.blake2b(self.salt.encode(), digest_size=16).digest()
        buckets = self.size - 1

        def slot(value: str) -> int:
            digest = hashlib.blake2b(value.encode(), digest_size=8, salt=salt).digest()
            return 1 + int.from_bytes(digest, "little") % buckets

        return [MISSING if value is None else slot(value) for value in values]


AnyCategoricalMap = Annotated[FittedIndex | FittedHash, Field(discriminator="type")]
