"""The page of an evaluation: one HTML file that fetches nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from stagecraft.stages import report_plots as plots

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
    labels: tuple[Label, Label]
    metrics: dict[str, float]
    confusion: Confusion
    positive: np.ndarray
    score: np.ndarray
    baseline: np.ndarray
    baseline_words: str


def page(evaluation: Evaluation) -> str:
    """Return the HTML page. Every text that comes from data or parameters is escaped."""
    metrics, title = evaluation.metrics, escape(evaluation.title)
    rows, positives = int(metrics["rows"]), int(metrics["positives"])
    truth, score, baseline = evaluation.positive, evaluation.score, evaluation.baseline
    pictures = [
        _box("ROC", plots.roc(truth, score, baseline)),
        _box("Precision and recall", plots.precision_recall(truth, score, baseline)),
        _box("Calibration", plots.calibration(truth, score)),
        _box("Scores by label", plots.histogram(truth, score, metrics["threshold"])),
    ]
    if (loss := plots.loss(evaluation.model.meta.get("history") or [])) is not None:
        pictures.append(_box("Loss in training", loss, wide=True))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{CSS}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p class="soft">{rows:,} rows, {positives:,} positive ({positives / rows:.1%});
baseline: {escape(evaluation.baseline_words)}</p>
<div class="cards">{"".join(_card(metrics, *headline) for headline in HEADLINES)}</div>
<div class="pictures">
{"".join(pictures)}
{_box(f"Decisions at threshold {metrics['threshold']:g}", _confusion(evaluation))}
{_box("Rates at this threshold", _table((name, f"{metrics[name]:.4f}") for name in DECISIONS))}
{_box("Where this comes from", _lineage(evaluation), wide=True)}
</div>
</main>
</body>
</html>
"""


def _card(metrics: dict[str, float], name: str, words: str, hint: str) -> str:
    return (
        f'<div class="box"><div class="name">{words}</div><div class="value">{metrics[name]:.4f}</div>'
        f'<div class="beside">baseline {metrics[f"baseline_{name}"]:.4f}</div>'
        f'<div class="hint">{hint}</div></div>'
    )


def _box(heading: str, content: str, wide: bool = False) -> str:
    return f'<section class="box{" wide" if wide else ""}"><h2>{heading}</h2>{content}</section>'


def _table(entries: Iterable[tuple[str, str]], css: str = "") -> str:
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in entries)
    return f'<table class="{css}">{"".join(rows)}</table>'


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


def _lineage(evaluation: Evaluation) -> str:
    model, lineage = evaluation.model, evaluation.model.manifest.lineage
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
        ("evaluated rows", evaluation.dataset.fingerprint),
    ]
    return _table(((name, str(value)) for name, value in entries), "lineage")
