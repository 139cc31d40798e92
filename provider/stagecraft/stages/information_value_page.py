"""The page of information values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from stagecraft.stages.column_table import CSS, bars, cell, percent, row, table
from stagecraft.stages.page import box, card, document, facts

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.stages.counted import Bin
    from stagecraft.stages.information_value import ColumnInformation

HEADS = ["column", "weight of evidence", "#information value", "strength", "#bins", "rows and WOE"]
STRENGTHS = ((0.02, "none"), (0.1, "weak"), (0.3, "medium"), (0.5, "strong"))
READING = (
    "A bar above the line: positive rows are more frequent in that bin than elsewhere; the first bar is of "
    "missing values. Strength as Siddiqi (2006) reads it. Empty bins count as half a row."
)


def page(
    title: str,
    dataset: Dataset,
    label: tuple[str, str],
    metrics: Mapping[str, float],
    columns: Sequence[ColumnInformation],
    skipped: Mapping[str, str],
) -> str:
    """Return the HTML page, the most telling columns first. Every text that comes from data is escaped.

    :param label: the label's column and its positive value
    """
    cards = [
        card("Columns", f"{len(columns):,}"),
        card("Largest information value", f"{metrics['max_iv']:.3f}", columns[0].name),
        card("Rows", f"{dataset.rows:,}"),
        card(
            "Positive rows", percent(int(metrics["positives"]), dataset.rows), f"{metrics['positives']:,.0f}"
        ),
    ]
    rows = [_row(column) for column in columns]
    sections = [box("Columns", f'<p class="type">{READING}</p>{table(HEADS, rows)}', wide=True)]
    if skipped:
        sections.append(box("Not measured", facts(skipped.items()), wide=True))
    return document(
        title,
        f"label {escape(label[0])}, positive where it is {escape(label[1])}; "
        f"dataset {escape(dataset.fingerprint)}",
        f'<div class="cards">{"".join(cards)}</div>\n<div class="pictures">{"".join(sections)}</div>',
        CSS,
    )


def strength(information_value: float) -> str:
    """Return what an information value is called.

    >>> strength(0.2), strength(0.7)
    ('medium', 'suspicious: does it know the label?')
    """
    for bound, name in STRENGTHS:
        if information_value < bound:
            return name
    return "suspicious: does it know the label?"


def _row(column: ColumnInformation) -> str:
    titles = [
        f"{_label(entry)}: WOE {woe:+.3f}, {entry.a:,} positive and {entry.b:,} negative rows"
        for entry, woe in zip(column.bins, column.woe, strict=True)
    ]
    cells = [
        f"<td>{bars(column.woe, titles)}</td>",
        f'<td class="number"><b>{column.information_value:.3f}</b></td>',
        f"<td>{strength(column.information_value)}</td>",
        cell(len(column.bins)),
        f"<td><details><summary>show</summary>{_bins(column)}</details></td>",
    ]
    return row(column.name, column.type, [], cells)


def _bins(column: ColumnInformation) -> str:
    lines = "".join(
        f"<tr><td>{escape(_label(entry))}</td>{cell(entry.a)}{cell(entry.b)}"
        f'<td class="number">{woe:+.3f}</td></tr>'
        for entry, woe in zip(column.bins, column.woe, strict=True)
    )
    return (
        '<table><tr><th>value</th><th class="number">positive</th><th class="number">negative</th>'
        f'<th class="number">WOE</th></tr>{lines}</table>'
    )


def _label(entry: Bin) -> str:
    return "missing" if entry.label is None else entry.label or "empty text"
