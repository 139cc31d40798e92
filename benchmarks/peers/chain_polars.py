"""The chain as one would write it in Polars by hand: the same fits and transforms, one write.

Run as ``python chain_polars.py SOURCE TARGET``.
"""

from __future__ import annotations

import sys

import polars as pl

NUMERIC = [f"n{number:02}" for number in range(40)]
INDEXED, HASHED = ["c0", "c1", "c2", "c3"], ["c4", "c5", "c6", "c7"]


def main(source: str, target: str) -> None:
    rows = pl.read_parquet(source)
    rank = pl.col("id").hash(seed=1).rank("ordinal").over("label")
    taken = (0.5 * pl.len().over("label") + 0.5).floor()
    sample = rows.filter(rank <= taken)
    sizes = rows.group_by("label").len("size").join(sample.group_by("label").len("taken"), on="label")
    sample = sample.join(
        sizes.select("label", weight=pl.col("size") / pl.col("taken")), on="label", maintain_order="left"
    )
    medians = sample.select(pl.col(NUMERIC).median()).row(0)
    filled = [pl.col(name).fill_null(median) for name, median in zip(NUMERIC, medians, strict=True)]
    means = sample.select(each.mean() for each in filled).row(0)
    deviations = sample.select(each.std(ddof=0) for each in filled).row(0)
    scaled = [
        ((each - mean) / deviation).cast(pl.Float32)
        for each, mean, deviation in zip(filled, means, deviations, strict=True)
    ]
    indexed = []
    for name in INDEXED:
        counts = sample.group_by(name).len().drop_nulls().sort(["len", name], descending=[True, False])
        slots = pl.Enum(counts[name].to_list())
        indexed.append((pl.col(name).cast(slots).to_physical().cast(pl.Int32) + 2).fill_null(0).alias(name))
    hashed = [(pl.col(name).hash(seed=1) % 4095 + 1).cast(pl.Int32) for name in HASHED]
    sample.select("id", "label", "weight", *scaled, *indexed, *hashed).write_parquet(
        target, compression="zstd"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
