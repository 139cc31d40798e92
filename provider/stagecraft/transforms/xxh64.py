"""XXH64, the hash by which rows are sampled, split and slotted: the same bits in every engine and server.

Source: Collet, xxHash (specification 0.1.1). Spark's built-in ``xxhash64`` is the same function.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SEED = 42
"""Where a chain of hashes starts: Spark's built-in has this seed."""

P1 = np.uint64(0x9E3779B185EBCA87)
P2 = np.uint64(0xC2B2AE3D27D4EB4F)
P3 = np.uint64(0x165667B19E3779F9)
P4 = np.uint64(0x85EBCA77C2B2AE63)
P5 = np.uint64(0x27D4EB2F165667C5)


def hash_longs(values: np.ndarray, seed: int | np.ndarray) -> np.ndarray:
    """Return the hash of each number's eight bytes, little endian: int64.

    :param values: int64
    :param seed: one for all rows, or int64, one a row

    >>> int(hash_longs(np.array([1]), 42)[0])
    -7001672635703045582
    """
    seeds = _seeds(seed, len(values)).view(np.uint64)
    words = np.ascontiguousarray(values, dtype=np.int64).view(np.uint64)
    # NumPy, not the compiled kernel: loading numba takes longer than most jobs hash.
    with np.errstate(over="ignore"):
        lane = words * P2
        lane = ((lane << np.uint64(31)) | (lane >> np.uint64(33))) * P1
        value = (seeds + P5 + np.uint64(8)) ^ lane
        value = ((value << np.uint64(27)) | (value >> np.uint64(37))) * P1 + P4
        value = (value ^ (value >> np.uint64(33))) * P2
        value = (value ^ (value >> np.uint64(29))) * P3
        hashes: np.ndarray = (value ^ (value >> np.uint64(32))).view(np.int64)
    return hashes


def hash_texts(column: pa.Array, seed: int | np.ndarray) -> np.ndarray:
    """Return the hash of each text's UTF-8 bytes: int64. A missing text gives its seed.

    :param column: strings
    :param seed: one for all rows, or int64, one a row

    >>> int(hash_texts(pa.array(["Spark"]), 42)[0])
    -4294468057691064905
    """
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    seeds = _seeds(seed, len(column))
    _, offsets, data = column.buffers()
    if len(column) == 0:
        return np.empty(0, dtype=np.int64)
    starts = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    content = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, dtype=np.uint8)
    from stagecraft.transforms.xxh64_kernel import hash_slices

    hashes: np.ndarray = hash_slices(content, starts, seeds)
    if not column.null_count:
        return hashes
    missing = pc.is_null(column).to_numpy(zero_copy_only=False)
    return np.where(missing, np.broadcast_to(seeds, len(column)), hashes)


def _seeds(seed: int | np.ndarray, rows: int) -> np.ndarray:
    """Seeds as int64, one or as many as rows."""
    if isinstance(seed, np.ndarray):
        if seed.shape != (rows,):
            raise ValueError(f"{len(seed)} seeds for {rows} rows")
        return np.ascontiguousarray(seed, dtype=np.int64)
    return np.array([seed], dtype=np.int64)
