"""The page of a drift check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from stagecraft.stages.column_table import BEFORE, CSS, NOW, bars, cell, percent, row, table
from stagecraft.stages.page import box, card, document, facts

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.stages.counted import Bin
    from stagecraft.stages.drift import ColumnDrift

HEADS = [
    "column",
    "now and before",
    "#PSI",
    "#KS",
    "#p of KS",
    "#missing now",
    "#before",
    "#new values",
    "bins",
]


def page(
    title: str,
    dataset: Dataset,
    reference: Dataset,
    metrics: Mapping[str, float],
    columns: Sequence[ColumnDrift],
    skipped: Mapping[str, str],
) -> str:
    """Return the HTML page, the drifted columns first. Every text that comes from data is escaped."""
    drifted = int(metrics["drifted"])
    worst = max(columns, key=lambda column: column.psi)
    cards = [
        card("Drifted columns", f"{drifted:,}", f"of {len(columns):,} compared"),
        card("Largest PSI", f"{metrics['max_psi']:.3f}", worst.name),
        card("Largest KS", f"{metrics['max_ks']:.3f}", _widest(columns)),
        card("Rows now", f"{dataset.rows:,}"),
        card("Rows of the reference", f"{reference.rows:,}"),
    ]
    key = (
        f'<span class="key" style="background:{NOW}"></span>now'
        f'<span class="key" style="background:{BEFORE}"></span>reference; the first bar: missing values. '
    )
    rows = [_row(column, dataset.rows, reference.rows) for column in columns]
    sections = [box("Columns", f'<p class="type">{key}{READING}</p>{table(HEADS, rows)}', wide=True)]
    if skipped:
        sections.append(box("Not compared", facts(skipped.items()), wide=True))
    return document(
        title,
        f"dataset {escape(dataset.fingerprint)} against reference {escape(reference.fingerprint)}",
        f'<div class="cards">{"".join(cards)}</div>\n<div class="pictures">{"".join(sections)}</div>',
        CSS,
    )


READING = (
    "PSI: population stability index; below 0.1 little has moved, above 0.25 much. KS: the largest distance "
    "between the distribution functions. Empty bins count as half a row."
)


def _widest(columns: Sequence[ColumnDrift]) -> str:
    widest = max(columns, key=lambda column: column.ks or 0.0)
    return widest.name if widest.ks else ""


def _row(column: ColumnDrift, now: int, before: int) -> str:
    shares = [(entry.a / now, entry.b / before) for entry in column.bins]
    names = [_label(entry) for entry in column.bins]
    titles = [f"{name}: {a:.2%} now, {b:.2%} before" for name, (a, b) in zip(names, shares, strict=True)]
    drawn = bars([a for a, _ in shares], titles, behind=[b for _, b in shares])
    missing = column.bins[0]
    cells = [
        f"<td>{drawn}</td>",
        _measured(column, "psi", column.psi),
        _measured(column, "ks", column.ks),
        f'<td class="number">{_probability(column.p)}</td>',
        f'<td class="number">{percent(missing.a, now)}</td>',
        f'<td class="number">{percent(missing.b, before)}</td>',
        _unseen(column, now),
        f"<td><details><summary>{len(column.bins)} bins</summary>{_bins(column, now, before)}</details></td>",
    ]
    return row(
        column.name, column.type, ["drifted"] if column.faults else [], cells, alarm=bool(column.faults)
    )


def _measured(column: ColumnDrift, measure: str, value: float | None) -> str:
    bound = column.thresholds.get(measure)
    over = value is not None and bound is not None and value > bound
    shown = "–" if value is None else f"{value:.3f}"
    allowed = f'<div class="type">≤ {bound:g}</div>' if bound is not None else ""
    return f'<td class="number{" over" if over else ""}">{shown}{allowed}</td>'


def _probability(p: float | None) -> str:
    if p is None:
        return "–"
    return f"{p:.3f}" if p >= 0.001 else "&lt; 0.001"


def _unseen(column: ColumnDrift, now: int) -> str:
    if column.unseen is None:
        return cell(None)
    if not column.unseen:
        return cell(0)
    named = ", ".join(f"{value!r} ({count:,})" for value, count in column.unseen_top)
    share = percent(column.unseen_rows or 0, now)
    count = f'{column.unseen:,}<div class="type">{share} of rows</div>'
    return f'<td class="number" title="{escape(named)}">{count}</td>'


def _bins(column: ColumnDrift, now: int, before: int) -> str:
    lines = "".join(
        f"<tr><td>{escape(_label(entry))}</td>{cell(entry.a)}{cell(entry.b)}"
        f'<td class="number">{percent(entry.a, now)}</td>'
        f'<td class="number">{percent(entry.b, before)}</td></tr>'
        for entry in column.bins
    )
    return (
        '<table><tr><th>value</th><th class="number">rows now</th><th class="number">before</th>'
        f'<th class="number">now</th><th class="number">before</th></tr>{lines}</table>'
    )


def _label(entry: Bin) -> str:
    return "missing" if entry.label is None else entry.label or "empty text"
