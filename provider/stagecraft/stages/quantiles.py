"""Exact quantiles of many columns in bounded memory, the same on every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stagecraft.engines.contract import Engine, Relation

SAMPLE = 1 << 18
"""Rows of the sample that says where to look; so few rows are looked at as a whole."""

HELD = 1 << 23
"""Values that one pass may be expected to bring back."""

SIGMAS = 5.0


def exact_quantiles(
    engine: Engine, rows: Relation, requests: Mapping[str, tuple[str, Sequence[float]]]
) -> dict[str, list[float | None]]:
    """Return exact quantiles, with linear interpolation as numpy's: a median of two is their mean.

    Where there are many rows, a random sample brackets every wanted rank, and one scan counts the values
    below each bracket and brings back those within, equal ones as one. The counts tell whether the rank is
    within; where it is not, the bracket is widened. So the sample decides the time, never the result.
    (Floyd and Rivest, Algorithm 489: SELECT, CACM 1975, in two passes over rows that stay where they are.)

    :param rows: are read three times or more; materialize them where that is dear
    :param requests: name → SQL expression of type DOUBLE, in which NULL is a missing value (NaN too), and
        probabilities from 0 to 1
    :returns: name → a value for each probability, None where every value is missing

    >>> from stagecraft.engines.duckdb import DuckDBEngine
    >>> with DuckDBEngine() as engine:
    ...     rows = engine.sql("SELECT x FROM (VALUES (1.0), (2), (4), (NULL)) AS t (x)")
    ...     exact_quantiles(engine, rows, {"x": ("CAST(x AS DOUBLE)", [0.0, 0.5, 0.75])})
    {'x': [1.0, 2.0, 3.0]}
    """
    asked = [
        f"quantile_cont({sql}, {probability!r}) AS q{number}_{place}"
        for number, (sql, probabilities) in enumerate(requests.values())
        for place, probability in enumerate(probabilities)
    ]
    row = engine.collect(engine.sql(f"SELECT {', '.join(asked)} FROM rows", rows=rows)).to_pylist()[0]
    return {
        name: [row[f"q{number}_{place}"] for place in range(len(probabilities))]
        for number, (name, (_, probabilities)) in enumerate(requests.items())
    }
