"""Gradient-boosted trees by XGBoost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pyarrow as pa
    import xgboost

Objective = Literal["binary", "multi-class", "regression"]


class BoostingParameters(BaseModel):
    """How trees are grown; the names are XGBoost's concepts.

    :param objective: what the label is: one of two classes, one of several (a round then grows a tree
        for each), or a number
    :param rounds: number of trees, of each class where there are several
    :param depth: levels of splits in a tree
    :param learning_rate: shrinkage of each tree, in (0, 1]
    :param min_child_weight: least sum of hessians in a leaf
    :param subsample: part of the rows that a tree sees, in (0, 1]
    :param column_sample: part of the columns that a tree sees, in (0, 1]
    :param l2: L2 penalty on leaf values
    :param seed: decides sampling; the same seed and rows give the same trees
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objective: Objective = "binary"
    rounds: int = Field(default=60, ge=1, le=10_000)
    depth: int = Field(default=5, ge=1, le=16)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    min_child_weight: float = Field(default=1.0, ge=0)
    subsample: float = Field(default=1.0, gt=0, le=1)
    column_sample: float = Field(default=1.0, gt=0, le=1)
    l2: float = Field(default=1.0, ge=0)
    seed: int = Field(default=0, ge=0)

    @property
    def metric(self) -> str:
        """The loss that training reports, by XGBoost's name."""
        return {"binary": "logloss", "multi-class": "mlogloss", "regression": "rmse"}[self.objective]

    def xgboost(self) -> dict[str, Any]:
        """How trees are grown in XGBoost's own names; what is learned comes with the labels."""
        return {
            "tree_method": "hist",
            "max_depth": self.depth,
            "learning_rate": self.learning_rate,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.column_sample,
            "reg_lambda": self.l2,
        }


def grow(
    features: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray | None,
    parameters: BoostingParameters,
    *,
    threads: int = 0,
) -> tuple[xgboost.Booster, pa.Table]:
    """Grow trees on rows in memory; return the booster and its details, one row a node.

    :param features: float32, rows × columns, NaN where a value is missing
    :param label: one a row: 0 or 1; 0 … classes - 1; or a number, as the objective says
    :param weight: the rows' weights, or None for equal ones
    :param threads: threads to use; all cores where 0
    """
    import xgboost

    from stagecraft.stages.trees import tree_table

    matrix = xgboost.DMatrix(features, label=label, weight=weight, nthread=threads or -1)
    booster = boost(matrix, parameters, classes=int(label.max()) + 1, threads=threads)
    return booster, tree_table(booster)


def boost(
    matrix: xgboost.DMatrix,
    parameters: BoostingParameters,
    *,
    classes: int,
    threads: int = 0,
    on_round: Callable[[int, float], None] | None = None,
) -> xgboost.Booster:
    """Grow trees on a matrix that holds its labels.

    :param classes: the number of the label's classes, where it has any
    :param on_round: called after each round with its number from 1 and the training loss: log loss, that of
        several classes, or the root of the mean squared error
    """
    import xgboost

    learned: dict[str, dict[str, Any]] = {
        "binary": {"objective": "binary:logistic"},
        "multi-class": {"objective": "multi:softprob", "num_class": classes},
        "regression": {"objective": "reg:squarederror"},
    }
    return xgboost.train(
        {
            **parameters.xgboost(),
            **learned[parameters.objective],
            "seed": parameters.seed,
            "nthread": threads,
            "eval_metric": parameters.metric,
        },
        matrix,
        num_boost_round=parameters.rounds,
        evals=[(matrix, "train")] if on_round else [],
        verbose_eval=False,
        callbacks=[_RoundReporter.make(on_round, parameters.metric)] if on_round else [],
    )


class _RoundReporter:
    """Builds XGBoost's callback class late, since its base comes from xgboost."""

    @staticmethod
    def make(on_round: Callable[[int, float], None], metric: str) -> Any:
        from xgboost.callback import TrainingCallback

        class Reporter(TrainingCallback):  # type: ignore[misc]
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                on_round(epoch + 1, float(evals_log["train"][metric][-1]))
                return False

        return Reporter()
