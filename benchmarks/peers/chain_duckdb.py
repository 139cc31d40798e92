"""The chain as one would write it in DuckDB by hand: the same fits and transforms, one write.

Run as ``python chain_duckdb.py SOURCE TARGET``. The sample is cut by a narrow window over the hashes, so that
no wide row is sorted.
"""

from __future__ import annotations

import sys

import duckdb

NUMERIC = [f"n{number:02}" for number in range(40)]
INDEXED, HASHED = ["c0", "c1", "c2", "c3"], ["c4", "c5", "c6", "c7"]


def main(source: str, target: str) -> None:
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(
        f"""
        CREATE TEMP TABLE sample AS
        WITH ranked AS (
            SELECT label, hash(id) AS h, row_number() OVER (PARTITION BY label ORDER BY hash(id)) AS r,
                count(*) OVER (PARTITION BY label) AS n
            FROM read_parquet('{source}')
        ),
        cuts AS (
            SELECT label, max(h) AS cut, max(n) / count(*) AS weight
            FROM ranked WHERE r <= floor(0.5 * n + 0.5) GROUP BY label
        )
        SELECT rows.*, cuts.weight FROM read_parquet('{source}') rows JOIN cuts USING (label)
        WHERE hash(rows.id) <= cuts.cut
        """
    )
    medians = connection.sql(
        f"SELECT {', '.join(f'median({name})' for name in NUMERIC)} FROM sample"
    ).fetchall()[0]
    filled = [f"coalesce({name}, {median!r})" for name, median in zip(NUMERIC, medians, strict=True)]
    moments = connection.sql(
        f"SELECT {', '.join(f'avg({each}), stddev_pop({each})' for each in filled)} FROM sample"
    ).fetchall()[0]
    for name in INDEXED:
        connection.execute(
            f"CREATE TEMP TABLE v_{name} AS "
            f"SELECT {name}, row_number() OVER (ORDER BY count(*) DESC, {name}) "
            f"+ 1 AS slot FROM sample WHERE {name} IS NOT NULL GROUP BY {name}"
        )
    scaled = [
        f"CAST(({each} - {mean!r}) / {deviation!r} AS FLOAT) AS {name}"
        for name, each, mean, deviation in zip(NUMERIC, filled, moments[::2], moments[1::2], strict=True)
    ]
    indexed = [f"CAST(coalesce(v_{name}.slot, 0) AS INTEGER) AS {name}" for name in INDEXED]
    hashed = [f"CAST(1 + hash({name}) % 4095 AS INTEGER) AS {name}" for name in HASHED]
    joins = " ".join(f"LEFT JOIN v_{name} ON sample.{name} = v_{name}.{name}" for name in INDEXED)
    connection.execute(
        f"COPY (SELECT id, label, weight, {', '.join([*scaled, *indexed, *hashed])} FROM sample {joins}) "
        f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
