"""A dataset's profile: what is in each column, and a page that shows it."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.keyed import ColumnNames
from stagecraft.stages.quoting import quoted
from stagecraft.stages.value_counts import (
    FLOATS,
    INFINITY,
    INTEGERS,
    NAN,
    NUMBERS,
    Source,
    comparable,
    count_bins,
    count_values,
    finite,
)

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
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


class Profile(Stage):
    """Describe every column of a dataset: missing values, distinct ones, spread, quantiles, frequent values.

    All of it is exact and the same on every engine: distinct values are counted by grouping, quantiles are
    order statistics over all rows. Columns of lists and bytes get their missing values counted, no more.

    :param columns: the columns to describe; all where None
    :param top: how many frequent values of each column are kept
    :param title: the page's heading

    >>> Profile(columns=["age", "city"]).top
    10
    """

    name: ClassVar[str] = "profile"
    inputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"report": Kind.REPORT}

    columns: ColumnNames | None = None
    top: int = Field(default=10, ge=1, le=100)
    title: str = "Profile"

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.stages.profile_page import page

        dataset: Dataset = inputs["dataset"]
        dataset.require("profile.columns", *(self.columns or ()))
        if not dataset.rows:
            raise InvalidInputError("profile.dataset", "it has no rows", "a dataset with rows")
        engine = bench.engine
        rows = engine.scan(dataset)
        types = {entry.name: str(entry.type) for entry in engine.schema(rows)}
        chosen = list(dict.fromkeys(self.columns or types))
        columns = {name: profile for name, profile in _counted(engine, rows, {n: types[n] for n in chosen})}
        numbers = [column for column in columns.values() if column.type in NUMBERS and column.finite]
        _add_quantiles(engine, rows, numbers)
        _add_moments(engine, rows, numbers)
        _add_bars(engine, Source(rows, dataset.rows), numbers)
        self._add_values(engine, Source(rows, dataset.rows), list(columns.values()))
        profiles = list(columns.values())
        lost = [column.rows - column.present for column in profiles]
        metrics = {
            "rows": float(dataset.rows),
            "columns": float(len(profiles)),
            "missing": sum(lost) / (dataset.rows * len(profiles)),
            "max_missing": max(lost) / dataset.rows,
            "constant": float(sum(column.profiled and column.distinct == 1 for column in profiles)),
            "empty": float(sum(column.present == 0 for column in profiles)),
        }
        bench.tracker.log(0, **metrics)
        drafts["report"].meta["metrics"] = metrics
        drafts["report"].write_json("metrics.json", metrics)
        drafts["report"].write_json("profile.json", [asdict(column) for column in profiles])
        drafts["report"].write("report.html", page(self.title, dataset, metrics, profiles).encode())

    def _add_values(self, engine: Engine, source: Source, columns: list[ColumnProfile]) -> None:
        """Count the values, one query for columns whose values have one SQL type."""
        families: dict[str, list[ColumnProfile]] = {}
        for column in columns:
            if column.profiled and column.present:
                families.setdefault(_family(column.type), []).append(column)
        for family, members in families.items():
            values = {column.name: comparable(column.name, column.type) for column in members}
            found = count_values(engine, [source], values, self.top, text=family == "text")
            for column in members:
                column.distinct = found[column.name].distinct
                column.top = [(str(value.label), value.a) for value in found[column.name].bins]
        for column in columns:
            if column.profiled and not column.present:
                column.distinct = 0


def _family(kind: str) -> str:
    if kind in INTEGERS:
        return "integer"
    if kind in FLOATS:
        return "float"
    return "text" if kind in TEXTS else kind


def _counted(engine: Engine, rows: Relation, types: Mapping[str, str]) -> Iterator[tuple[str, ColumnProfile]]:
    """Count and bound the columns, many a query."""
    names = list(types)
    for start in range(0, len(names), COLUMNS_A_QUERY):
        part = names[start : start + COLUMNS_A_QUERY]
        asked = {
            f"{key}_{number}": sql
            for number, name in enumerate(part)
            for key, sql in _aggregates(name, types[name]).items()
        }
        query = ", ".join(f"{sql} AS {alias}" for alias, sql in asked.items())
        row = engine.collect(
            engine.sql(f"SELECT count(*) AS all_rows, {query} FROM rows", rows=rows)
        ).to_pylist()[0]
        for number, name in enumerate(part):
            kind = types[name]
            found = {key: row[f"{key}_{number}"] for key in _aggregates(name, kind)}
            missing = row["all_rows"] - found.pop("present")
            shortest, longest = found.pop("shortest", None), found.pop("longest", None)
            profile = ColumnProfile(
                name,
                kind,
                row["all_rows"],
                missing,
                profiled=kind in NUMBERS | TEXTS or kind.startswith("timestamp"),
                length=None if shortest is None else (shortest, longest),
                **{key: _plain(value) for key, value in found.items()},
            )
            yield name, profile


def _aggregates(name: str, kind: str) -> dict[str, str]:
    column = quoted(name)
    asked = {"present": f"count({column})"}
    if kind in NUMBERS:
        asked["zeros"] = _rows_where(f"{column} = 0")
    if kind in FLOATS:
        value = f"CAST({column} AS DOUBLE)"
        asked["nan"] = _rows_where(f"{value} = {NAN}")
        asked["infinite"] = _rows_where(f"abs({value}) = {INFINITY}")
    if kind in NUMBERS or kind.startswith(("date", "timestamp")):
        bounded = finite(name) if kind in FLOATS else column
        asked |= {"min": f"min({bounded})", "max": f"max({bounded})"}
    if kind == "string":
        asked["empty"] = _rows_where(f"{column} = ''")
        asked |= {"shortest": f"min(length({column}))", "longest": f"max(length({column}))"}
    return asked


def _rows_where(condition: str) -> str:
    return f"sum(CASE WHEN {condition} THEN 1 ELSE 0 END)"


def _add_quantiles(engine: Engine, rows: Relation, columns: list[ColumnProfile]) -> None:
    from stagecraft.stages.quantiles import exact_quantiles

    if not columns:
        return
    asked = {column.name: (finite(column.name), list(QUANTILES)) for column in columns}
    found = exact_quantiles(engine, rows, asked)
    for column in columns:
        column.quantiles = {
            f"{share:.0%}": _plain(value) for share, value in zip(QUANTILES, found[column.name], strict=True)
        }


def _add_moments(engine: Engine, rows: Relation, columns: list[ColumnProfile]) -> None:
    """Sum the differences from the median and their squares, scaled by a power of two.

    Nothing overflows so, and nothing cancels: the mean lies within one deviation of the median.
    """
    for start in range(0, len(columns), COLUMNS_A_QUERY):
        part = columns[start : start + COLUMNS_A_QUERY]
        asked = []
        for number, column in enumerate(part):
            scale = _double(math.ldexp(1.0, -_exponent(column)))
            difference = f"({finite(column.name)}) * {scale} - {_double(_median(column))} * {scale}"
            asked.append(f"sum({difference}) AS first_{number}")
            asked.append(f"sum(({difference}) * ({difference})) AS second_{number}")
        row = engine.collect(engine.sql(f"SELECT {', '.join(asked)} FROM rows", rows=rows)).to_pylist()[0]
        for number, column in enumerate(part):
            first, second = (row[f"{name}_{number}"] / column.finite for name in ("first", "second"))
            exponent = _exponent(column)
            mean = math.ldexp(math.ldexp(_median(column), -exponent) + first, exponent)
            deviation = math.ldexp(math.sqrt(max(0.0, second - first * first)), exponent)
            column.mean = _rounded(mean, beside=deviation)
            column.deviation = _rounded(deviation)


def _add_bars(engine: Engine, source: Source, columns: list[ColumnProfile]) -> None:
    """Count a histogram: bars of one width around the middle 98 % of the rows, and not beyond all of them."""
    edges = {column.name: _bar_edges(column) for column in columns}
    found = count_bins(engine, [source], edges, value=finite)
    for column in columns:
        counts = [entry.a for entry in found[column.name][1:]]
        column.bars = edges[column.name], counts


def _bar_edges(column: ColumnProfile) -> list[float]:
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


def _exponent(column: ColumnProfile) -> int:
    """A power of two above every value; not so small that its inverse overflows."""
    return max(-1000, math.frexp(max(map(abs, _bounds(column))))[1])


def _median(column: ColumnProfile) -> float:
    median = column.quantiles["50%"]
    assert median is not None
    return median


def _double(value: float) -> str:
    return f"CAST('{value!r}' AS DOUBLE)"


def _rounded(value: float, beside: float = 0.0) -> float:
    """``value`` with the digits that are sure next to a number ``beside`` of the same sum.

    >>> _rounded(1 / 3), _rounded(1e-12, beside=1.0)
    (0.333333333, 0.0)
    """
    if value == 0:
        return 0.0
    size = math.floor(math.log10(abs(value)))
    lost = max(0, math.floor(math.log10(abs(beside))) - size) if beside else 0
    return float(f"{value:.{DIGITS - lost}g}") if lost < DIGITS else 0.0


def _plain(value: Any) -> Any:
    """A value as JSON has it; no zero below zero."""
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value + 0.0 if isinstance(value, float) else value
