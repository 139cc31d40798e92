"""The pictures of an evaluation, as SVG text to stand inside a page."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stagecraft.stages import metrics

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

MODEL, BASELINE, GUIDE, INK = "#1f5fbf", "#e07b39", "#b8bec8", "#3c4450"
NEGATIVE, POSITIVE = "#7d8896", "#178f80"

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GUIDE,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eceff3",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


def roc(positive: np.ndarray, score: np.ndarray, baseline: np.ndarray) -> str:
    """Draw the ROC curves of the model and of the baseline."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=GUIDE, linewidth=1, linestyle="--")
        axes.plot(*metrics.roc(positive, baseline), color=BASELINE, label="baseline")
        axes.plot(*metrics.roc(positive, score), color=MODEL, label="model")
        axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.005))
        axes.legend(loc="lower right", reverse=True)

    return svg("roc", draw)


def precision_recall(positive: np.ndarray, score: np.ndarray, baseline: np.ndarray) -> str:
    """Draw precision against recall, of the model and of the baseline."""

    def draw(axes: Axes) -> None:
        # As average precision counts: a precision holds from its recall down to the one before.
        steps: dict[str, Any] = {"drawstyle": "steps-pre"}
        axes.axhline(positive.mean(), color=GUIDE, linewidth=1, linestyle="--")
        axes.plot(*metrics.precision_recall(positive, baseline), color=BASELINE, label="baseline", **steps)
        axes.plot(*metrics.precision_recall(positive, score), color=MODEL, label="model", **steps)
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.005))
        axes.legend(loc="upper right", reverse=True)

    return svg("precision-recall", draw)


def calibration(positive: np.ndarray, score: np.ndarray) -> str:
    """Draw the share of positives against the mean score, in bins of about equally many rows."""
    curve = metrics.calibration(positive, score)

    def draw(axes: Axes) -> None:
        top = min(1.0, 1.1 * float(max(curve.predicted.max(), curve.observed.max())))
        axes.plot([0, top], [0, top], color=GUIDE, linewidth=1, linestyle="--", label="perfect")
        axes.plot(curve.predicted, curve.observed, color=MODEL, marker="o", markersize=5, label="model")
        axes.set(xlabel="mean score", ylabel="share of positives", xlim=(0, top), ylim=(0, top))
        axes.legend(loc="upper left")

    return svg("calibration", draw)


def histogram(positive: np.ndarray, score: np.ndarray, threshold: float) -> str:
    """Draw how the scores of each label are spread."""
    import numpy as np

    def draw(axes: Axes) -> None:
        edges = np.linspace(0, 1, 41)
        for chosen, color, label in ((~positive, NEGATIVE, "negative"), (positive, POSITIVE, "positive")):
            shares = np.histogram(score[chosen], edges)[0] / chosen.sum()
            axes.stairs(shares, edges, fill=True, color=color, alpha=0.35)
            axes.stairs(shares, edges, color=color, label=label)
        axes.axvline(threshold, color=INK, linewidth=1, linestyle=":", label="threshold")
        axes.set(xlabel="score", ylabel="share of the label's rows", xlim=(0, 1), ylim=(0, None))
        axes.legend(loc="upper right")

    return svg("histogram", draw)


def loss(history: Sequence[dict[str, Any]]) -> str | None:
    """Draw the training's loss by step; None where no finite loss was recorded."""
    points = [(entry.get("step"), entry.get("loss")) for entry in history]
    curve = [(step, value) for step, value in points if _finite(step) and _finite(value)]
    if not curve:
        return None
    kept = curve[:: math.ceil(len(curve) / 1000)]
    if kept[-1] != curve[-1]:
        kept.append(curve[-1])

    def draw(axes: Axes) -> None:
        axes.plot(*zip(*kept, strict=True), color=MODEL, marker="o" if len(kept) < 30 else None, markersize=3)
        axes.set(xlabel="step", ylabel="training loss")

    return svg("loss", draw, width=9.2)


def svg(name: str, draw: Callable[[Axes], None], width: float = 4.5, height: float = 3.2) -> str:
    """Draw on new axes; return an ``<svg>`` element. The same drawing gives the same text.

    :param name: keeps the ids of several pictures on one page apart
    :param width: inches, as ``height``
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0)
        draw(figure.subplots())
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    drawn = text.getvalue()
    return drawn[drawn.index("<svg") :]


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
