"""FLAML's AutoML with XGBoost alone, beside our search of the same learner."""

from __future__ import annotations

import importlib.util
import time
from contextlib import suppress
from typing import Any

from sweep_quality import Point
from sweep_tables import Split
from sweep_trial import auc


class UsedUp(Exception):
    """The CPU budget is used up."""


def is_there() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("flaml") is not None


def trace(split: Split, seed: int, cpu: float) -> list[Point]:
    """Search for ``cpu`` CPU seconds on one core, judged on the validation rows; return its trials."""
    from flaml import AutoML

    points: list[Point] = []
    began, aside = time.process_time(), 0.0

    def judged(rows: Any, label: Any, model: Any, *_: Any, **__: Any) -> tuple[float, dict[str, float]]:
        nonlocal aside
        validation = auc(split.validation, model.predict_proba(split.validation.features)[:, 1])
        used = time.process_time() - began - aside
        before = time.process_time()
        test = float("nan")
        if all(validation > point.validation for point in points):
            test = auc(split.test, model.predict_proba(split.test.features)[:, 1])
        points.append(Point(used, validation, test))
        aside += time.process_time() - before  # The test's part is no cost of a search.
        if used > cpu:
            raise UsedUp
        return 1 - validation, {"auc": validation}

    with suppress(UsedUp):
        AutoML().fit(
            split.train.features,
            split.train.label,
            X_val=split.validation.features,
            y_val=split.validation.label,
            task="classification",
            estimator_list=["xgboost"],
            metric=judged,
            eval_method="holdout",
            time_budget=100 * cpu,  # Of wall time: the CPU's is kept above.
            n_jobs=1,
            seed=seed,
            retrain_full=False,
            verbose=0,
        )
    return points
