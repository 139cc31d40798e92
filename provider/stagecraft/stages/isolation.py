"""Growing the trees of an isolation forest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stagecraft.transforms.isolation_forest import average_length

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

COLUMNS = {
    "tree": "int32",
    "node": "int32",
    "feature": "int32",
    "threshold": "float64",
    "default_left": "bool",
    "left": "int32",
    "right": "int32",
    "rows": "int32",
    "leaf": "int32",
    "length": "float64",
}


def grow(
    features: np.ndarray,
    *,
    trees: int,
    sample_size: int,
    seed: int,
    on_tree: Callable[[int], None] | None = None,
) -> pa.Table:
    """Grow trees and return their details: one row a node, by tree and node.

    A tree takes ``sample_size`` of the rows, drawn without replacement. A node draws one of the columns that
    differ among its rows, then a threshold between that column's smallest and largest value; values below go
    left, missing ones to the side of more rows. It is a leaf where it has one row, where no column differs,
    or at the depth log2(``sample_size``), rounded up. Infinities count as the largest numbers there are.

    The draws are PCG64's raw numbers, the same on every machine and in every version of NumPy.

    Columns: tree, node, feature, threshold, default_left, left, right (nodes of the same tree), rows (of the
    tree's sample), leaf (number in the forest), length (of the path to the leaf, with what its rows would
    take on average to be set apart).

    :param features: float64, rows × columns; their order decides, so it must be the same everywhere
    :param on_tree: called after each tree with its number from 1

    >>> import numpy as np
    >>> grow(np.array([[1.0], [1.0], [5.0]]), trees=1, sample_size=3, seed=0)["rows"].to_pylist()
    [3, 2, 1]
    """
    import numpy as np
    import pyarrow as pa

    largest = np.finfo(np.float64).max
    features = np.clip(np.ascontiguousarray(features), -largest, largest)
    depth = max(sample_size - 1, 1).bit_length()
    found: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    leaves = 0
    for tree in range(trees):
        bits = np.random.PCG64(np.random.SeedSequence([seed, tree]))
        drawn = np.argsort(bits.random_raw(len(features)), kind="stable")[:sample_size]
        nodes = _tree(features[drawn], depth, bits)
        for number, node in enumerate(nodes):
            found["tree"].append(tree)
            found["node"].append(number)
            is_leaf = "feature" not in node
            found["leaf"].append(leaves if is_leaf else None)
            leaves += is_leaf
            for name in ("feature", "threshold", "default_left", "left", "right", "rows", "length"):
                found[name].append(node.get(name))
        if on_tree is not None:
            on_tree(tree + 1)
    types = {name: pa.type_for_alias(kind) for name, kind in COLUMNS.items()}
    return pa.table({name: pa.array(found[name], kind) for name, kind in types.items()})


def _tree(features: np.ndarray, depth: int, bits: np.random.PCG64) -> list[dict[str, Any]]:
    """The nodes of one tree, breadth first."""
    import numpy as np

    nodes: list[dict[str, Any]] = [{}]
    waiting = [(features, 0)]
    for number, (rows, level) in enumerate(waiting):  # It grows as it is read.
        nodes[number]["rows"] = len(rows)
        low, high = np.fmin.reduce(rows), np.fmax.reduce(rows)
        differing = np.flatnonzero(low < high)
        if level == depth or not len(differing):
            nodes[number]["length"] = level + average_length(len(rows))
            continue
        column, share = (int(draw) for draw in bits.random_raw(2))
        feature = int(differing[column * len(differing) >> 64])
        cut = _between(float(low[feature]), float(high[feature]), ((share >> 11) + 1) / 2**53)
        values = rows[:, feature]
        below, missing = values < cut, np.isnan(values)
        default_left = bool(2 * below.sum() >= len(rows) - missing.sum())
        goes_left = below | missing if default_left else below
        nodes[number] |= {
            "feature": feature,
            "threshold": cut,
            "default_left": default_left,
            "left": len(nodes),
            "right": len(nodes) + 1,
        }
        nodes += [{}, {}]
        waiting += [(rows[goes_left], level + 1), (rows[~goes_left], level + 1)]
    return nodes


def _between(low: float, high: float, share: float) -> float:
    """The number at ``share``, above 0, of the way from ``low`` to ``high``, above ``low``.

    >>> _between(1.0, 3.0, 0.5)
    2.0
    """
    cut = low * (1 - share) + high * share
    return cut if low < cut <= high else high
