"""Tables of a dataset's columns on a page: a row each, with small bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

CSS = """
main { max-width: 1600px; }
.scroll { overflow-x: auto; }
.columns { font-size: 13px; }
.columns th, .columns td { padding: 6px 10px 6px 0; vertical-align: middle; }
.columns thead th { border-bottom: 1px solid #c9d0d8; white-space: nowrap; }
.columns td:first-child { min-width: 180px; max-width: 300px; position: sticky; left: 0; background: #fff; }
.columns svg { width: 150px; height: 38px; }
.column { font-weight: 600; }
.type { color: var(--soft); font-size: 12px; }
.flag { display: inline-block; border-radius: 9px; padding: 0 8px; margin-left: 6px; font-size: 11px;
  line-height: 18px; font-weight: 650; background: #eceff3; color: var(--ink); white-space: nowrap; }
.alarm { background: #fbe3dd; color: #a3290b; }
tr.alarmed td { background: #fff8f6; }
tr.alarmed td:first-child { background: #fff8f6; box-shadow: inset 3px 0 #d5431b; padding-left: 12px; }
.over { color: #a3290b; font-weight: 650; }
.value-line { display: flex; gap: 8px; max-width: 360px; }
.value-line span:first-child { flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
details { margin: 2px 0; } summary { cursor: pointer; color: var(--soft); }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin: 0 5px 0 12px; }
"""
NOW, BEFORE = "#1f5fbf", "#c9d0d8"


def table(heads: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table of columns; each row is HTML. Heads that begin with ``#`` are of numbers."""
    cells = "".join(
        f'<th class="number">{escape(head[1:])}</th>' if head.startswith("#") else f"<th>{escape(head)}</th>"
        for head in heads
    )
    return (
        f'<div class="scroll"><table class="columns"><thead><tr>{cells}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def row(name: str, kind: str, flags: Iterable[str], cells: Iterable[str], alarm: bool = False) -> str:
    """Return a column's row: its name, type and flags as text, the other cells as HTML of ``<td>``."""
    shown = "".join(f'<span class="flag{" alarm" if alarm else ""}">{escape(flag)}</span>' for flag in flags)
    first = (
        f'<td><span class="column">{escape(name)}</span>{shown}<div class="type">{escape(kind)}</div></td>'
    )
    return f"<tr{' class=alarmed' if alarm else ''}>{first}{''.join(cells)}</tr>"


def cell(value: float | int | str | None, css: str = "") -> str:
    """Return a cell with a number."""
    return f'<td class="number {css}">{escape(short(value))}</td>'


def short(value: float | int | str | None) -> str:
    """Return a number to be read by people.

    >>> short(1234567), short(0.000123456), short(None)
    ('1,234,567', '0.000123', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e9):
        return f"{int(value):,}" if abs(value) < 1e9 else _exponent(value)
    if 0.001 <= abs(value) < 1e9:
        return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
    return _exponent(value)


def _exponent(value: float) -> str:
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def percent(rows: int, of: int) -> str:
    """Return a share to be read by people; no more than 0 % or 100 % where it is not quite that.

    >>> percent(0, 9), percent(1, 100_000), percent(99_999, 100_000)
    ('0 %', '< 0.1 %', '> 99.9 %')
    """
    share = rows / of
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{100 * share:.3g} %"


def bars(
    heights: Sequence[float],
    titles: Sequence[str],
    behind: Sequence[float] = (),
) -> str:
    """Return bars as ``<svg>``; some below 0 hang from the line.

    :param titles: what a pointer on each bar shows, text
    :param behind: heights of wide bars behind
    """
    top = max(0.0, *heights, *behind)
    bottom = min(0.0, *heights, *behind)
    scale = 36 / ((top - bottom) or 1.0)
    step = 150 / len(heights)
    line = 1 + top * scale
    parts = []
    for place, (height, title) in enumerate(zip(heights, titles, strict=True)):
        start = place * step
        if behind:
            parts.append(_bar(start, step - 1, behind[place] * scale, line, BEFORE))
            parts.append(_bar(start + step / 4, step / 2 - 0.5, height * scale, line, NOW))
        else:
            parts.append(_bar(start, step - 1, height * scale, line, NOW if height >= 0 else "#e07b39"))
        hidden = (
            f'<rect x="{start:.1f}" y="0" width="{step:.1f}" height="38" fill="none" pointer-events="all"/>'
        )
        parts.append(f"<g><title>{escape(title)}</title>{hidden}</g>")
    parts.append(f'<path d="M0 {line:.1f}H150" stroke="#98a2b0" stroke-width="0.6"/>')
    return f'<svg viewBox="0 0 150 38" preserveAspectRatio="none">{"".join(parts)}</svg>'


def _bar(start: float, width: float, height: float, line: float, color: str) -> str:
    height = height if abs(height) >= 0.7 or not height else (0.7 if height > 0 else -0.7)
    top = line - max(height, 0.0)
    return (
        f'<rect x="{start:.1f}" y="{top:.1f}" width="{max(width, 0.3):.1f}" height="{abs(height):.1f}" '
        f'fill="{color}"/>'
    )
