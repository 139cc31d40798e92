"""Hashes are XXH64's, whatever the array's shape."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from stagecraft.transforms.xxh64 import hash_longs, hash_texts

SEEDS = st.integers(0, 2**63 - 1)


def reference(data: bytes, seed: int) -> int:
    value = xxhash.xxh64_intdigest(data, seed % 2**64)
    return value - 2**64 if value >= 2**63 else value


@given(st.lists(st.text(max_size=80) | st.none(), max_size=20), SEEDS, st.integers(0, 3))
def test_texts(texts: list[str | None], seed: int, skipped: int) -> None:
    column = pa.array(texts, pa.string()).slice(skipped)
    expected = [seed if text is None else reference(text.encode(), seed) for text in texts[skipped:]]
    assert hash_texts(column, seed).tolist() == expected


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20), SEEDS)
def test_longs(values: list[int], seed: int) -> None:
    expected = [reference(value.to_bytes(8, "little", signed=True), seed) for value in values]
    assert hash_longs(np.array(values, dtype=np.int64), seed).tolist() == expected


def test_a_chain_goes_on_from_each_rows_own_hash() -> None:
    running = hash_longs(np.array([1, 2]), 42)
    expected = [reference(b"a", int(running[0])), reference(b"b", int(running[1]))]
    assert hash_texts(pa.array(["a", "b"]), running).tolist() == expected


def test_as_many_seeds_as_rows() -> None:
    with pytest.raises(ValueError, match="2 seeds for 3 rows"):
        hash_longs(np.array([1, 2, 3]), np.array([1, 2]))
