"""Factorization machines over sparse features, as the last transform of a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stagecraft.transforms.predictor import Link, SparsePredictor, inverse

if TYPE_CHECKING:
    import numpy as np


class FactorizationMachine(SparsePredictor):
    """Adds the column ``score``: the link's inverse of Σ wᵢxᵢ + Σᵢ<ⱼ ⟨vᵢ, vⱼ⟩ xᵢxⱼ, float64.

    A feature's weights are w, then v. A feature that training never saw has none, and adds nothing.

    Source: Rendle, Factorization Machines, ICDM 2010.

    :param layout: how columns become features
    :param factors: the length of v
    :param link: ``logistic`` (a probability), ``identity``, or ``log`` (a count's mean)
    """

    type: Literal["factorization_machine"] = "factorization_machine"
    factors: int = Field(ge=1)
    link: Link

    @property
    def width(self) -> int:
        return 1 + self.factors

    def margins(self, weights: np.ndarray, values: np.ndarray, common: np.ndarray) -> np.ndarray:
        import numpy as np

        return factorized(weights.transpose(0, 2, 1).astype(np.float64, order="C") * values[:, None, :])

    def linked(self, margins: np.ndarray) -> np.ndarray:
        return inverse(self.link, margins)


def factorized(terms: np.ndarray) -> np.ndarray:
    """Return the margins of rows, float64.

    :param terms: float64, rows × (1 + factors) × features of a row: their weights times their values
    """
    # The sums run along the last axis, so their order is the same in a batch of any size.
    sums = terms.sum(axis=2)
    factors = terms[:, 1:]
    pairs = sums[:, 1:] ** 2 - (factors * factors).sum(axis=2)
    margins: np.ndarray = sums[:, 0] + 0.5 * pairs.sum(axis=1)
    return margins
