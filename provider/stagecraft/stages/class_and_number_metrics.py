"""How good predictions of more than two classes are, and of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def of_classes(truth: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Return accuracy, F1 (the mean over the classes that occur) and log loss (nats).

    Rows are put in order first, so that the order in which they come changes no digit.

    :param truth: the number of each row's class, int64
    :param scores: rows × classes, the classes' probabilities

    >>> import numpy as np
    >>> scores = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    >>> {name: round(value, 3) for name, value in of_classes(np.array([0, 2]), scores).items()}
    {'accuracy': 0.5, 'macro_f1': 0.333, 'log_loss': 1.04}
    """
    import numpy as np
    from sklearn import metrics

    order = np.lexsort((*scores.T, truth))
    truth, scores = truth[order], scores[order]
    predicted = scores.argmax(axis=1)
    return {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "macro_f1": float(metrics.f1_score(truth, predicted, average="macro", zero_division=0)),
        "log_loss": float(metrics.log_loss(truth, scores, labels=np.arange(scores.shape[1]))),
    }


def confusion(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Count rows by their class and by the likeliest one, int64, classes × classes."""
    from sklearn import metrics

    counts: np.ndarray = metrics.confusion_matrix(truth, scores.argmax(axis=1), labels=range(scores.shape[1]))
    return counts


def of_numbers(truth: np.ndarray, scores: np.ndarray, *, poisson: bool) -> dict[str, float]:
    """Return mean absolute error, root mean squared error, mean deviance and R².

    The deviance is Poisson's for rates; else the squared error. R² is 0 where all rows are alike.

    :param truth: float64; not negative for rates
    :param scores: float64; above zero for rates

    >>> import numpy as np
    >>> of_numbers(np.array([1.0, 3.0]), np.array([1.0, 2.0]), poisson=False)["mae"]
    0.5
    """
    import numpy as np
    from sklearn import metrics

    order = np.lexsort((scores, truth))
    truth, scores = truth[order], scores[order]
    squared = float(metrics.mean_squared_error(truth, scores))
    floor = np.finfo(np.float64).tiny
    return {
        "mae": float(metrics.mean_absolute_error(truth, scores)),
        "rmse": squared**0.5,
        "mean_deviance": float(metrics.mean_poisson_deviance(truth, np.maximum(scores, floor)))
        if poisson
        else squared,
        "r2": float(metrics.r2_score(truth, scores)) if truth[0] != truth[-1] else 0.0,
    }
