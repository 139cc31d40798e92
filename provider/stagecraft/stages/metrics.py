"""How good scores of a binary label are: scikit-learn's metrics, and the few that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Curve(NamedTuple):
    """Points to draw: x and y, float64, equally long."""

    x: np.ndarray
    y: np.ndarray


class Calibration(NamedTuple):
    """One entry a bin of scores.

    :param predicted: mean score
    :param observed: share of positives
    :param rows: number of rows
    """

    predicted: np.ndarray
    observed: np.ndarray
    rows: np.ndarray


class Confusion(NamedTuple):
    """Rows by what was predicted and what was true."""

    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int


def ranking(positive: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None) -> dict[str, float]:
    """Return the metrics that no threshold decides.

    ``auc`` counts tied scores as one half; ``log_loss`` (nats) clips scores to the nearest float64 inside
    (0, 1) that is one epsilon away; ``ks`` is the largest distance of the two labels' score distributions;
    ``brier`` is the mean squared error; ``average_precision`` is the step-wise area below precision–recall.
    Rows are put in order of their scores first, so that the order in which they come changes no digit.

    :param positive: bool, whether each row's label is the positive one; both labels occur
    :param score: float64, in [0, 1]
    :param weight: the rows' weights; equal where None

    >>> import numpy as np
    >>> ranking(np.array([False, True, True]), np.array([0.5, 0.5, 0.9]))["auc"]
    0.75
    """
    import numpy as np
    from sklearn import metrics

    order = np.lexsort((np.zeros(len(score)) if weight is None else weight, positive, score))
    positive, score = positive[order], score[order]
    weight = None if weight is None else weight[order]
    return {
        "auc": float(metrics.roc_auc_score(positive, score, sample_weight=weight)),
        "log_loss": float(metrics.log_loss(positive, score, sample_weight=weight, labels=[False, True])),
        "ks": kolmogorov_smirnov(positive, score, weight),
        "brier": float(metrics.brier_score_loss(positive, score, sample_weight=weight)),
        "average_precision": float(metrics.average_precision_score(positive, score, sample_weight=weight)),
    }


def kolmogorov_smirnov(positive: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the largest distance between the score distributions of the two labels, 0 … 1."""
    import numpy as np
    from sklearn.metrics import roc_curve

    false_rate, true_rate, _ = roc_curve(positive, score, sample_weight=weight)
    return float(np.max(np.abs(true_rate - false_rate)))


def confusion(positive: np.ndarray, score: np.ndarray, threshold: float) -> Confusion:
    """Count rows, a score at or above ``threshold`` being predicted positive."""
    import numpy as np

    predicted = score >= threshold
    return Confusion(
        int(np.sum(~predicted & ~positive)),
        int(np.sum(predicted & ~positive)),
        int(np.sum(~predicted & positive)),
        int(np.sum(predicted & positive)),
    )


def decisions(counts: Confusion) -> dict[str, float]:
    """Return accuracy, precision, recall and F1; precision is 0 where nothing is predicted positive.

    >>> decisions(Confusion(5, 1, 2, 2))["recall"]
    0.5
    """
    hits, wrong, missed = counts.true_positives, counts.false_positives, counts.false_negatives
    return {
        "accuracy": (hits + counts.true_negatives) / sum(counts),
        "precision": hits / (hits + wrong) if hits else 0.0,
        "recall": hits / (hits + missed) if hits else 0.0,
        "f1": 2 * hits / (2 * hits + wrong + missed) if hits else 0.0,
    }


def roc(positive: np.ndarray, score: np.ndarray, points: int = 400) -> Curve:
    """Return the ROC curve, false against true positive rate, in at most about ``points`` points."""
    from sklearn.metrics import roc_curve

    false_rate, true_rate, _ = roc_curve(positive, score)
    return thin(false_rate, true_rate, points)


def precision_recall(positive: np.ndarray, score: np.ndarray, points: int = 400) -> Curve:
    """Return recall against precision, in at most about ``points`` points."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(positive, score)
    return thin(recall[::-1], precision[::-1], points)


def thin(x: np.ndarray, y: np.ndarray, points: int) -> Curve:
    """Keep the first point of each of ``points`` equal steps along a monotone x, and the last point."""
    import numpy as np

    if len(x) <= points:
        return Curve(x, y)
    steps = np.floor((x - x[0]) / (x[-1] - x[0] or 1) * points).astype(np.int64)
    keep = np.flatnonzero(np.diff(steps, prepend=-1))
    keep = np.unique(np.append(keep, len(x) - 1))
    return Curve(x[keep], y[keep])


def calibration(positive: np.ndarray, score: np.ndarray, bins: int = 10) -> Calibration:
    """Compare scores with outcomes in bins of about equally many rows; equal scores share a bin."""
    import numpy as np

    edges = np.unique(np.quantile(score, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, score, side="left")
    rows = np.bincount(place, minlength=len(edges) + 1)
    filled = rows > 0
    predicted = np.bincount(place, weights=score, minlength=len(rows))[filled] / rows[filled]
    observed = np.bincount(place, weights=positive, minlength=len(rows))[filled] / rows[filled]
    return Calibration(predicted, observed, rows[filled])
