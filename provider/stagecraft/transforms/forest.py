"""The walk through a forest of decision trees, compiled."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Forest:
    """Trees as flat arrays over all nodes.

    :param roots: int32, the root node of each tree
    :param feature: int32 a node; -1 for a leaf
    :param threshold: float32 a node: a value below goes left
    :param left: int32 a node, the left child; for a leaf, its number in the forest
    :param right: int32 a node
    :param default_left: bool a node: where NaN goes
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    default_left: np.ndarray

    @classmethod
    def of(cls, table: pa.Table) -> Forest:
        """Build from the trees' details: rows ordered by tree, then node."""
        column = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
        tree, node = column["tree"].astype(np.int64), column["node"].astype(np.int64)
        starts = np.searchsorted(tree, np.arange(tree.max() + 1))
        if not np.array_equal(node, np.arange(len(node)) - starts[tree]):
            raise ValueError("the trees' table is not ordered by tree and node, or lacks nodes")
        is_leaf = ~np.isnan(column["leaf"].astype(np.float64))
        base = starts[tree]
        fill = {
            name: np.nan_to_num(column[name].astype(np.float64))
            for name in ("left", "right", "leaf", "feature")
        }
        return cls(
            roots=starts.astype(np.int32),
            feature=np.where(is_leaf, -1, fill["feature"]).astype(np.int32),
            threshold=column["threshold"].astype(np.float32),
            left=np.where(is_leaf, fill["leaf"], base + fill["left"]).astype(np.int32),
            right=np.where(is_leaf, 0, base + fill["right"]).astype(np.int32),
            default_left=np.nan_to_num(column["default_left"].astype(np.float64)).astype(np.bool_),
        )

    def leaves(self, features: np.ndarray) -> np.ndarray:
        """Return the forest-wide leaf numbers, int32, rows × trees.

        :param features: float32, rows × features; NaN is a missing value
        """
        leaves: np.ndarray = _leaves(
            features, self.roots, self.feature, self.threshold, self.left, self.right, self.default_left
        )
        return leaves


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _leaves(
    features: np.ndarray,
    roots: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    default_left: np.ndarray,
) -> np.ndarray:
    rows, trees = features.shape[0], roots.shape[0]
    leaves = np.empty((rows, trees), dtype=np.int32)
    for row in range(rows):
        for tree in range(trees):
            node = roots[tree]
            while feature[node] >= 0:
                value = features[row, feature[node]]
                goes_left = default_left[node] if np.isnan(value) else value < threshold[node]
                node = left[node] if goes_left else right[node]
            leaves[row, tree] = left[node]
    return leaves
