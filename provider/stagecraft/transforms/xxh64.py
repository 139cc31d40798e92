"""XXH64, the hash by which rows are sampled, split and slotted: the same bits in every engine and server.

Source: Collet, xxHash (specification 0.1.1). Spark's built-in ``xxhash64`` is the same function.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from stagecraft.transforms.arrays import missing

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
    hashes: np.ndarray = _finished(_with_word(seeds + P5 + np.uint64(8), words)).view(np.int64)
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
    hashes = _hash_slices(content, starts, np.broadcast_to(seeds, len(column)).view(np.uint64))
    if not column.null_count:
        return hashes
    return np.where(missing(column), np.broadcast_to(seeds, len(column)), hashes)


def hash_text(text: str, seed: int) -> int:
    """Return the hash of one text, int64.

    >>> hash_text("Spark", 42)
    -4294468057691064905
    """
    content = np.frombuffer(text.encode(), np.uint8)
    return int(_hash_slices(content, np.array([0, len(content)]), np.array([seed]).view(np.uint64))[0])


def _hash_slices(data: np.ndarray, starts: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return the hash of ``data[starts[row] : starts[row + 1]]`` for each row, all rows a word at a time.

    NumPy, not a compiled kernel: loading numba takes longer than most jobs and all servers hash.

    :param data: uint8
    :param starts: int32, rows + 1
    :param seeds: uint64, one a row
    """
    at, ends = starts[:-1].astype(np.int64), starts[1:].astype(np.int64)
    sizes = ends - at
    value = seeds + P5
    if len(longer := np.flatnonzero(sizes >= 32)):
        value[longer] = _striped(data, at[longer], sizes[longer] // 32, seeds[longer])
        at[longer] += sizes[longer] // 32 * 32
    value += sizes.view(np.uint64)
    words, halves = _overlapping(data, "<u8"), _overlapping(data, "<u4")
    while len(rows := np.flatnonzero(ends - at >= 8)):
        value[rows] = _with_word(value[rows], words[at[rows]])
        at[rows] += 8
    if len(rows := np.flatnonzero(ends - at >= 4)):
        mixed = value[rows] ^ (halves[at[rows]].astype(np.uint64) * P1)
        value[rows] = _rotated(mixed, 23) * P2 + P3
        at[rows] += 4
    while len(rows := np.flatnonzero(at < ends)):
        value[rows] = _rotated(value[rows] ^ (data[at[rows]].astype(np.uint64) * P5), 11) * P1
        at[rows] += 1
    hashes: np.ndarray = _finished(value).view(np.int64)
    return hashes


def _striped(data: np.ndarray, at: np.ndarray, stripes: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The state of slices after their whole stripes of 32 bytes, of which each has one or more."""
    words = _overlapping(data, "<u8")
    lanes = np.stack([seeds + P1 + P2, seeds + P2, seeds, seeds - P1])
    for stripe in range(int(stripes.max())):
        rows = np.flatnonzero(stripes > stripe)
        places = at[rows] + 32 * stripe
        for lane in range(4):
            lanes[lane, rows] = _round(lanes[lane, rows], words[places + 8 * lane])
    value = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True))
    for lane in lanes:
        value = (value ^ _round(np.zeros_like(lane), lane)) * P1 + P4
    return np.asarray(value)


def _overlapping(data: np.ndarray, word: str) -> np.ndarray:
    """The words that begin at each byte."""
    kind = np.dtype(word)
    return np.ndarray((max(len(data) - kind.itemsize + 1, 0),), kind, data, strides=(1,))


def _with_word(value: np.ndarray, word: np.ndarray) -> np.ndarray:
    return np.asarray(_rotated(value ^ _round(np.zeros_like(word), word), 27) * P1 + P4)


def _round(lane: np.ndarray, word: np.ndarray) -> np.ndarray:
    return np.asarray(_rotated(lane + word * P2, 31) * P1)


def _rotated(value: np.ndarray, bits: int) -> np.ndarray:
    return np.asarray((value << np.uint64(bits)) | (value >> np.uint64(64 - bits)))


def _finished(value: np.ndarray) -> np.ndarray:
    value = (value ^ (value >> np.uint64(33))) * P2
    value = (value ^ (value >> np.uint64(29))) * P3
    return np.asarray(value ^ (value >> np.uint64(32)))


def _seeds(seed: int | np.ndarray, rows: int) -> np.ndarray:
    """Seeds as int64, one or as many as rows."""
    if isinstance(seed, np.ndarray):
        if seed.shape != (rows,):
            raise ValueError(f"{len(seed)} seeds for {rows} rows")
        return np.ascontiguousarray(seed, dtype=np.int64)
    return np.array([seed], dtype=np.int64)
