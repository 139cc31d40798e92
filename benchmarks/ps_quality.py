"""How good a model's margins are on rows that it has not seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from stagecraft.parameter_server.rows import Rows
from stagecraft.stages.metrics import ranking


class Quality(NamedTuple):
    """Of held-out rows: mean log loss in nats, and AUC."""

    log_loss: float
    auc: float

    @classmethod
    def of(cls, rows: Rows, margin: np.ndarray) -> Quality:
        """Compare log odds with the labels of rows."""
        found = ranking(rows.label > 0, expit(margin.astype(np.float64)))
        return cls(found["log_loss"], found["auc"])


def linear_margins(rows: Rows, weights: np.ndarray) -> np.ndarray:
    """Return the margins of rows, float64.

    :param weights: one a feature
    """
    products = weights[rows.csr.indices].astype(np.float64) * rows.csr.values
    return np.add.reduceat(products, rows.csr.indptr[:-1])
