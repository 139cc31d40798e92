"""The trial of the benchmarks of sweeps: XGBoost with eight parameters, on one core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import xgboost
from sweep_tables import Rows, Split

from stagecraft.tuning.space import Integer, LogUniform, Space, Uniform

SPACE = Space(
    {
        "rounds": Integer(20, 300, log=True),
        "learning_rate": LogUniform(0.01, 0.5),
        "max_depth": Integer(2, 10),
        "min_child_weight": LogUniform(0.5, 64),
        "subsample": Uniform(0.4, 1),
        "colsample_bytree": Uniform(0.3, 1),
        "reg_lambda": LogUniform(0.01, 100),
        "reg_alpha": LogUniform(0.001, 10),
    }
)
EFFORT, STEPS = "rounds * max_depth", "rounds"
FIRST, FURTHER = 20, 1.25
"""Rounds until a trial reports for the first time, and how many times further the next report lies."""
FIXED = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "seed": 0}
DEFAULTS: dict[str, Any] = {
    "rounds": 100,
    "learning_rate": 0.3,
    "max_depth": 6,
    "min_child_weight": 1.0,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
    "reg_lambda": 1.0,
    "reg_alpha": 0.001,
}


class Judged(NamedTuple):
    """What a trial came to.

    :param parameters: those that it was asked with, or with fewer rounds, where these were better
    :param test: NaN where it was not asked for
    :param cpu: seconds
    """

    parameters: dict[str, Any]
    validation: float
    test: float
    cpu: float


class Trainer:
    """Trains on a split, whose rows are binned once.

    :param split: training, validation and test rows
    """

    def __init__(self, split: Split) -> None:
        self.split = split
        self._train = xgboost.QuantileDMatrix(split.train.features, split.train.label, nthread=1)
        self._others = [
            xgboost.QuantileDMatrix(rows.features, rows.label, ref=self._train, nthread=1)
            for rows in (split.validation, split.test)
        ]

    def __call__(
        self, parameters: dict[str, Any], best: float = 0.0, stops: Callable[[int, float], bool] | None = None
    ) -> Judged:
        """Train and judge; on the test rows only where it is better than ``best`` on the validation rows.

        :param stops: is told the AUC on its way, and says whether to stop; the best of what it is told counts
        """
        began = time.process_time()
        given = dict(parameters)
        rounds = given.pop("rounds")
        if stops is None:
            model = xgboost.train(given | FIXED, self._train, rounds)
            validation = auc(self.split.validation, model.predict(self._others[0]))
        else:
            model, rounds, validation = self._stepwise(given, rounds, stops)
        cpu = time.process_time() - began  # The test's part is no cost of a search.
        test = float("nan")
        if validation > best:
            scores = model.predict(self._others[1], iteration_range=(0, rounds))
            test = auc(self.split.test, scores)
        return Judged(parameters | {"rounds": rounds}, validation, test, cpu)

    def _stepwise(
        self, given: dict[str, Any], rounds: int, stops: Callable[[int, float], bool]
    ) -> tuple[xgboost.Booster, int, float]:
        """Return the model, its best number of rounds, and the AUC of that."""
        model = xgboost.Booster(given | FIXED | {"eval_metric": "auc"}, [self._train, self._others[0]])
        done, best = 0, (0.0, 0)
        for step in reports(rounds):
            for number in range(done, step):
                model.update(self._train, number)
            done = step
            validation = float(model.eval_set([(self._others[0], "validation")]).rpartition(":")[2])
            best = max(best, (validation, -step))
            if stops(step, validation):
                break
        return model, -best[1], best[0]


def reports(rounds: int) -> Iterator[int]:
    """Yield after how many rounds a trial reports.

    >>> list(reports(60))
    [20, 25, 31, 39, 49, 60]
    """
    step = float(FIRST)
    while round(step) < rounds:
        yield round(step)
        step *= FURTHER
    yield rounds


def auc(rows: Rows, scores: np.ndarray) -> float:
    """Return the area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(rows.label, scores))
