"""Bottom-k: the rank that exactly so many rows of a stratum do not exceed."""

from __future__ import annotations

import math
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


@dataclass(frozen=True)
class Cut:
    """:param rank: the rows taken have this rank or a smaller one
    :param following: the smallest rank beyond, among those that were ranked; None where there is none
    """

    rank: int | float
    following: int | float | None


def find_cuts(
    engine: Engine,
    ranked: Relation,
    wanted: pa.Table,
    groups: list[str],
    *,
    uniform: bool,
    where: str,
) -> list[Cut]:
    """Find the rank below which the wanted number of rows lies, exactly.

    A uniform rank tells beforehand about where: so the rows clearly below are only counted, and the few
    around the cut are ranked; all of them where it lies elsewhere.

    :param ranked: rows with their stratum and a ``rank``; one whose rank is NULL is never taken
    :param wanted: strata, the ``size`` of each, and how many rows to ``take``, from 1 to ``size``; a stratum
        may be there several times
    :param groups: the columns that are the stratum, in both
    :param uniform: whether ranks are hashes, BIGINT; else any DOUBLE
    :param where: the stage and field of the key, for the message
    :returns: the cut of each row of ``wanted``
    :raises InvalidInputError: rows of one rank lie on both sides of a cut
    """
    found: dict[int, Cut] = {}
    sizes, takes = wanted["size"].to_pylist(), wanted["take"].to_pylist()
    if uniform:
        bounds = [expected_bounds(size, take) for size, take in zip(sizes, takes, strict=True)]
        found = _search(engine, ranked, wanted, groups, dict(enumerate(bounds)), where)
    everything = (LOWEST, HIGHEST) if uniform else (-math.inf, math.inf)
    missed = {number: everything for number in range(len(takes)) if number not in found}
    if missed:
        found |= _search(engine, ranked, wanted, groups, missed, where)
    return [found[number] for number in range(len(takes))]


def expected_bounds(size: int, take: int) -> tuple[int, int]:
    """The hashes between which the take-th smallest of ``size`` lies, almost certainly.

    >>> [round(bound / HASHES + 0.5, 4) for bound in expected_bounds(1_000_000, 250_000)]
    [0.2465, 0.2535]
    """
    share = take / size
    margin = DEVIATIONS * math.sqrt(share * (1 - share) / size) + DEVIATIONS**2 / size
    low, high = (int(bound * HASHES) + LOWEST for bound in (share - margin, share + margin))
    return max(low, LOWEST), min(high, HIGHEST)


def _search(
    engine: Engine,
    ranked: Relation,
    wanted: pa.Table,
    groups: list[str],
    bounds: dict[int, tuple[int, int] | tuple[float, float]],
    where: str,
) -> dict[int, Cut]:
    """The cuts that lie within their bounds, by the number of their row in ``wanted``."""
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
    return {row["number"]: Cut(row["rank"], row["following"]) for row in found}
