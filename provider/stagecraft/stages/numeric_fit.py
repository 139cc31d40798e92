"""Fits chains of numeric steps, all columns at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stagecraft.stages.label_bins import LABEL, label_edges, label_sql
from stagecraft.stages.numeric_moments import Moments, together
from stagecraft.stages.numeric_statistics import Statistics, Wanted, rounded
from stagecraft.stages.numeric_steps import Fill, NumericStep
from stagecraft.stages.quantiles import exact_quantiles
from stagecraft.stages.quoting import quoted
from stagecraft.transforms.numeric import FittedFill, NumericMap

if TYPE_CHECKING:
    from stagecraft.engines.contract import Relation
    from stagecraft.stages.base import Workbench

Chains = Mapping[str, Sequence[NumericStep]]


def fit_numeric(
    bench: Workbench, rows: Relation, steps: Chains, *, label: str | None = None
) -> dict[str, list[NumericMap]]:
    """Fit each column's chain of steps, in rounds: all columns of a round together.

    A step that its parameters give takes no round; one after ``Fill`` none of its own where counts, moments
    or extremes are enough for it.

    :param steps: column → its steps in order; ``Bin`` may be the last
    :param label: the column of numbers or booleans that ``Bin(by="label")`` goes by
    :returns: column → fitted maps, one a step
    :raises InvalidInputError: names the column that has nothing to fit, infinite values, or no label
    """
    fitted: dict[str, list[NumericMap]] = {column: [] for column in steps}
    while True:
        wanted: dict[str, Wanted] = {}
        for column, chain in steps.items():
            _fit_given(column, chain, fitted[column])
            if open_steps := chain[len(fitted[column]) :]:
                wanted[column] = _wanted_together(open_steps)
        if not wanted:
            return fitted
        statistics = _statistics(bench, rows, fitted, wanted, label)
        for column, found in statistics.items():
            _fit_known(steps[column], fitted[column], found)


def _fit_given(column: str, chain: Sequence[NumericStep], fitted: list[NumericMap]) -> None:
    """Fit the steps next in turn that need no statistics."""
    for step in chain[len(fitted) :]:
        if step.wanted():
            return
        fitted.append(step.fit(Statistics(_where(column), 0, 0)))


def _wanted_together(chain: Sequence[NumericStep]) -> Wanted:
    """What the first of the open steps wants, and the one after it where filling leaves that known."""
    first = chain[0].wanted()
    if isinstance(chain[0], Fill) and len(chain) > 1 and chain[1].wanted().survive_filling:
        return first | chain[1].wanted()
    return first


def _fit_known(chain: Sequence[NumericStep], fitted: list[NumericMap], found: Statistics) -> None:
    step, *others = chain[len(fitted) :]
    made = step.fit(found)
    fitted.append(made)
    if isinstance(made, FittedFill) and others and others[0].wanted().survive_filling:
        fitted.append(others[0].fit(found.filled(made.value)))


def _statistics(
    bench: Workbench,
    rows: Relation,
    fitted: Mapping[str, Sequence[NumericMap]],
    wanted: Mapping[str, Wanted],
    label: str | None,
) -> dict[str, Statistics]:
    """The statistics of what the fitted maps make of each column."""
    by_label = {column: wants.label for column, wants in wanted.items() if wants.label}
    y = label_sql(bench.engine, rows, label) if by_label else None
    names = {column: f"x{number}" for number, column in enumerate(wanted)}
    mapped = bench.engine.sql(
        _mapped({names[column]: (column, fitted[column]) for column in wanted}, y), rows=rows
    )
    found = _aggregates(bench, rows, {column: fitted[column] for column in wanted})
    quantiles = _quantiles(bench, mapped, names, wanted)
    modes = _modes(bench, mapped, {column: name for column, name in names.items() if wanted[column].mode})
    edges = label_edges(bench.engine, mapped, names, by_label)
    made: dict[str, Statistics] = {}
    for column in wanted:
        exact = all(each.same_in_sql for each in fitted[column])
        values = found[column] | {"mode": modes.get(column)}
        for name in ("low", "high", "mode"):
            values[name] = _same(values.get(name), exact)
        made[column] = Statistics(
            where=_where(column),
            quantiles={p: _same(value, exact) for p, value in quantiles.get(column, {}).items()},
            edges=tuple(edge if exact else rounded(edge) for edge in edges.get(column, ())),
            **values,
        )
    return made


def _mapped(columns: Mapping[str, tuple[str, Sequence[NumericMap]]], label: str | None) -> str:
    """A query for the columns as DOUBLE, NULL where missing, after their maps: one SELECT within another.

    :param columns: name in the result → column and its fitted maps
    :param label: SQL expression of the label
    """
    more = [f"{label} AS {LABEL}"] if label else []
    first = (
        f"nullif(CAST({quoted(column)} AS DOUBLE), CAST('NaN' AS DOUBLE)) AS {name}"
        for name, (column, _) in columns.items()
    )
    query = f"SELECT {', '.join([*first, *more])} FROM rows"
    for depth in range(max(len(maps) for _, maps in columns.values())):
        then = (
            f"{maps[depth].sql(name)} AS {name}" if depth < len(maps) else name
            for name, (_, maps) in columns.items()
        )
        query = f"SELECT {', '.join([*then, *([LABEL] if label else [])])} FROM ({query}) AS r"
    return query


def _aggregates(
    bench: Workbench, rows: Relation, fitted: Mapping[str, Sequence[NumericMap]]
) -> dict[str, dict[str, Any]]:
    """Counts, moments and extremes of what the fitted maps make of each column, in one scan."""
    maps = bench.engine.map_batches(bench.engine.select(rows, list(fitted)), Moments(fitted))
    parts: dict[str, list[dict[str, Any]]] = {column: [] for column in fitted}
    columns = list(fitted)
    for part in bench.engine.collect(maps).to_pylist():
        parts[columns[part.pop("column")]].append(part)
    return {column: together(found) for column, found in parts.items()}


def _quantiles(
    bench: Workbench, rows: Relation, names: Mapping[str, str], wanted: Mapping[str, Wanted]
) -> dict[str, dict[float, float | None]]:
    probabilities = {column: sorted(wants.quantiles) for column, wants in wanted.items() if wants.quantiles}
    if not probabilities:
        return {}
    requests = {column: (names[column], asked) for column, asked in probabilities.items()}
    found = exact_quantiles(bench.engine, rows, requests)
    return {column: dict(zip(asked, found[column], strict=True)) for column, asked in probabilities.items()}


def _modes(bench: Workbench, rows: Relation, names: Mapping[str, str]) -> dict[str, float]:
    """Each column's most frequent value, of several the smallest."""
    if not names:
        return {}
    most = (
        f"(SELECT {number} AS number, {name} AS value, count(*) AS n FROM rows WHERE {name} IS NOT NULL "
        "GROUP BY 2 ORDER BY n DESC, value LIMIT 1)"
        for number, name in enumerate(names.values())
    )
    query = " UNION ALL ".join(f"SELECT number, value FROM {each} AS m" for each in most)
    columns = list(names)
    found = bench.engine.collect(bench.engine.sql(query, rows=rows)).to_pylist()
    return {columns[row["number"]]: row["value"] for row in found}


def _same(value: float | None, exact: bool) -> float | None:
    """The value as every engine has it: without the sign of zero, rounded where SQL's functions differ."""
    if value is None:
        return None
    return (value if exact else rounded(value)) + 0.0


def _where(column: str) -> str:
    return f"encode.columns.{column}"
