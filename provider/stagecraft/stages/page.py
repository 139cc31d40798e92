"""What the pages of reports share: one HTML file that fetches nothing, and what stands in it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

CSS = """
:root { color-scheme: light; --ink: #20262e; --soft: #667080; --line: #e3e7ec; --model: #1f5fbf;
  --base: #b75a1c; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f7f9; color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 16px; margin: 0 0 8px; }
.soft { color: var(--soft); margin: 0; overflow-wrap: anywhere; }
.cards, .pictures { display: grid; gap: 12px; }
.cards { grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); margin: 24px 0 12px; }
.pictures { grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.box { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px;
  min-width: 0; }
.wide { grid-column: 1 / -1; }
.box svg { width: 100%; height: auto; display: block; }
.name { color: var(--soft); font-size: 13px; }
.value { font-size: 26px; font-weight: 650; color: var(--model); font-variant-numeric: tabular-nums; }
.beside { font-size: 13px; color: var(--base); font-variant-numeric: tabular-nums; }
.hint { font-size: 12px; color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
tr:last-child > * { border-bottom: 0; }
th { font-weight: 500; color: var(--soft); }
td.number { text-align: right; white-space: nowrap; }
th.number { text-align: right; }
.lineage th { width: 170px; }
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; }
@media print { body { background: #fff; } .box { break-inside: avoid; } }
"""


def document(title: str, about: str, body: str, css: str = "") -> str:
    """Return a page.

    :param title: text, to be escaped
    :param about: HTML, a line under the heading
    :param body: HTML
    :param css: rules of this page alone
    """
    title = escape(title)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{CSS}{css}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="soft">{about}</p>
{body}
</main>
</body>
</html>
"""


def box(heading: str, content: str, wide: bool = False) -> str:
    """Return a section; the content is HTML."""
    return f'<section class="box{" wide" if wide else ""}"><h2>{escape(heading)}</h2>{content}</section>'


def card(name: str, value: str, hint: str = "") -> str:
    """Return a figure with its name and a hint."""
    shown = f'<div class="hint">{escape(hint)}</div>' if hint else ""
    return (
        f'<div class="box"><div class="name">{escape(name)}</div>'
        f'<div class="value">{escape(value)}</div>{shown}</div>'
    )


def facts(entries: Iterable[tuple[str, str]], css: str = "") -> str:
    """Return a table of names and values."""
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in entries)
    return f'<table class="{css}">{"".join(rows)}</table>'
