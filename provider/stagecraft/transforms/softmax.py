"""Softmax regression over sparse features, as the last transform of a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stagecraft.transforms.predictor import SCORES, SparsePredictor

if TYPE_CHECKING:
    import numpy as np


class Softmax(SparsePredictor):
    """Adds the column ``scores``, a list of float64 a row: each class's probability, as the labels sort.

    :param layout: how columns become features
    :param classes: the number of classes
    """

    column: ClassVar[str] = SCORES

    type: Literal["softmax"] = "softmax"
    classes: int = Field(ge=3)

    @property
    def width(self) -> int:
        return self.classes

    def margins(self, weights: np.ndarray, values: np.ndarray, common: np.ndarray) -> np.ndarray:
        import numpy as np

        terms = weights.transpose(0, 2, 1).astype(np.float64, order="C") * values[:, None, :]
        sums: np.ndarray = terms.sum(axis=2)
        return sums

    def linked(self, margins: np.ndarray) -> np.ndarray:
        import numpy as np

        powers = np.exp(margins - margins.max(axis=1, keepdims=True))
        shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
        return shares
