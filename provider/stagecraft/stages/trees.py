"""The details of boosted trees as a table, from XGBoost's own format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import xgboost

COLUMNS = (
    "tree",
    "class",
    "node",
    "feature",
    "threshold",
    "default_left",
    "left",
    "right",
    "gain",
    "cover",
    "value",
    "leaf_ordinal",
    "leaf",
)
"""One row a node, ordered by tree and node. ``class`` is the label's class that the tree adds to (0 where
there are no several). An inner node has ``feature`` (a number; the kept file has ``column`` beside it),
``threshold`` (a value below goes left, every value where it is infinity), ``default_left`` (where a missing
value goes), ``left`` and ``right`` (nodes of the same tree) and ``gain``; a leaf has ``value``,
``leaf_ordinal`` (within the tree) and ``leaf`` (within the forest); both have ``cover`` (the sum of
hessians). What a node does not have is NULL."""


def tree_table(booster: xgboost.Booster, where: str = "trees") -> pa.Table:
    """Return the nodes of an XGBoost model as a table of :data:`COLUMNS`.

    :param where: the stage and field that ask, for the message
    :raises InvalidInputError: the model has no trees, or trees whose leaves are vectors or splits categorical
    """
    import numpy as np
    import pyarrow as pa

    learner = json.loads(booster.save_raw("json"))["learner"]
    model = _tree_model(where, learner["gradient_booster"])
    names = learner["feature_names"]
    parts, leaves = [], 0
    for number, (tree, of_class) in enumerate(zip(model["trees"], model["tree_info"], strict=True)):
        left = np.asarray(tree["left_children"], dtype=np.int32)
        inner = left >= 0
        reached = _reachable(left, np.asarray(tree["right_children"], dtype=np.int32))
        inner &= reached
        is_leaf = reached & ~inner
        ordinal = np.cumsum(is_leaf) - 1
        condition = np.asarray(tree["split_conditions"], dtype=np.float32)
        if int(tree["tree_param"]["size_leaf_vector"]) > 1:
            raise InvalidInputError(where, f"the leaves of tree {number} are vectors", "one tree an output")
        if (categorical := inner & (np.asarray(tree["split_type"]) == 1)).any():
            feature = tree["split_indices"][int(np.argmax(categorical))]
            raise categorical_split(where, names[feature] if names else str(feature), number)

        def column(name: str, kind: pa.DataType, where: np.ndarray, tree: dict[str, Any] = tree) -> pa.Array:
            return pa.array(np.asarray(tree[name]), mask=~where).cast(kind)

        parts.append(
            pa.table(
                [
                    pa.array(np.full(len(left), number, dtype=np.int32)),
                    pa.array(np.full(len(left), of_class, dtype=np.int32)),
                    pa.array(np.arange(len(left), dtype=np.int32)),
                    column("split_indices", pa.int32(), inner),
                    pa.array(condition, mask=~inner),
                    column("default_left", pa.bool_(), inner),
                    column("left_children", pa.int32(), inner),
                    column("right_children", pa.int32(), inner),
                    column("loss_changes", pa.float32(), inner),
                    column("sum_hessian", pa.float32(), reached),
                    pa.array(condition, mask=~is_leaf),
                    pa.array(ordinal.astype(np.int32), mask=~is_leaf),
                    pa.array((leaves + ordinal).astype(np.int32), mask=~is_leaf),
                ],
                names=list(COLUMNS),
            )
        )
        leaves += int(is_leaf.sum())
    return pa.concat_tables(parts).combine_chunks()


def categorical_split(where: str, feature: str, tree: int) -> InvalidInputError:
    """The refusal of a split by a set of categories."""
    return InvalidInputError(
        where,
        f"tree {tree} splits {feature!r} by categories",
        "a model trained on numbers: encode its categories before",
    )


def _tree_model(where: str, gradient_booster: dict[str, Any]) -> dict[str, Any]:
    found = gradient_booster["name"]
    model = gradient_booster["gbtree"]["model"] if found == "dart" else gradient_booster.get("model", {})
    if not model.get("trees"):
        raise InvalidInputError(where, f"the model ({found}) has no trees", "one of boosted trees")
    return dict(model)


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
