"""Nearest centres, as the last transform of a chain: what k-means learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field

from stagecraft.transforms.layout import Layout
from stagecraft.transforms.predictor import SCORES, SparsePredictor
from stagecraft.transforms.weights import Weights

if TYPE_CHECKING:
    import numpy as np


class Centres(SparsePredictor):
    """Adds the column ``scores``, a list of float64 a row: how near each centre is, so that the largest wins.

    It is minus the squared distance, or the cosine of the angle. A feature's weights are its place in each
    centre, doubled for distances, and those of the bias minus the centre's squared length: -|x - c|² is
    2 x·c - |c|² - |x|².

    :param layout: how columns become features
    :param classes: the number of centres
    :param distance: ``euclidean`` or ``cosine``
    """

    column: ClassVar[str] = SCORES

    type: Literal["centres"] = "centres"
    classes: int = Field(ge=2)
    distance: Literal["euclidean", "cosine"] = "euclidean"

    @classmethod
    def of(cls, layout: Layout, centres: np.ndarray, distance: Literal["euclidean", "cosine"]) -> Self:
        """Build from centres.

        :param centres: float64, centres × features without the bias
        """
        import numpy as np

        if distance == "euclidean":
            table = np.column_stack([-(centres**2).sum(axis=1), 2 * centres])
        else:
            lengths = np.linalg.norm(centres, axis=1, keepdims=True)
            table = np.column_stack([np.zeros(len(centres)), centres / lengths])
        made = cls(layout=layout, classes=len(centres), distance=distance)
        return made.holding(Weights(layout.dimension, np.ascontiguousarray(table.T)))

    @property
    def width(self) -> int:
        return self.classes

    def margins(self, weights: np.ndarray, values: np.ndarray, common: np.ndarray) -> np.ndarray:
        import numpy as np

        terms = weights.transpose(0, 2, 1).astype(np.float64, order="C") * values[:, None, :]
        squares = (values[:, 1:].astype(np.float64) ** 2).sum(axis=1)[:, None]
        sums = terms.sum(axis=2)
        near: np.ndarray = sums - squares if self.distance == "euclidean" else sums / np.sqrt(squares)
        return near

    def linked(self, margins: np.ndarray) -> np.ndarray:
        return margins
