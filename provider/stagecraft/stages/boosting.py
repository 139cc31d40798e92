"""Gradient-boosted trees by XGBoost, and their details as a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pyarrow as pa
    import xgboost


class BoostingParameters(BaseModel):
    """How trees are grown; the names are XGBoost's concepts.

    :param rounds: number of trees
    :param depth: levels of splits in a tree
    :param learning_rate: shrinkage of each tree, in (0, 1]
    :param min_child_weight: least sum of hessians in a leaf
    :param subsample: part of the rows that a tree sees, in (0, 1]
    :param column_sample: part of the columns that a tree sees, in (0, 1]
    :param l2: L2 penalty on leaf values
    :param seed: decides sampling; the same seed and rows give the same trees
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rounds: int = Field(default=60, ge=1, le=10_000)
    depth: int = Field(default=5, ge=1, le=16)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    min_child_weight: float = Field(default=1.0, ge=0)
    subsample: float = Field(default=1.0, gt=0, le=1)
    column_sample: float = Field(default=1.0, gt=0, le=1)
    l2: float = Field(default=1.0, ge=0)
    seed: int = Field(default=0, ge=0)

    def xgboost(self) -> dict[str, Any]:
        """The same in XGBoost's own names."""
        return {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_depth": self.depth,
            "eta": self.learning_rate,
            "min_child_weight": self.min_child_weight,
            "subsample": self.subsample,
            "colsample_bytree": self.column_sample,
            "lambda": self.l2,
            "seed": self.seed,
        }


def grow(
    features: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray | None,
    parameters: BoostingParameters,
    *,
    threads: int = 0,
    on_round: Callable[[int, float], None] | None = None,
) -> tuple[xgboost.Booster, pa.Table]:
    """Grow trees for a binary label; return the booster and its details, one row a node.

    :param features: float32, rows × columns, NaN where a value is missing
    :param label: 0 or 1, one a row
    :param weight: the rows' weights, or None for equal ones
    :param threads: threads to use; all cores where 0
    :param on_round: called after each tree with its number from 1 and the training log loss
    """
    import xgboost

    matrix = xgboost.DMatrix(features, label=label, weight=weight, nthread=threads or -1)
    callbacks = [_RoundReporter.make(on_round)] if on_round else []
    booster = xgboost.train(
        {**parameters.xgboost(), "nthread": threads, "eval_metric": "logloss"},
        matrix,
        num_boost_round=parameters.rounds,
        evals=[(matrix, "train")] if on_round else [],
        verbose_eval=False,
        callbacks=callbacks,
    )
    return booster, tree_table(booster)


def tree_table(booster: xgboost.Booster) -> pa.Table:
    """Return a booster's nodes, ordered by tree and node.

    Columns: tree, node, feature, threshold (a value below goes left), default_left, left, right (nodes of the
    same tree), gain, cover, value (of a leaf), leaf_ordinal (within the tree), leaf (within the forest).
    """
    import numpy as np
    import pyarrow as pa

    model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]
    parts, leaves = [], 0
    for number, tree in enumerate(model["trees"]):
        left = np.asarray(tree["left_children"], dtype=np.int32)
        inner = left >= 0
        reached = _reachable(left, np.asarray(tree["right_children"], dtype=np.int32))
        is_leaf = reached & ~inner
        ordinal = np.cumsum(is_leaf) - 1
        condition = np.asarray(tree["split_conditions"], dtype=np.float32)

        def column(name: str, kind: pa.DataType, where: np.ndarray, tree: dict[str, Any] = tree) -> pa.Array:
            return pa.array(np.asarray(tree[name]), mask=~where).cast(kind)

        parts.append(
            pa.table(
                {
                    "tree": pa.array(np.full(len(left), number, dtype=np.int32)),
                    "node": pa.array(np.arange(len(left), dtype=np.int32)),
                    "feature": column("split_indices", pa.int32(), inner),
                    "threshold": pa.array(condition, mask=~inner),
                    "default_left": column("default_left", pa.bool_(), inner),
                    "left": column("left_children", pa.int32(), inner),
                    "right": column("right_children", pa.int32(), inner),
                    "gain": column("loss_changes", pa.float32(), inner),
                    "cover": column("sum_hessian", pa.float32(), reached),
                    "value": pa.array(condition, mask=~is_leaf),
                    "leaf_ordinal": pa.array(ordinal.astype(np.int32), mask=~is_leaf),
                    "leaf": pa.array((leaves + ordinal).astype(np.int32), mask=~is_leaf),
                }
            )
        )
        leaves += int(is_leaf.sum())
    return pa.concat_tables(parts).combine_chunks()


def _reachable(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Pruning leaves deleted nodes in XGBoost's arrays: mark those that a walk from the root can meet."""
    import numpy as np

    reached = np.zeros(len(left), dtype=np.bool_)
    stack = [0]
    while stack:
        node = stack.pop()
        reached[node] = True
        if left[node] >= 0:
            stack += [int(left[node]), int(right[node])]
    return reached


class _RoundReporter:
    """Builds XGBoost's callback class late, since its base comes from xgboost."""

    @staticmethod
    def make(on_round: Callable[[int, float], None]) -> Any:
        from xgboost.callback import TrainingCallback

        class Reporter(TrainingCallback):  # type: ignore[misc]
            def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                on_round(epoch + 1, float(evals_log["train"]["logloss"][-1]))
                return False

        return Reporter()
