"""Bottom-k: the rank that exactly so many rows of a stratum do not exceed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.stages.keyed import HASHES, same_stratum

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.engines.contract import Engine, Relation

DEVIATIONS = 8
"""How many standard deviations around its expected place a cut is looked for, before all rows are ranked."""
LOWEST, HIGHEST = -HASHES // 2, HASHES // 2 - 1
Bounds = tuple[int, int] | tuple[float, float]


@dataclass(frozen=True)
class Cut:
    """:param rank: the rows taken have this rank or a smaller one
    :param following: the smallest rank that is not taken; None where all are
    """

    rank: int | float
    following: int | float | None


def hash_bounds(size: int, take: int) -> tuple[int, int]:
    """The hashes between which the take-th smallest of ``size`` lies, almost certainly.

    >>> [round(bound / HASHES + 0.5, 4) for bound in hash_bounds(1_000_000, 250_000)]
    [0.2465, 0.2535]
    """
    share = take / size
    margin = DEVIATIONS * math.sqrt(share * (1 - share) / size) + DEVIATIONS**2 / size
    low, high = (int(bound * HASHES) + LOWEST for bound in (share - margin, share + margin))
    return max(low, LOWEST), min(high, HIGHEST)


def priority_bounds(total: float, heaviest: float, take: int) -> tuple[float, float]:
    """The same of the ranks u/w. Below t lie t · Σw of them on average, as long as no w is above 1/t.

    :param total: Σw
    :param heaviest: the greatest w

    >>> priority_bounds(total=1e6, heaviest=10, take=10_000)
    (0.009136, 0.010864)
    """
    margin = DEVIATIONS * math.sqrt(take) + DEVIATIONS**2
    high = (take + margin) / total
    return (take - margin) / total, high if high * heaviest <= 1 else math.inf


def find_cuts(
    engine: Engine,
    ranked: Relation,
    wanted: pa.Table,
    groups: list[str],
    bounds: Sequence[Bounds],
    *,
    where: str,
) -> list[Cut]:
    """Find the rank that exactly the wanted number of rows does not exceed.

    Within bounds that hold it almost certainly, the few rows are ranked, and those below are only counted;
    where it lies elsewhere after all, all rows are ranked.

    :param ranked: rows with their stratum and a ``rank``; one whose rank is NULL is never taken
    :param wanted: strata, the ``size`` of each (its rows with a rank), and how many rows to ``take``, from 1
        to ``size``; a stratum may be there several times
    :param groups: the columns that are the stratum, in both
    :param bounds: where the cut of each row of ``wanted`` is expected
    :param where: the stage and field of the key, for the message
    :returns: the cut of each row of ``wanted``
    :raises InvalidInputError: rows of one rank lie on both sides of a cut
    """
    found = _search(engine, ranked, wanted, groups, dict(enumerate(bounds)), where)
    missed: dict[int, Bounds] = {
        number: (LOWEST, HIGHEST) if isinstance(low, int) else (-math.inf, math.inf)
        for number, (low, _) in enumerate(bounds)
        if number not in found
    }
    if missed:
        found |= _search(engine, ranked, wanted, groups, missed, where)
    return [found[number] for number in range(len(bounds))]


def _search(
    engine: Engine,
    ranked: Relation,
    wanted: pa.Table,
    groups: list[str],
    bounds: dict[int, Bounds],
    where: str,
) -> dict[int, Cut]:
    """The cuts that lie within their bounds, and what follows them too, by their row's number."""
    if not bounds:
        return {}
    numbers = list(bounds)
    windows = wanted.take(numbers).select([*groups, "take"])
    for name, values in (
        ("number", numbers),
        ("low", [low for low, _ in bounds.values()]),
        ("high", [high for _, high in bounds.values()]),
    ):
        windows = windows.append_column(name, [values])
    found = engine.collect(
        engine.sql(
            f"""
            WITH near AS (
                SELECT windows.number, windows.take, count(*) AS copies,
                    CASE WHEN ranked.rank >= windows.low THEN ranked.rank END AS rank
                FROM ranked JOIN windows ON {same_stratum("ranked", "windows", groups)}
                WHERE ranked.rank <= windows.high
                GROUP BY 1, 2, 4
            ),
            counted AS (
                SELECT number, take, rank, copies,
                    CAST(sum(copies) OVER (PARTITION BY number ORDER BY rank NULLS FIRST) AS BIGINT) AS upto,
                    lead(rank) OVER (PARTITION BY number ORDER BY rank NULLS FIRST) AS following
                FROM near
            )
            SELECT number, rank, following, copies, upto - take AS beyond FROM counted
            WHERE rank IS NOT NULL AND upto >= take AND upto - copies < take
            """,
            ranked=ranked,
            windows=engine.table(windows),
        )
    ).to_pylist()
    for row in found:
        if row["beyond"]:
            raise InvalidInputError(
                where,
                f"one key names {row['copies']} rows, of which {row['copies'] - row['beyond']} are wanted: "
                "it does not say which",
                "columns that name one row",
            )
    takes, sizes = wanted["take"].to_pylist(), wanted["size"].to_pylist()
    return {
        row["number"]: Cut(row["rank"], row["following"])
        for row in found
        if row["following"] is not None or takes[row["number"]] == sizes[row["number"]]
    }
