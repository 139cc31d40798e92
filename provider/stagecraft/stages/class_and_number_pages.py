"""The pages of evaluations of models of more than two classes, and of numbers."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from stagecraft.stages import report_plots as plots
from stagecraft.stages.page import box, document
from stagecraft.stages.report_page import headline, lineage

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.model import Model
    from stagecraft.transforms.scored import Label

SHOWN_CLASSES = 50
HEADLINES = {
    "accuracy": ("Accuracy", "higher is better"),
    "macro_f1": ("Macro F1", "higher is better"),
    "log_loss": ("Log loss", "lower is better"),
    "mae": ("Mean absolute error", "lower is better"),
    "rmse": ("Root mean squared error", "lower is better"),
    "mean_deviance": ("Mean deviance", "lower is better"),
    "r2": ("R²", "higher is better"),
}


def page(
    title: str,
    model: Model,
    dataset: Dataset,
    metrics: dict[str, float],
    baseline_words: str,
    confusion: tuple[tuple[Label, ...], np.ndarray] | None = None,
) -> str:
    """Return the HTML page. Every text that comes from data or parameters is escaped.

    :param metrics: as the report's ``meta`` has them
    :param baseline_words: what the baseline predicts, to be read after "baseline:"
    :param confusion: labels, and rows by their label and by the one that was predicted
    """
    cards = [headline(metrics, name, *words) for name, words in HEADLINES.items() if name in metrics]
    boxes = []
    if confusion is not None:
        boxes.append(box("Labels and predictions", _matrix(*confusion), wide=True))
    if (loss := plots.loss(model.meta.get("history") or [])) is not None:
        boxes.append(box("Loss in training", loss, wide=True))
    boxes.append(box("Where this comes from", lineage(model, dataset), wide=True))
    return document(
        title,
        f"{int(metrics['rows']):,} rows; baseline: {escape(baseline_words)}",
        f'<div class="cards">{"".join(cards)}</div>\n<div class="pictures">\n{"".join(boxes)}\n</div>',
    )


def _matrix(labels: tuple[Label, ...], counts: np.ndarray) -> str:
    """A row a label: how its rows were predicted, how many were right, and how many predictions were."""
    shown = range(min(len(labels), SHOWN_CLASSES))
    names = [escape(str(label)) for label in labels]
    head = "".join(f'<th class="number">predicted {names[column]}</th>' for column in shown)
    lines = []
    for row in shown:
        hits, rows, calls = counts[row, row], counts[row].sum(), counts[:, row].sum()
        cells = [f"{counts[row, column]:,}" for column in shown]
        cells += [f"{hits / total:.3f}" if total else "–" for total in (rows, calls)]
        line = "".join(f'<td class="number">{cell}</td>' for cell in cells)
        lines.append(f"<tr><th>truly {names[row]}</th>{line}</tr>")
    more = f"<p>The first {SHOWN_CLASSES} of {len(labels)} labels.</p>" if len(labels) > SHOWN_CLASSES else ""
    rates = '<th class="number">recall</th><th class="number">precision</th>'
    return f'<table class="matrix"><tr><th></th>{head}{rates}</tr>{"".join(lines)}</table>{more}'
