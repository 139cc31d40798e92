"""Factorization machines with a network, as the last transform of a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from stagecraft.transforms.factorization import factorized
from stagecraft.transforms.network import Network
from stagecraft.transforms.predictor import Link, SparsePredictor, inverse

if TYPE_CHECKING:
    import numpy as np


class DeepFM(SparsePredictor):
    """Adds the column ``score``: the link's inverse of a factorization machine plus a network, float64.

    A feature's weights are w, then v, as a factorization machine has them. The network's inputs are, field
    after field, the sums Σ vᵢxᵢ over its features; the bias is of no field. Its numbers are the table's last
    rows. A feature that training never saw has no weights, and adds nothing.

    Source: Guo et al., DeepFM: A Factorization-Machine based Neural Network for CTR Prediction, IJCAI 2017.

    :param layout: how columns become features; each column is a field
    :param factors: the length of v
    :param hidden: the units of the network's hidden layers
    :param link: ``logistic`` (a probability), ``identity``, or ``log`` (a count's mean)
    """

    type: Literal["deepfm"] = "deepfm"
    factors: int = Field(ge=1)
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1)
    link: Link

    @property
    def width(self) -> int:
        return 1 + self.factors

    @property
    def network(self) -> Network:
        return Network(len(self.layout.blocks) * self.factors, self.hidden)

    @property
    def common(self) -> int:
        return self.network.rows(self.width)

    @property
    def numbers(self) -> np.ndarray:
        """The network's weights and biases as one vector, float32."""
        import numpy as np

        rows = np.arange(self.layout.dimension, self.dimension)
        return self.table[rows].reshape(-1)[: sum(self.network.sizes)]

    def margins(self, weights: np.ndarray, values: np.ndarray, common: np.ndarray) -> np.ndarray:
        import numpy as np

        terms = weights.transpose(0, 2, 1).astype(np.float64, order="C") * values[:, None, :]
        starts = np.cumsum([1, *(block.width for block in self.layout.blocks[:-1])])
        fields = np.add.reduceat(terms[:, 1:], starts, axis=2)
        inputs = fields.transpose(0, 2, 1).reshape(len(terms), self.network.inputs)
        margins: np.ndarray = factorized(terms) + self.network.outputs(common.reshape(-1), inputs)
        return margins

    def linked(self, margins: np.ndarray) -> np.ndarray:
        return inverse(self.link, margins)
