"""Taking the rows whose hash lies below their stratum's cut, as a map over batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from stagecraft.stages.hashing import TEXTS
from stagecraft.transforms.types import INTEGERS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MOST_CODES = 1 << 20
"""Combinations of strata's values, up to which a row's stratum is looked up."""


@dataclass(frozen=True)
class HashCut:
    """Keeps the rows whose hash does not exceed their stratum's cut, and gives each the stratum's weight.

    The hash is that of :func:`stagecraft.stages.hashing.stable_hash`. No row is sorted or joined, so wide
    rows cost no more than their reading and writing.

    :param seed: what the hash starts with
    :param key: column → its Arrow type as text
    :param strata: column → its values among the strata
    :param cuts: a hash a combination of the values, the last column's running fastest
    :param takes: whether any row of the combination is taken
    :param weights: a weight a combination
    :param weight: the name of the weight column to add
    """

    seed: int
    key: Mapping[str, str]
    strata: Mapping[str, Sequence[Any]]
    cuts: Sequence[int]
    takes: Sequence[bool]
    weights: Sequence[float]
    weight: str

    takes_dictionaries: ClassVar[bool] = True

    @classmethod
    def of(
        cls,
        groups: Sequence[Mapping[str, Any]],
        cuts: Sequence[int],
        weights: Sequence[float],
        **others: Any,
    ) -> HashCut | None:
        """Build from the strata; None where their values are no texts, integers or booleans, or too many.

        :param groups: column → value, one a stratum
        """
        values = {name: list(dict.fromkeys(group[name] for group in groups)) for name in groups[0]}
        plain = all(isinstance(value, str | int) for found in values.values() for value in found)
        codes = 1
        for found in values.values():
            codes *= len(found)
        if not plain or codes > MOST_CODES:
            return None
        places = {name: {value: at for at, value in enumerate(found)} for name, found in values.items()}
        table: list[tuple[int, bool, float]] = [(0, False, 0.0)] * codes
        for group, cut, weight in zip(groups, cuts, weights, strict=True):
            code = 0
            for name, found in values.items():
                code = code * len(found) + places[name][group[name]]
            table[code] = (cut, True, weight)
        all_cuts, takes, all_weights = zip(*table, strict=True)
        return cls(strata=values, cuts=all_cuts, takes=takes, weights=all_weights, **others)

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        return schema.append(pa.field(self.weight, pa.float64()))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        codes, known = self._codes(batch)
        cuts, takes = np.array(self.cuts, dtype=np.int64), np.array(self.takes)
        kept = known & takes[codes] & (self._hashes(batch) <= cuts[codes])
        weights = np.array(self.weights, dtype=np.float64)[codes[kept]]
        return batch.filter(pa.array(kept)).append_column(
            pa.field(self.weight, pa.float64()), pa.array(weights)
        )

    def _codes(self, batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
        """Each row's combination of values, and whether it is one of a stratum."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        codes = np.zeros(batch.num_rows, dtype=np.int64)
        known = np.ones(batch.num_rows, dtype=np.bool_)
        for name, values in self.strata.items():
            column = _plain(batch.column(name))
            found = pc.index_in(column, value_set=pa.array(values, column.type))
            places = found.to_numpy(zero_copy_only=False)
            seen = np.asarray(found.is_valid())
            codes = codes * len(values) + np.where(seen, places, 0).astype(np.int64)
            known &= seen
        return codes, known

    def _hashes(self, batch: pa.RecordBatch) -> np.ndarray:
        import numpy as np
        import pyarrow as pa

        from stagecraft.transforms.xxh64 import SEED, hash_longs, hash_texts

        hashes = np.full(batch.num_rows, hash_longs(np.array([self.seed]), SEED)[0])
        for name, kind in self.key.items():
            column = batch.column(name)
            if kind in TEXTS:
                hashes = hash_texts(column.cast(pa.string()), hashes)
                continue
            assert kind in INTEGERS, f"{name} is of type {kind}"
            numbers = column.cast(pa.int64())
            if not numbers.null_count:
                hashes = hash_longs(numbers.to_numpy(), hashes)
                continue
            valid = np.asarray(numbers.is_valid())
            filled = np.where(valid, numbers.to_numpy(zero_copy_only=False), 0).astype(np.int64)
            hashes = np.where(valid, hash_longs(filled, hashes), hashes)
        return hashes


def _plain(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
