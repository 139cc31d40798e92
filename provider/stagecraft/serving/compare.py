"""Online answers against batch predictions, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError
from stagecraft.transforms.predictor import SCORE, SCORES

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Comparison:
    """How online answers and batch predictions compare.

    :param rows: rows that both have
    :param lonely: rows that one side alone has, and the key of one of them
    :param largest: the largest difference of two scores, NaN where a score is none
    :param worst: the key of the row with that difference, and both its scores
    """

    rows: int
    lonely: int
    lonely_key: dict[str, Any] | None
    largest: float
    worst: dict[str, Any] | None

    def fault(self, tolerance: float) -> str | None:
        """Return what is wrong, naming a row; None where all rows agree."""
        if self.lonely:
            return f"{self.lonely} rows have no partner, such as {self.lonely_key}"
        if not self.rows:
            return "there are no rows to compare"
        if not self.largest <= tolerance:
            return (
                f"scores differ by up to {self.largest:.3g}, more than {tolerance:g}, worst in {self.worst}"
            )
        return None


def compare(online: pa.Table, batch: pa.Table, key: list[str]) -> Comparison:
    """Join two tables of key columns and ``score``, or ``scores``, and compare their scores.

    A missing value in a key equals a missing value. Lists of scores are as far apart as the two of their
    numbers that are farthest.

    :raises InvalidInputError: a key stands for several rows of one side
    """
    import duckdb

    names = [_quote(name) for name in key]
    column = SCORE if SCORE in batch.column_names else SCORES
    apart = f"abs(o.{SCORE} - b.{SCORE})"
    if column == SCORES:
        pairs = f"list_zip(o.{SCORES}, b.{SCORES})"
        apart = f"list_max(list_transform({pairs}, lambda pair: coalesce(abs(pair[1] - pair[2]), 'nan')))"
    listed = ", ".join(names)
    with duckdb.connect() as connection:
        connection.register("online", online)
        connection.register("batch", batch)
        for side in ("online", "batch"):
            query = f"SELECT {listed} FROM {side} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
            if double := _row(connection.execute(query)):
                raise InvalidInputError(
                    "compare.key",
                    f"several rows of the {side} side are {double}",
                    "columns that tell every row apart",
                )
        matches = " AND ".join(f"o.{name} IS NOT DISTINCT FROM b.{name}" for name in names)
        either = ", ".join(f"CASE WHEN o.here THEN o.{name} ELSE b.{name} END AS {name}" for name in names)
        connection.execute(f"""
            CREATE TEMP TABLE pairs AS
            SELECT {either}, o.{column} AS online_{column}, b.{column} AS batch_{column},
                coalesce({apart}, 'nan') AS difference,
                coalesce(o.here AND b.here, false) AS paired
            FROM (SELECT *, true AS here FROM online) o
            FULL JOIN (SELECT *, true AS here FROM batch) b ON {matches}
        """)
        # DuckDB sorts NaN above every number, so a score that is none is the worst.
        worst = _row(connection.execute("SELECT * FROM pairs WHERE paired ORDER BY difference DESC LIMIT 1"))
        lonely = _row(connection.execute(f"SELECT {listed} FROM pairs WHERE NOT paired LIMIT 1"))
        counts = "SELECT count(*) FILTER (paired), count(*) FILTER (NOT paired) FROM pairs"
        rows, alone = connection.execute(counts).fetchone()
    largest = worst.pop("difference") if worst else 0.0
    if worst:
        del worst["paired"]
    return Comparison(rows, alone, lonely, largest, worst)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _row(found: Any) -> dict[str, Any] | None:
    row = found.fetchone()
    return None if row is None else dict(zip([column[0] for column in found.description], row, strict=True))
