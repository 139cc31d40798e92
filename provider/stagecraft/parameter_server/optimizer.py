"""Optimizers of the parameter server, as typed parameters."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FTRL(BaseModel):
    """FTRL-proximal: a learning rate a feature, with weights that L1 sets to exactly zero.

    Gradients are sums over the rows of a step, not means, so ``l1`` and ``l2`` are weighed against sums.

    Source: McMahan et al., Ad Click Prediction: a View from the Trenches, KDD 2013, algorithm 1.

    :param alpha: learning rate
    :param beta: smooths the learning rate of features seen a few times
    :param l1: strength of the L1 penalty
    :param l2: strength of the L2 penalty

    >>> FTRL(l1=1.0).alpha
    0.1
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["ftrl"] = "ftrl"
    alpha: float = Field(default=0.1, gt=0, le=100, allow_inf_nan=False)
    beta: float = Field(default=1.0, ge=0, le=1e6, allow_inf_nan=False)
    l1: float = Field(default=0.0, ge=0, le=1e9, allow_inf_nan=False)
    l2: float = Field(default=0.0, ge=0, le=1e9, allow_inf_nan=False)
