"""Optimizers of the parameter server, as typed parameters.

Gradients are sums over the rows of a step, not means, so ``l1`` and ``l2`` are weighed against sums.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class FTRL(BaseModel):
    """FTRL-proximal: a learning rate a feature, with weights that L1 sets to exactly zero.

    Without penalties it takes the same steps as :class:`AdaGrad`. Its penalties are weighed against the sum
    of all gradients so far, so they do not depend on how many rows a step has.

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


class AdaGrad(BaseModel):
    """AdaGrad: gradient descent with a learning rate a feature, which shrinks as its gradients add up.

    The penalties are applied by composite mirror descent, exactly and not by their gradients: L1 truncates
    weights to zero. They act on a feature in the steps whose rows hold it, once a step, however many rows
    these are.

    Source: Duchi, Hazan and Singer, Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization, JMLR 2011, the diagonal composite mirror descent.

    :param learning_rate: the step is this over ``initial`` plus the root of the sum of squared gradients
    :param initial: smooths the learning rate of features seen a few times; δ in the paper
    :param l1: strength of the L1 penalty
    :param l2: strength of the L2 penalty

    >>> AdaGrad(learning_rate=0.05).initial
    1.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["adagrad"] = "adagrad"
    learning_rate: float = Field(default=0.1, gt=0, le=100, allow_inf_nan=False)
    initial: float = Field(default=1.0, ge=0, le=1e6, allow_inf_nan=False)
    l1: float = Field(default=0.0, ge=0, le=1e9, allow_inf_nan=False)
    l2: float = Field(default=0.0, ge=0, le=1e9, allow_inf_nan=False)


AnyOptimizer = Annotated[FTRL | AdaGrad, Field(discriminator="type")]
