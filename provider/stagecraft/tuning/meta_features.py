"""A learning task in a few numbers: which tasks are alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

ROWS, CLASSES = 5_000, 20
SCALES = {
    "rows": 1.0,
    "columns": 0.5,
    "balance": 0.5,
    "missing": 0.25,
    "categorical": 0.5,
    "categories": 1.0,
    "strongest": 0.25,
    "usual": 0.15,
}


def meta_features(rows: pa.Table, label: str | None, count: int | None = None) -> dict[str, float]:
    """Return what a task is like, from at most 5,000 evenly spaced rows.

    Counts are decimal logarithms. ``balance`` is the share of the rarer class: of the label's most frequent
    value against the rest, or of what is above the median where it has more than twenty values.
    ``strongest`` and ``usual`` are landmarks: how far a single column orders the rows by that class, the
    greatest and the median over the columns, as ``|2 AUC - 1|``. Columns of lists or bytes do not count.

    Source: Feurer et al., Initializing Bayesian Hyperparameter Optimization via Meta-Learning, AAAI 2015;
    Pfahringer et al., Meta-Learning by Landmarking Various Learning Algorithms, ICML 2000.

    :param rows: one or more
    :param label: the label's column; without one there is nothing of classes
    :param count: how many rows there are, where these are a sample
    :raises InvalidInputError: there is no such column, or no row

    >>> import pyarrow as pa
    >>> rows = pa.table({"x": [1.0, 2.0, 3.0, None], "kind": ["a", "b", "a", "a"], "y": [0, 0, 0, 1]})
    >>> features = meta_features(rows, "y")
    >>> round(features["balance"], 3), features["missing"], features["categorical"]
    (-0.602, 0.125, 0.5)
    """
    import numpy as np

    if not rows.num_rows or label not in (None, *rows.column_names):
        found = f"{rows.num_rows} rows of {', '.join(rows.column_names)}"
        raise InvalidInputError("task.label", found, f"rows with the column {label!r}")
    sample = rows.take(np.linspace(0, rows.num_rows - 1, min(rows.num_rows, ROWS)).astype(np.int64))
    columns = {name: _numbers(sample[name]) for name in sample.column_names if name != label}
    known = {name: column for name, column in columns.items() if column is not None}
    texts = [len(np.unique(column)) for name, column in known.items() if _is_text(sample[name])]
    features = {
        "rows": math.log10(count or rows.num_rows),
        "columns": math.log10(max(len(known), 1)),
        "missing": float(np.mean([np.isnan(column).mean() for column in known.values()] or [0.0])),
        "categorical": len(texts) / max(len(known), 1),
        "categories": math.log10(max(texts, default=1)),
    }
    truth = None if label is None else _numbers(sample[label])
    if truth is None:
        return features
    rare = _class(truth)
    orders = [_order(column, rare) for column in known.values()] or [0.0]
    return features | {
        "balance": math.log10(max(min(rare.mean(), 1 - rare.mean()), 1 / len(rare))),
        "strongest": float(max(orders)),
        "usual": float(np.median(orders)),
    }


def distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return how unlike two tasks are: 0 for equal ones, around 1 for such as have little in common.

    Where a task is described by other numbers than :func:`meta_features` gives, they count as they are;
    tasks that are described by different ones have nothing in common.
    """
    if one.keys() != other.keys() or not one:
        return math.inf
    squares = [((one[name] - other[name]) / SCALES.get(name, 1.0)) ** 2 for name in one]
    return math.sqrt(sum(squares) / len(squares))


def _is_text(column: pa.ChunkedArray) -> bool:
    import pyarrow.types as types

    kind = column.type
    return bool(
        types.is_dictionary(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_boolean(kind)
    )


def _numbers(column: pa.ChunkedArray) -> np.ndarray | None:
    """Return a column as float64, NaN where missing, texts by their order; None where it cannot be."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.types as types

    if _is_text(column):
        if types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        values = column.to_pylist()
        places = {value: place for place, value in enumerate(sorted({v for v in values if v is not None}))}
        return np.array([places.get(value, math.nan) for value in values])
    if types.is_integer(column.type) or types.is_floating(column.type):
        numbers: np.ndarray = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers
    return None


def _class(label: np.ndarray) -> np.ndarray:
    """Return the label as two classes."""
    import numpy as np

    values, counts = np.unique(label, return_counts=True)
    rare: np.ndarray = (
        label > np.nanmedian(label) if len(values) > CLASSES else label != values[counts.argmax()]
    )
    return rare


def _order(column: np.ndarray, truth: np.ndarray) -> float:
    """Return how far a column orders rows by their class; what is missing stands in the middle."""
    import numpy as np
    from scipy.stats import rankdata

    ones = int(truth.sum())
    zeros = len(truth) - ones
    if not ones or not zeros:
        return 0.0
    known = column[np.isfinite(column)]
    ranks = rankdata(np.where(np.isfinite(column), column, np.median(known) if len(known) else 0.0))
    area = (ranks[truth].sum() - ones * (ones + 1) / 2) / (ones * zeros)
    return float(abs(2 * area - 1))
