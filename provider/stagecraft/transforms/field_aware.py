"""Field-aware factorization machines over sparse features, as the last transform of a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stagecraft.transforms.predictor import Link, SparsePredictor, inverse

if TYPE_CHECKING:
    import numpy as np


class FieldAware(SparsePredictor):
    """Adds the column ``score``: the link's inverse of Σ wᵢxᵢ + Σᵢ<ⱼ ⟨v(i, fⱼ), v(j, fᵢ)⟩ xᵢxⱼ, float64.

    A feature's weights are w, then a vector v for each field; the bias, which is of no field, has w alone. A
    feature that training never saw has none, and adds nothing.

    Source: Juan et al., Field-aware Factorization Machines for CTR Prediction, RecSys 2016.

    :param layout: how columns become features; each column is a field
    :param factors: the length of each v
    :param link: ``logistic`` (a probability), ``identity``, or ``log`` (a count's mean)
    """

    type: Literal["field_aware"] = "field_aware"
    factors: int = Field(ge=1)
    link: Link

    @property
    def width(self) -> int:
        return 1 + len(self.layout.blocks) * self.factors

    def margins(self, weights: np.ndarray, values: np.ndarray, common: np.ndarray) -> np.ndarray:
        import numpy as np

        rows, features = values.shape[0], values.shape[1] - 1
        linear = (weights[:, :, 0].astype(np.float64) * values).sum(axis=1)
        vectors = weights[:, 1:, 1:].reshape(rows, features, len(self.layout.blocks), self.factors)
        # towards[row, i, j] is feature i's vector for the field of feature j.
        towards = vectors[:, :, self._fields] * values[:, 1:, None, None].astype(np.float64)
        products = (towards * towards.transpose(0, 2, 1, 3)).reshape(rows, features * features, self.factors)
        above = np.flatnonzero(np.triu(np.ones((features, features)), 1))
        pairs = np.ascontiguousarray(products[:, above]).reshape(rows, len(above) * self.factors)
        margins: np.ndarray = linear + pairs.sum(axis=1)
        return margins

    @property
    def _fields(self) -> np.ndarray:
        """The field of each feature of a row but the bias."""
        import numpy as np

        widths = [block.width for block in self.layout.blocks]
        return np.repeat(np.arange(len(widths)), widths)

    def linked(self, margins: np.ndarray) -> np.ndarray:
        return inverse(self.link, margins)
