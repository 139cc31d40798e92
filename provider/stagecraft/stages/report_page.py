"""The page of an evaluation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from stagecraft.stages import report_plots as plots
from stagecraft.stages.page import box, document, facts

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.model import Model
    from stagecraft.stages.metrics import Confusion
    from stagecraft.transforms.scored import Label

HEADLINES = (
    ("auc", "AUC", "higher is better"),
    ("log_loss", "Log loss", "lower is better"),
    ("ks", "KS", "higher is better"),
    ("average_precision", "Average precision", "higher is better"),
    ("brier", "Brier score", "lower is better"),
)
DECISIONS = ("accuracy", "precision", "recall", "f1")


@dataclass(frozen=True)
class Evaluation:
    """What the page shows.

    :param metrics: as the report's ``meta`` has them
    :param positive: bool, the truth of each row
    :param score: float64, the model's, as ``baseline`` is the baseline's
    :param baseline_words: what the baseline predicts, to be read after "baseline:"
    """

    title: str
    model: Model
    dataset: Dataset
    labels: tuple[Label, ...]
    metrics: dict[str, float]
    confusion: Confusion
    positive: np.ndarray
    score: np.ndarray
    baseline: np.ndarray
    baseline_words: str


def page(evaluation: Evaluation) -> str:
    """Return the HTML page. Every text that comes from data or parameters is escaped."""
    metrics = evaluation.metrics
    rows, positives = int(metrics["rows"]), int(metrics["positives"])
    truth, score, baseline = evaluation.positive, evaluation.score, evaluation.baseline
    pictures = [
        box("ROC", plots.roc(truth, score, baseline)),
        box("Precision and recall", plots.precision_recall(truth, score, baseline)),
        box("Calibration", plots.calibration(truth, score)),
        box("Scores by label", plots.histogram(truth, score, metrics["threshold"])),
    ]
    if (loss := plots.loss(evaluation.model.meta.get("history") or [])) is not None:
        pictures.append(box("Loss in training", loss, wide=True))
    about = (
        f"{rows:,} rows, {positives:,} positive ({positives / rows:.1%});\n"
        f"baseline: {escape(evaluation.baseline_words)}"
    )
    pictures += [
        box(f"Decisions at threshold {metrics['threshold']:g}", _confusion(evaluation)),
        box("Rates at this threshold", facts((name, f"{metrics[name]:.4f}") for name in DECISIONS)),
        box("Where this comes from", lineage(evaluation.model, evaluation.dataset), wide=True),
    ]
    return document(
        evaluation.title,
        about,
        f'<div class="cards">{"".join(headline(metrics, *entry) for entry in HEADLINES)}</div>\n'
        f'<div class="pictures">\n{"".join(pictures)}\n</div>',
    )


def headline(metrics: dict[str, float], name: str, words: str, hint: str) -> str:
    """Return a metric as a figure, with the baseline's."""
    return (
        f'<div class="box"><div class="name">{words}</div><div class="value">{metrics[name]:.4f}</div>'
        f'<div class="beside">baseline {metrics[f"baseline_{name}"]:.4f}</div>'
        f'<div class="hint">{hint}</div></div>'
    )


def _confusion(evaluation: Evaluation) -> str:
    negative, positive = (escape(str(label)) for label in evaluation.labels)
    counts = evaluation.confusion
    lines = [
        (negative, counts.true_negatives, counts.false_positives),
        (positive, counts.false_negatives, counts.true_positives),
    ]
    body = "".join(
        f'<tr><th>truly {name}</th><td class="number">{left:,}</td><td class="number">{right:,}</td></tr>'
        for name, left, right in lines
    )
    return (
        f'<table><tr><th></th><th class="number">predicted {negative}</th>'
        f'<th class="number">predicted {positive}</th></tr>{body}</table>'
    )


def lineage(model: Model, dataset: Dataset) -> str:
    """Return a table of what a model and the rows that it was measured on come from."""
    lineage = model.manifest.lineage
    entries: list[tuple[str, Any]] = [
        ("model", model.fingerprint),
        ("model committed", model.manifest.created),
        ("trained by", f"{lineage.get('stage')} (version {lineage.get('version')})"),
        *((f"trained on: {name}", found) for name, found in sorted(lineage.get("inputs", {}).items())),
        ("parameters", json.dumps(lineage.get("parameters", {}), ensure_ascii=False)),
        *(
            (f"in training: {name}", value)
            for name, value in sorted((model.meta.get("metrics") or {}).items())
        ),
        ("transforms", " → ".join(transform.type for transform in model.chain.transforms)),
        ("features", f"{model.chain.layout.dimension:,}"),
        ("evaluated rows", dataset.fingerprint),
    ]
    return facts(((name, str(value)) for name, value in entries), "lineage")
