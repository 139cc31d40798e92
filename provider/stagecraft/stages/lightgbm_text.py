"""LightGBM's text format: the trees of a model file as a table, without LightGBM.

LightGBM compares float64 by ``x <= threshold``; the table's trees, and XGBoost's, by ``x < threshold``. The
next float64 above makes one of the other, exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.stages.trees import COLUMNS, categorical_split

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CATEGORICAL, DEFAULT_LEFT = 1, 2
NO_MISSING, ZERO_MISSING, NAN_MISSING = 0, 1, 2
ALMOST_ZERO = 1.0000000180025095e-35
"""float32's 1e-35: LightGBM takes what is no farther from 0 for 0."""


def feature_names(text: str) -> list[str]:
    """The features' names in a model file, in their order."""
    return _fields(text.partition("\nTree=")[0]).get("feature_names", "").split(" ")


def tree_table(text: str, where: str) -> pa.Table:
    """Return the nodes of a model as a table of :data:`~stagecraft.stages.trees.COLUMNS`.

    A tree's inner nodes keep their numbers, and its leaves follow; ``leaf_ordinal`` is LightGBM's own leaf
    number. ``threshold`` is float64, ``cover`` the sum of hessians (``internal_weight``, ``leaf_weight``).

    :param text: the model file's content
    :param where: the stage and field that ask, for the message
    :raises InvalidInputError: the text is cut off, a split is categorical, or zero stands for missing values
    """
    import pyarrow as pa

    head, _, rest = text.partition("\nTree=")
    header = _fields(head)
    body, end, _ = rest.partition("\nend of trees")
    if not end:
        raise InvalidInputError(where, "the model has no trees, or its file is cut off", "a whole model file")
    names = feature_names(text)
    classes = int(header.get("num_tree_per_iteration", 1))
    parts, leaves = [], 0
    for number, block in enumerate(body.split("\nTree=")):
        tree = _fields(f"Tree={block}")
        columns = _columns(tree, number, names, where)
        count = int(tree["num_leaves"])
        parts.append(
            pa.table(
                {
                    **columns,
                    "tree": pa.array([number] * (2 * count - 1), pa.int32()),
                    "class": pa.array([number % classes] * (2 * count - 1), pa.int32()),
                    "node": pa.array(range(2 * count - 1), pa.int32()),
                    "leaf_ordinal": pa.array([None] * (count - 1) + list(range(count)), pa.int32()),
                    "leaf": pa.array([None] * (count - 1) + list(range(leaves, leaves + count)), pa.int32()),
                }
            ).select(list(COLUMNS))
        )
        leaves += count
    return pa.concat_tables(parts).combine_chunks()


def _columns(tree: dict[str, str], number: int, names: list[str], where: str) -> dict[str, pa.Array]:
    """The details of one tree's nodes: ``num_leaves`` - 1 inner ones, then its leaves."""
    import numpy as np
    import pyarrow as pa

    count = int(tree["num_leaves"])
    inner = count - 1

    def numbers(name: str, kind: type, size: int) -> np.ndarray:
        found: np.ndarray = np.array(tree.get(name, "").split(), dtype=kind)
        if len(found) != size:
            raise InvalidInputError(
                where, f"tree {number} has {len(found)} values of {name}, not {size}", "a whole model file"
            )
        return found

    def nodes(of_inner: np.ndarray | None, of_leaves: np.ndarray | None, kind: pa.DataType) -> pa.Array:
        parts = [(of_inner, inner), (of_leaves, count)]
        return pa.concat_arrays(
            [pa.nulls(size, kind) if part is None else pa.array(part).cast(kind) for part, size in parts]
        )

    feature = numbers("split_feature", np.int32, inner)
    decision = numbers("decision_type", np.int32, inner)
    if (refused := (decision & CATEGORICAL) != 0).any():
        raise categorical_split(where, names[feature[int(np.argmax(refused))]], number)
    missing = decision >> 2 & 3
    if (refused := missing == ZERO_MISSING).any():
        raise InvalidInputError(
            where,
            f"tree {number} takes 0 of {names[feature[int(np.argmax(refused))]]!r} for a missing value",
            "a model trained without zero_as_missing",
        )
    threshold = numbers("threshold", np.float64, inner)
    if (refused := ~(np.abs(threshold) < np.finfo(np.float64).max) & (threshold != np.inf)).any():
        raise InvalidInputError(
            where, f"the threshold {threshold[refused][0]} in tree {number}", "finite thresholds"
        )
    # Where no value was missing in training, a missing one counts as 0.
    default_left = np.where(missing == NAN_MISSING, decision & DEFAULT_LEFT, threshold >= 0) != 0
    leaf = {"value": numbers("leaf_value", np.float64, count), "weight": None}
    if "leaf_weight" in tree and inner:
        leaf["weight"] = numbers("leaf_weight", np.float64, count)
    return {
        "feature": nodes(feature, None, pa.int32()),
        "threshold": nodes(_below(threshold), None, pa.float64()),
        "default_left": nodes(default_left, None, pa.bool_()),
        "left": nodes(_children(numbers("left_child", np.int32, inner), inner), None, pa.int32()),
        "right": nodes(_children(numbers("right_child", np.int32, inner), inner), None, pa.int32()),
        "gain": nodes(numbers("split_gain", np.float64, inner), None, pa.float32()),
        "cover": nodes(numbers("internal_weight", np.float64, inner), leaf["weight"], pa.float32()),
        "value": nodes(None, leaf["value"], pa.float64()),
    }


def _children(children: np.ndarray, inner: int) -> np.ndarray:
    """A leaf as a child is its number's complement."""
    import numpy as np

    return np.where(children >= 0, children, inner + ~children)


def _below(threshold: np.ndarray) -> np.ndarray:
    """The least number that is not ``<= threshold`` for LightGBM."""
    import numpy as np

    near = np.abs(threshold) <= ALMOST_ZERO
    rounded = np.where(threshold < 0, -ALMOST_ZERO, np.nextafter(ALMOST_ZERO, np.inf))
    return np.where(near, rounded, np.nextafter(threshold, np.inf))


def _fields(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
