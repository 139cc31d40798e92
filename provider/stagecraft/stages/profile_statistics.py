"""What a profile knows of a column, and how it is found out, many columns a query."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stagecraft.stages.columns_sql import FLOATS, NAN, NUMBERS, finite
from stagecraft.stages.counted import Source
from stagecraft.stages.histograms import count_bins
from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    from stagecraft.engines.contract import Engine, Relation

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BARS = 24
COLUMNS_A_QUERY = 50
DIGITS = 9
"""Mean and deviation keep this many significant digits, so that the order of a sum does not show in them."""
TEXTS = frozenset({"string", "bool", "date32[day]"})


@dataclass
class ColumnProfile:
    """What is known of a column. Statistics of numbers are of the finite ones.

    :param type: its type in a relation, as Arrow names it
    :param missing: rows that are NULL; NaN is counted by itself
    :param distinct: how many values there are, exactly; NULL and NaN are none
    :param top: the most frequent values and their rows, ties by their bytes
    :param deviation: of the population
    :param quantiles: as "25%" → value
    :param bars: edges of the histogram and rows between them; the outer bars hold what lies beyond
    :param length: characters of the shortest and of the longest text
    :param profiled: whether more is known than type and missing values
    """

    name: str
    type: str
    rows: int
    missing: int
    profiled: bool = True
    distinct: int | None = None
    top: list[tuple[str, int]] = field(default_factory=list)
    nan: int | None = None
    infinite: int | None = None
    zeros: int | None = None
    min: float | int | str | None = None
    max: float | int | str | None = None
    mean: float | None = None
    deviation: float | None = None
    quantiles: dict[str, float | None] = field(default_factory=dict)
    bars: tuple[list[float], list[int]] | None = None
    empty: int | None = None
    length: tuple[int, int] | None = None

    @property
    def present(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing - (self.nan or 0)

    @property
    def finite(self) -> int:
        return self.present - (self.infinite or 0)


def counted(engine: Engine, rows: Relation, types: Mapping[str, str]) -> dict[str, ColumnProfile]:
    """Count and bound the columns, many a query."""
    names = list(types)
    profiles = {}
    for start in range(0, len(names), COLUMNS_A_QUERY):
        part = names[start : start + COLUMNS_A_QUERY]
        values, asked = [], ["count(*) AS all_rows"]
        for number, name in enumerate(part):
            values.append(f"{quoted(name)} AS c{number}")
            if types[name] in FLOATS:
                values.append(f"{finite(name)} AS f{number}")
            for key, sql in _aggregates(types[name], f"c{number}", f"f{number}").items():
                asked.append(f"{sql} AS {key}_{number}")
        query = f"SELECT {', '.join(asked)} FROM (SELECT {', '.join(values)} FROM rows) AS selected"
        row = engine.collect(engine.sql(query, rows=rows)).to_pylist()[0]
        for number, name in enumerate(part):
            keys = _aggregates(types[name], "", "")
            found = {key: row[f"{key}_{number}"] for key in keys}
            profiles[name] = _profile(name, types[name], row["all_rows"], found)
    return profiles


def _aggregates(kind: str, column: str, finite_column: str) -> dict[str, str]:
    """What is asked of a column.

    :param finite_column: a DOUBLE, NULL where a float is not finite
    """
    asked = {"present": f"count({column})"}
    bounded = column
    if kind in FLOATS:
        bounded = finite_column
        asked["finite"] = f"count({finite_column})"
        asked["nan"] = _rows_where(f"CAST({column} AS DOUBLE) = {NAN}")
    if kind in NUMBERS:
        asked["zeros"] = _rows_where(f"{bounded} = 0")
    if kind in NUMBERS or kind.startswith(("date", "timestamp")):
        asked |= {"min": f"min({bounded})", "max": f"max({bounded})"}
    if kind == "string":
        asked["empty"] = _rows_where(f"{column} = ''")
        asked |= {"shortest": f"min(length({column}))", "longest": f"max(length({column}))"}
    return asked


def _rows_where(condition: str) -> str:
    return f"count(CASE WHEN {condition} THEN 1 END)"


def _profile(name: str, kind: str, rows: int, found: dict[str, Any]) -> ColumnProfile:
    present, finite_rows = found.pop("present"), found.pop("finite", None)
    shortest, longest = found.pop("shortest", None), found.pop("longest", None)
    return ColumnProfile(
        name,
        kind,
        rows,
        rows - present,
        profiled=kind in NUMBERS | TEXTS or kind.startswith("timestamp"),
        infinite=None if finite_rows is None else present - finite_rows - found["nan"],
        length=None if shortest is None else (shortest, longest),
        **{key: _plain(value) for key, value in found.items()},
    )


def add_quantiles(engine: Engine, rows: Relation, columns: list[ColumnProfile]) -> None:
    from stagecraft.stages.quantiles import exact_quantiles

    if not columns:
        return
    asked = {column.name: (finite(column.name), list(QUANTILES)) for column in columns}
    found = exact_quantiles(engine, rows, asked)
    for column in columns:
        column.quantiles = {
            f"{share:.0%}": _plain(value) for share, value in zip(QUANTILES, found[column.name], strict=True)
        }


def add_moments(engine: Engine, rows: Relation, columns: list[ColumnProfile]) -> None:
    """Sum the differences from the median and their squares, scaled by a power of two.

    Nothing overflows so, and nothing cancels: the mean lies within one deviation of the median.
    """
    for start in range(0, len(columns), COLUMNS_A_QUERY):
        part = columns[start : start + COLUMNS_A_QUERY]
        asked = []
        for number, column in enumerate(part):
            scale = _double(math.ldexp(1.0, -scale_exponent(column)))
            difference = f"({finite(column.name)}) * {scale} - {_double(median(column))} * {scale}"
            asked.append(f"sum({difference}) AS first_{number}")
            asked.append(f"sum(({difference}) * ({difference})) AS second_{number}")
        row = engine.collect(engine.sql(f"SELECT {', '.join(asked)} FROM rows", rows=rows)).to_pylist()[0]
        for number, column in enumerate(part):
            set_moments(column, row[f"first_{number}"], row[f"second_{number}"])


def set_moments(column: ColumnProfile, first: float, second: float) -> None:
    """Set mean and deviation.

    :param first: the sum of the scaled differences from the median
    :param second: the sum of their squares
    """
    first, second = first / column.finite, second / column.finite
    exponent = scale_exponent(column)
    mean = math.ldexp(math.ldexp(median(column), -exponent) + first, exponent)
    deviation = math.ldexp(math.sqrt(max(0.0, second - first * first)), exponent)
    column.mean = rounded(mean, beside=deviation)
    column.deviation = rounded(deviation)


def add_bars(engine: Engine, source: Source, columns: list[ColumnProfile]) -> None:
    """Count a histogram: bars of one width around the middle 98 % of the rows, and not beyond all of them."""
    edges = {column.name: bar_edges(column) for column in columns}
    found = count_bins(engine, [source], edges, value=finite)
    for column in columns:
        counts = [entry.a for entry in found[column.name][1:]]
        column.bars = edges[column.name], counts


def bar_edges(column: ColumnProfile) -> list[float]:
    """The inner edges; none where all values are one."""
    least, most = _bounds(column)
    low, high = column.quantiles["1%"], column.quantiles["99%"]
    assert low is not None
    assert high is not None
    half = high / 2 - low / 2
    low, high = max(least, low - half), min(most, high + half)
    inner = (low * (1 - part / BARS) + high * (part / BARS) for part in range(1, BARS))
    return sorted(set(inner) - {low}) if low < high else []


def _bounds(column: ColumnProfile) -> tuple[float, float]:
    assert isinstance(column.min, int | float)
    assert isinstance(column.max, int | float)
    return float(column.min), float(column.max)


def scale_exponent(column: ColumnProfile) -> int:
    """A power of two above every value; not so small that its inverse overflows."""
    return max(-1000, math.frexp(max(map(abs, _bounds(column))))[1])


def median(column: ColumnProfile) -> float:
    median = column.quantiles["50%"]
    assert median is not None
    return median


def _double(value: float) -> str:
    return f"CAST('{value!r}' AS DOUBLE)"


def rounded(value: float, beside: float = 0.0) -> float:
    """``value`` with the digits that are sure next to a number ``beside`` of the same sum.

    >>> rounded(1 / 3), rounded(1e-12, beside=1.0)
    (0.333333333, 0.0)
    """
    if value == 0:
        return 0.0
    size = math.floor(math.log10(abs(value)))
    lost = max(0, math.floor(math.log10(abs(beside))) - size) if beside else 0
    if lost >= DIGITS:
        return 0.0
    # The mean of short decimals may lie half-way; three more digits are sure to show it.
    return float(f"{float(f'{value:.{DIGITS - lost + 3}g}'):.{DIGITS - lost}g}")


def _plain(value: Any) -> Any:
    """A value as JSON has it; no zero below zero."""
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value + 0.0 if isinstance(value, float) else value
