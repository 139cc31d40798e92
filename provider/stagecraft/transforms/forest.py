"""The walk through a forest of decision trees, compiled."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa

from stagecraft.transforms.leaf_encode import leaf_type

BLOCK = 128
"""Rows that walk together: their features stay in the nearest caches."""


@dataclass(frozen=True)
class Forest:
    """Trees as flat arrays over all nodes, each tree's breadth first, so that siblings lie side by side.

    A walk has as many steps as its tree is deep, and none of them branches: a leaf is its own left child, and
    its threshold, NaN, sends every value there.

    :param roots: int32, the root node of each tree
    :param depths: int32, the steps from each root to its deepest leaf
    :param feature: int32 a node: twice the number of the column, plus 1 where a missing value goes right
    :param threshold: float32 or float64 a node: a value below goes left, and every value where it is infinity
    :param child: int32 a node, the left child; the right one comes next
    :param leaf: int16 or int32 a node, the leaf's number in the forest
    """

    roots: np.ndarray
    depths: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    child: np.ndarray
    leaf: np.ndarray

    @classmethod
    def of(cls, table: pa.Table) -> Forest:
        """Build from the trees' details: rows ordered by tree, then node."""

        def column(name: str) -> np.ndarray:
            values = table[name].cast(pa.int64()).fill_null(-1)
            return np.asarray(values.to_numpy(), dtype=np.int64)

        tree, node, leaf = column("tree"), column("node"), column("leaf")
        starts = np.searchsorted(tree, np.arange(tree[-1] + 1))
        if not np.array_equal(node, np.arange(len(node)) - starts[tree]):
            raise ValueError("the trees' table is not ordered by tree and node, or lacks nodes")
        left, right = column("left") + starts[tree], column("right") + starts[tree]

        levels, depths = [starts], np.zeros(len(starts), dtype=np.int32)
        while (inner := levels[-1][leaf[levels[-1]] < 0]).size:
            depths[tree[inner]] += 1
            levels.append(np.stack([left[inner], right[inner]], axis=1).reshape(-1))
        order = np.concatenate(levels)
        order = order[np.argsort(tree[order], kind="stable")]
        place = np.empty(len(node), dtype=np.int32)
        place[order] = np.arange(len(order))

        is_leaf = leaf >= 0
        feature = np.where(is_leaf, 0, 2 * column("feature") + (column("default_left") == 0))
        threshold = table["threshold"].to_numpy()
        always_left = is_leaf | ((threshold == np.inf) & (column("default_left") > 0))
        return cls(
            roots=place[starts],
            depths=depths,
            feature=feature[order].astype(np.int32),
            threshold=np.where(always_left, np.nan, threshold)[order].astype(threshold.dtype),
            child=np.where(is_leaf, place, place[left * ~is_leaf])[order],
            leaf=leaf[order].astype(leaf_type(int(leaf.max()) + 1)),
        )

    def leaves(self, features: np.ndarray) -> np.ndarray:
        """Return the forest-wide leaf numbers, rows × trees, of the leaves' type.

        :param features: rows × features, fastest in Fortran's order; NaN is a missing value
        """
        columns = np.ascontiguousarray(features.T, dtype=self.threshold.dtype)
        leaves = np.empty((features.shape[0], len(self.roots)), dtype=self.leaf.dtype)
        _walk(columns, self.roots, self.depths, self.feature, self.threshold, self.child, self.leaf, leaves)
        return leaves


def warm_up() -> None:
    """Compile the walk for every type, or load it from the disk, so that no first row waits."""
    one = np.zeros(1, dtype=np.int32)
    for real in (np.float32, np.float64):
        for number in (np.int16, np.int32):
            Forest(one, one, one, np.full(1, np.nan, dtype=real), one, one.astype(number)).leaves(
                np.zeros((1, 1), dtype=real)
            )


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _walk(
    columns: np.ndarray,
    roots: np.ndarray,
    depths: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    child: np.ndarray,
    leaf: np.ndarray,
    leaves: np.ndarray,
) -> None:
    """Take a block of rows through a tree level by level: their steps do not wait for one another.

    A comparison with NaN is false, which is left; where a missing value goes right, infinity takes its place,
    and the largest number that of infinity. Indices are unsigned, since numba asks of signed ones whether
    they count from the end.
    """
    rows = columns.shape[1]
    largest = np.finfo(columns.dtype).max
    values = np.empty((2 * columns.shape[0], BLOCK), dtype=columns.dtype)
    at = np.empty(BLOCK, dtype=np.uint32)
    for start in range(0, rows, BLOCK):
        block = min(BLOCK, rows - start)
        for column in range(columns.shape[0]):
            for row in range(block):
                value = columns[column, start + row]
                values[2 * column, row] = value
                values[2 * column + 1, row] = np.inf if np.isnan(value) else min(value, largest)
        for tree in range(len(roots)):
            at[:] = roots[tree]
            for _ in range(depths[tree]):
                for row in range(block):
                    node = np.uint64(at[row])
                    goes_right = values[np.uint64(feature[node]), row] >= threshold[node]
                    at[row] = np.uint32(child[node]) + np.uint32(goes_right)
            for row in range(block):
                leaves[start + row, tree] = leaf[np.uint64(at[row])]
