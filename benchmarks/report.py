"""A benchmark's findings: a table for people, then one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


class Report:
    """Collects rows of a table, and figures with their bars.

    >>> report = Report()
    >>> report.figure("gain", 3.14159, ">=", 2)
    >>> report.figures
    {'gain': {'value': 3.142, 'bar': '>= 2', 'holds': True}}
    """

    def __init__(self) -> None:
        self.figures: dict[str, dict[str, Any]] = {}

    def figure(self, key: str, value: float, comparison: str, bar: float) -> None:
        """Note a figure, and whether it keeps its bar."""
        holds = value >= bar if comparison == ">=" else value <= bar
        self.figures[key] = {"value": float(f"{value:.4g}"), "bar": f"{comparison} {bar:g}", "holds": holds}

    @staticmethod
    def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Print a table, numbers to the right."""
        texts = [[_text(value) for value in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]
        print(f"\n{title}")
        for line in (heads, ["-" * width for width in widths], *texts):
            first, *others = zip(line, widths, strict=True)
            print("  ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]))
        print(flush=True)

    def close(self) -> None:
        """Print the figures, and as the last line the JSON of them."""
        heads = ("figure", "value", "bar", "holds")
        self.table("Figures", heads, [(key, *each.values()) for key, each in self.figures.items()])
        print(json.dumps(self.figures))


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.2f}" if value == 0 or abs(value) >= 0.1 else f"{value:.2g}"
