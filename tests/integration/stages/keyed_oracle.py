"""What samples and splits should take, worked out row by row in Python."""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from typing import Any

import xxhash

from stagecraft.stages.keyed import salted

Row = dict[str, Any]
Weighed = tuple[Row, float]


def hash_of(seed: int, *values: Any) -> int:
    """XXH64 of the seed, then of each value: integers as eight bytes, all else as text."""
    running = 42
    for value in (seed, *values):
        if value is None:
            continue
        data = value.to_bytes(8, "little", signed=True) if isinstance(value, int) else str(value).encode()
        running = xxhash.xxh64_intdigest(data, running % 2**64)
    return running - 2**64 if running >= 2**63 else running


def ordered(rows: list[Row], key: list[str], seed: int, purpose: str = "sample") -> list[tuple[int, Row]]:
    """The rows by their hash, each with it."""
    hashed = [(hash_of(salted(purpose, seed), *(row[name] for name in key)), row) for row in rows]
    return sorted(hashed, key=lambda pair: pair[0])


def grouped(rows: list[Row], strata: list[str]) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in strata)].append(row)
    return found


def bottom(rows: list[Row], key: list[str], seed: int, take: int) -> list[Weighed]:
    """The rows of the smallest hash."""
    return [(row, len(rows) / take) for _, row in ordered(rows, key, seed)[:take]]


def priority(rows: list[Row], key: list[str], seed: int, take: int, by: str) -> list[Weighed]:
    """The rows of the smallest u/w."""
    ranked = sorted(
        ((float(hashed) / 2.0**64 + 0.5) / row[by], number, row)
        for number, (hashed, row) in enumerate(ordered(rows, key, seed, "weighted sample"))
        if row[by] > 0
    )
    threshold = ranked[take][0] if take < len(ranked) else float("inf")
    return [
        (row, 1 / (row[by] * threshold) if row[by] * threshold < 1 else 1.0) for _, _, row in ranked[:take]
    ]


def draws(rows: list[Row], key: list[str], seed: int, take: int, by: str | None) -> list[Weighed]:
    """One row for each hash on a line where every row is as long as its mass."""
    line = ordered(rows, key, seed)
    masses = [row[by] if by else 1.0 for _, row in line]
    units = 2 ** (52 - len(rows).bit_length())
    lengths = [int(mass / max(masses) * units + 0.5) for mass in masses]
    ends = list(itertools.accumulate(lengths))
    taken = []
    for draw in range(take):
        share = float(hash_of(salted("draws", seed), line[draw % len(line)][0], draw)) / 2.0**64 + 0.5
        at = bisect.bisect_right(ends, min(int(share * ends[-1]), ends[-1] - 1))
        taken.append((line[at][1], ends[-1] / (float(take) * lengths[at])))
    return taken
