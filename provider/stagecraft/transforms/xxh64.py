"""XXH64, the hash by which rows are sampled, split and slotted: the same bits in every engine and server.

Source: Collet, xxHash (specification 0.1.1). Spark's built-in ``xxhash64`` is the same function.
"""

from __future__ import annotations

import numba
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
    hashes: np.ndarray = _longs(np.ascontiguousarray(values, dtype=np.int64), _seeds(seed, len(values)))
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
    hashes: np.ndarray = _texts(content, starts, seeds)
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


@numba.njit(cache=True, nogil=True, inline="always")
def _rotated(value, bits):  # type: ignore[no-untyped-def]
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@numba.njit(cache=True, nogil=True, inline="always")
def _round(lane, word):  # type: ignore[no-untyped-def]
    return _rotated(lane + word * P2, 31) * P1


@numba.njit(cache=True, nogil=True, inline="always")
def _mixed(value):  # type: ignore[no-untyped-def]
    value = (value ^ (value >> np.uint64(33))) * P2
    value = (value ^ (value >> np.uint64(29))) * P3
    return value ^ (value >> np.uint64(32))


@numba.njit(cache=True, nogil=True, inline="always")
def _word(data, at, size):  # type: ignore[no-untyped-def]
    word = np.uint64(0)
    for byte in range(size):
        word |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
    return word


@numba.njit(cache=True, nogil=True)
def _longs(values, seeds):  # type: ignore[no-untyped-def]
    hashes = np.empty(len(values), dtype=np.int64)
    for row in range(len(values)):
        seed = np.uint64(seeds[row] if len(seeds) > 1 else seeds[0])
        value = seed + P5 + np.uint64(8)
        value ^= _round(np.uint64(0), np.uint64(values[row]))
        hashes[row] = np.int64(_mixed(_rotated(value, 27) * P1 + P4))
    return hashes


@numba.njit(cache=True, nogil=True)
def _texts(data, starts, seeds):  # type: ignore[no-untyped-def]
    rows = len(starts) - 1
    hashes = np.empty(rows, dtype=np.int64)
    for row in range(rows):
        seed = np.uint64(seeds[row] if len(seeds) > 1 else seeds[0])
        at, end = starts[row], starts[row + 1]
        size = np.uint64(end - at)
        if end - at >= 32:
            a, b, c, d = seed + P1 + P2, seed + P2, seed, seed - P1
            while at + 32 <= end:
                a = _round(a, _word(data, at, 8))
                b = _round(b, _word(data, at + 8, 8))
                c = _round(c, _word(data, at + 16, 8))
                d = _round(d, _word(data, at + 24, 8))
                at += 32
            value = _rotated(a, 1) + _rotated(b, 7) + _rotated(c, 12) + _rotated(d, 18)
            for lane in (a, b, c, d):
                value = (value ^ _round(np.uint64(0), lane)) * P1 + P4
        else:
            value = seed + P5
        value += size
        while at + 8 <= end:
            value ^= _round(np.uint64(0), _word(data, at, 8))
            value = _rotated(value, 27) * P1 + P4
            at += 8
        if at + 4 <= end:
            value ^= _word(data, at, 4) * P1
            value = _rotated(value, 23) * P2 + P3
            at += 4
        while at < end:
            value ^= np.uint64(data[at]) * P5
            value = _rotated(value, 11) * P1
            at += 1
        hashes[row] = np.int64(_mixed(value))
    return hashes
