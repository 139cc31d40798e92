"""Generalized linear models over sparse features, as the last transform of a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from stagecraft.transforms.layout import Layout
from stagecraft.transforms.predictor import Link, SparsePredictor, inverse
from stagecraft.transforms.weights import Weights

if TYPE_CHECKING:
    import numpy as np


class Linear(SparsePredictor):
    """Adds the column ``score``: the mean that the model predicts, float64.

    :param layout: how columns become features
    :param link: ``logistic`` (a probability), ``identity``, or ``log`` (a count's mean)
    """

    type: Literal["linear"] = "linear"
    link: Link

    @classmethod
    def of(cls, layout: Layout, weights: np.ndarray, link: Link = "logistic") -> Linear:
        """Build from weights, float32, one a feature of ``layout``."""
        if weights.shape != (layout.dimension,):
            raise ValueError(f"{weights.shape} weights for {layout.dimension} features")
        return cls(layout=layout, link=link).holding(Weights(layout.dimension, weights[:, None]))

    @property
    def width(self) -> int:
        return 1

    @property
    def weights(self) -> np.ndarray:
        """float32, one a feature."""
        weights: np.ndarray = self.table.dense()[:, 0]
        return weights

    def margins(self, weights: np.ndarray, values: np.ndarray, common: np.ndarray) -> np.ndarray:
        import numpy as np

        sums: np.ndarray = (weights[:, :, 0].astype(np.float64) * values).sum(axis=1)
        return sums

    def linked(self, margins: np.ndarray) -> np.ndarray:
        return inverse(self.link, margins)
