"""Draws with replacement: exactly so many a stratum, each independent of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.stages.hashing import stable_hash
from stagecraft.stages.keyed import KeyedRows, share_of
from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.engines.contract import Engine, Relation

BITS = 52
"""A stratum of N rows is at most 2^BITS units long: its heaviest row is 2^BITS over N's next power of 2."""


def draw(
    engine: Engine, rows: KeyedRows, wanted: pa.Table, *, weight: str, seed: int, shuffle: bool, where: str
) -> Relation:
    """Draw rows, each with a probability in proportion to its ``mass``.

    The rows of a stratum, ordered by their hash, lie one after another on a line, each as long as its mass
    in whole units; a draw is a hash, and takes the row where it falls. The line is cut into as many blocks as
    there are rows, so that a draw is compared with about two rows.

    :param rows: of finite masses of 0 or more
    :param wanted: the strata ``s0``, ``s1`` …, the ``size`` of each, how many rows to ``take``, and the
        ``heaviest`` mass
    :param weight: the column to add: the inverse of the number of times that the row is expected (Hansen &
        Hurwitz 1943)
    :param where: the stage and field of the key, for the message
    :raises InvalidInputError: a key names two rows
    """
    key = ", ".join(f"{rows.column(name)} NULLS FIRST" for name in rows.key)
    columns = ", ".join(f"rows.c{number}" for number in range(len(rows.columns)))
    groups = wanted.select([*rows.groups, "size", "take", "heaviest"])
    groups = groups.append_column("stratum", [list(range(groups.num_rows))])
    units = [2 ** (BITS - size.bit_length()) for size in groups["size"].to_pylist()]
    groups = groups.append_column("units", [units])
    order = f"PARTITION BY stratum ORDER BY hash, {key}"
    line = engine.materialize(
        engine.sql(
            f"""
            SELECT *, row_number() OVER ({order}) AS number, rank() OVER ({order}) AS place,
                CAST(sum(length) OVER ({order}) AS BIGINT) AS upto,
                CAST(sum(length) OVER (PARTITION BY stratum) AS BIGINT) AS total
            FROM (
                SELECT {columns}, rows.hash, strata.stratum, strata.size, strata.take,
                    CAST(floor(rows.mass / strata.heaviest * strata.units + 0.5) AS BIGINT) AS length
                FROM rows JOIN strata ON {rows.in_stratum("strata")}
            )
            """,
            rows=rows.relation,
            strata=engine.table(groups),
        )
    )
    same = engine.collect(engine.sql("SELECT count(*) AS rows FROM line WHERE number <> place", line=line))
    if repeated := same.to_pylist()[0]["rows"]:
        raise InvalidInputError(
            where, f"{repeated} rows have the key of another one", "columns that name one row"
        )
    share = share_of(stable_hash(seed, {"hash": "int64", "draw": "int64"}))
    order = f"ORDER BY {stable_hash(seed, {'target': 'int64', 'draw': 'int64'})}" if shuffle else ""
    return engine.sql(
        f"""
        WITH draws AS (
            SELECT stratum, draw, greatest(total // size, 1) AS block,
                least(CAST(floor({share} * total) AS BIGINT), total - 1) AS target
            FROM (
                SELECT stratum, size, total, hash, unnest(generate_series(number - 1, take - 1, size)) AS draw
                FROM line WHERE number <= take
            )
        ),
        blocks AS (
            SELECT *, unnest(generate_series((upto - length) // block, (upto - 1) // block)) AS touched
            FROM (SELECT *, greatest(total // size, 1) AS block FROM line WHERE length > 0)
        )
        SELECT {rows.originals("blocks")},
            CAST(blocks.total AS DOUBLE) / (CAST(blocks.take AS DOUBLE) * blocks.length) AS {quoted(weight)}
        FROM draws JOIN blocks
        ON draws.stratum = blocks.stratum AND draws.target // draws.block = blocks.touched
        WHERE draws.target >= blocks.upto - blocks.length AND draws.target < blocks.upto
        {order}
        """,
        line=line,
    )
