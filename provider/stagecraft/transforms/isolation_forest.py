"""The isolation forest: how few random cuts it takes to set a row apart."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from stagecraft.transforms.forest_predictor import ForestPredictor

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class IsolationForest(ForestPredictor):
    """Adds the column ``score``, float64, in (0, 1): the higher, the more anomalous; 0.5 is neither.

    It is 2^(-h / c): h is the mean of the row's path lengths in the trees, c what it would be on average. A
    missing value takes at each cut the side that more of the tree's rows took.

    Source: Liu, Ting, Zhou, Isolation Forest, ICDM 2008.

    :param columns: the columns in the order of the trees' features
    :param sample_size: the rows that each tree was grown from
    """

    type: Literal["isolation_forest"] = "isolation_forest"
    sample_size: int

    @classmethod
    def of(cls, table: pa.Table, columns: list[str], sample_size: int) -> IsolationForest:
        """Build from the trees' details, as :func:`stagecraft.stages.isolation.grow` gives them."""
        return cls(columns=columns, sample_size=sample_size).holding(table)

    @cached_property
    def _lengths(self) -> np.ndarray:
        """The path length of each leaf of the forest."""
        lengths: np.ndarray = self.of_leaves("length").to_numpy()
        return lengths

    def scored(self, leaves: np.ndarray) -> np.ndarray:
        import numpy as np

        lengths = self._lengths[leaves]
        scores: np.ndarray = np.exp2(-lengths.mean(axis=1) / average_length(self.sample_size))
        return scores


def average_length(rows: int) -> float:
    """The average path length of an unsuccessful search in a binary search tree of ``rows`` keys.

    >>> [round(average_length(rows), 3) for rows in (1, 2, 256)]
    [0.0, 1.0, 10.245]
    """
    if rows <= 2:
        return float(rows - 1)
    return 2 * (math.log(rows - 1) + 0.5772156649015329) - 2 * (rows - 1) / rows
