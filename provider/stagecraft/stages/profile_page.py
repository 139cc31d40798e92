"""The page of a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from stagecraft.stages.column_table import CSS, bars, cell, percent, row, table
from stagecraft.stages.columns_sql import FLOATS, NUMBERS
from stagecraft.stages.histograms import labels
from stagecraft.stages.page import box, card, document

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.stages.profile_statistics import ColumnProfile

SHOWN = 3
"""Frequent values that show at once; the others unfold."""


def page(title: str, dataset: Dataset, metrics: Mapping[str, float], columns: Sequence[ColumnProfile]) -> str:
    """Return the HTML page. Every text that comes from data or parameters is escaped."""
    cards = [
        card("Rows", f"{dataset.rows:,}"),
        card("Columns", f"{len(columns):,}"),
        card("Missing values", f"{100 * metrics['missing']:.3g} %", "NULL and NaN, of all values"),
        card("Constant columns", f"{metrics['constant']:.0f}", "one value in all rows that have one"),
        card("Empty columns", f"{metrics['empty']:.0f}", "no value in any row"),
    ]
    numbers = [column for column in columns if column.type in NUMBERS]
    times = [column for column in columns if column.type.startswith(("date", "timestamp"))]
    texts = [column for column in columns if column.type in ("string", "bool")]
    others = [column for column in columns if not column.profiled]
    sections = []
    if numbers:
        sections.append(box("Numbers", _numbers(numbers), wide=True))
    if texts:
        sections.append(box("Texts and booleans", _texts(texts), wide=True))
    if times:
        sections.append(box("Dates and times", _times(times), wide=True))
    if others:
        sections.append(box("Not described: lists and bytes", _others(others), wide=True))
    return document(
        title,
        f"dataset {escape(dataset.fingerprint)}; every figure is exact, over all rows",
        f'<div class="cards">{"".join(cards)}</div>\n<div class="pictures">{"".join(sections)}</div>',
        CSS,
    )


def _numbers(columns: Sequence[ColumnProfile]) -> str:
    heads = ["column", "histogram", "#missing", "#distinct", "#zeros", "#mean", "#deviation", "#min"]
    heads += [f"#{name.replace('%', ' %')}" for name in _quantile_names(columns)] + ["#max", "most frequent"]
    return table(heads, [_number(column, _quantile_names(columns)) for column in columns])


def _quantile_names(columns: Sequence[ColumnProfile]) -> list[str]:
    return max((list(column.quantiles) for column in columns), key=len)


def _number(column: ColumnProfile, quantiles: Sequence[str]) -> str:
    flags = [*_flags(column), *([f"{column.infinite:,} infinite"] if column.infinite else [])]
    cells = [
        f"<td>{_histogram(column)}</td>",
        _missing(column),
        cell(column.distinct),
        f'<td class="number">{percent(column.zeros or 0, column.rows)}</td>',
        *(cell(value) for value in (column.mean, column.deviation, column.min)),
        *(cell(column.quantiles.get(name)) for name in quantiles),
        cell(column.max),
        f"<td>{_mode(column)}</td>",
    ]
    return row(column.name, column.type, flags, cells)


def _mode(column: ColumnProfile) -> str:
    """The most frequent number, where it occurs more than once."""
    if not column.top or column.top[0][1] == 1:
        return ""
    value, count = column.top[0]
    return f'{escape(value)}<div class="type">{percent(count, column.rows)}</div>'


def _histogram(column: ColumnProfile) -> str:
    if column.bars is None:
        return ""
    edges, counts = column.bars
    names = zip(labels(edges), counts, strict=True)
    return bars([float(count) for count in counts], [f"{name}: {count:,} rows" for name, count in names])


def _texts(columns: Sequence[ColumnProfile]) -> str:
    heads = ["column", "most frequent", "#missing", "#distinct", "#empty", "#shortest", "#longest"]
    rows = []
    for column in columns:
        shortest, longest = column.length or (None, None)
        cells = [
            f"<td>{_top(column)}</td>",
            _missing(column),
            cell(column.distinct),
            cell(column.empty),
            cell(shortest),
            cell(longest),
        ]
        rows.append(row(column.name, column.type, _flags(column), cells))
    return table(heads, rows)


def _times(columns: Sequence[ColumnProfile]) -> str:
    rows = []
    for column in columns:
        cells = [
            cell(column.min),
            cell(column.max),
            _missing(column),
            cell(column.distinct),
            f"<td>{_top(column)}</td>",
        ]
        rows.append(row(column.name, column.type, _flags(column), cells))
    return table(["column", "#first", "#last", "#missing", "#distinct", "most frequent"], rows)


def _others(columns: Sequence[ColumnProfile]) -> str:
    rows = [row(column.name, column.type, [], [_missing(column)]) for column in columns]
    return table(["column", "#missing"], rows)


def _missing(column: ColumnProfile) -> str:
    lost = column.rows - column.present
    nan = f"{column.missing:,} NULL, {column.nan:,} NaN" if column.nan else f"{lost:,} rows"
    css = " over" if lost * 2 > column.rows else ""
    return f'<td class="number{css}" title="{nan}">{percent(lost, column.rows)}</td>'


def _flags(column: ColumnProfile) -> list[str]:
    if not column.present:
        return ["empty"]
    if column.distinct == 1:
        return ["constant"]
    unique = column.distinct == column.rows > 1 and column.type not in FLOATS
    return ["all distinct"] if unique else []


def _top(column: ColumnProfile) -> str:
    lines = [
        f'<div class="value-line"><span title="{escape(value)}">{escape(value) or "<i>empty text</i>"}</span>'
        f'<span class="type">{percent(count, column.rows)}</span></div>'
        for value, count in column.top
    ]
    more = f"<details><summary>{len(lines) - SHOWN} more</summary>{''.join(lines[SHOWN:])}</details>"
    return "".join(lines[:SHOWN]) + (more if len(lines) > SHOWN else "")
