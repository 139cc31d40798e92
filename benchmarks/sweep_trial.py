"""The trial of the benchmarks of sweeps: XGBoost with eight parameters, on one core."""

from __future__ import annotations

import time
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
EFFORT = "rounds * max_depth"
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

    :param test: NaN where it was not asked for
    :param cpu: seconds
    """

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

    def __call__(self, parameters: dict[str, Any], best: float = 0.0) -> Judged:
        """Train and judge; on the test rows only where it is better than ``best`` on the validation rows."""
        began = time.process_time()
        given = dict(parameters)
        rounds = given.pop("rounds")
        fixed = {"objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "seed": 0}
        model = xgboost.train(given | fixed, self._train, rounds)
        validation = auc(self.split.validation, model.predict(self._others[0]))
        cpu = time.process_time() - began  # The test's part is no cost of a search.
        if validation <= best:
            return Judged(validation, float("nan"), cpu)
        return Judged(validation, auc(self.split.test, model.predict(self._others[1])), cpu)


def auc(rows: Rows, scores: np.ndarray) -> float:
    """Return the area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(rows.label, scores))
