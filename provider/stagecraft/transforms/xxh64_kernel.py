"""XXH64 of texts, compiled."""

from __future__ import annotations

import numba
import numpy as np

from stagecraft.transforms.xxh64 import P1, P2, P3, P4, P5


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
def hash_slices(data, starts, seeds):  # type: ignore[no-untyped-def]
    """Return the hash of ``data[starts[row] : starts[row + 1]]`` for each row.

    :param data: uint8
    :param starts: int32, rows + 1
    :param seeds: int64, one, or one a row
    """
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
