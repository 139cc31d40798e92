"""Models of the parameter server, as typed parameters.

Every model has a linear part: one weight a feature, feature 0 being the bias. Its *margin* is the sum of a
row's values times their weights, and for the factorization machines the interactions of its features.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stagecraft.parameter_server.optimizer import FTRL, AdaGrad, AnyOptimizer


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LogisticRegression(_Model):
    """Predicts the probability of the positive one of two labels."""

    type: Literal["logistic"] = "logistic"


class LinearRegression(_Model):
    """Predicts a number, by squared loss."""

    type: Literal["linear"] = "linear"


class PoissonRegression(_Model):
    """Predicts a rate, the exponential of the margin, from counts and other numbers that are not negative."""

    type: Literal["poisson"] = "poisson"


class SoftmaxRegression(_Model):
    """Predicts the probability of each of several labels; it has one weight a feature and label."""

    type: Literal["softmax"] = "softmax"


class Factorized(_Model):
    """A linear model and interactions of pairs of features, each by the product of learned vectors.

    :param loss: what the margin predicts: as :class:`LogisticRegression`, :class:`LinearRegression` or
        :class:`PoissonRegression` do
    :param factors: the length of a vector
    :param init: the standard deviation of the vectors before training. Each is a function of the feature and
        the seed, so a feature takes no memory before a row holds it
    :param factor_optimizer: the optimizer of the vectors, which want smaller steps than weights. None takes
        the model's without its L1, which would hold the vectors at zero, where no gradient moves them
    """

    loss: Literal["logistic", "squared", "poisson"] = "logistic"
    factors: int = Field(default=8, ge=1, le=256)
    init: float = Field(default=0.01, gt=0, le=10, allow_inf_nan=False)
    factor_optimizer: AnyOptimizer | None = FTRL(alpha=0.02)


class FactorizationMachine(Factorized):
    """A linear model and the interactions of all pairs of features, one vector a feature.

    Feature 0, the bias, has no vector.

    Source: Rendle, Factorization Machines, ICDM 2010.

    :param loss: what the margin predicts: as :class:`LogisticRegression`, :class:`LinearRegression` or
        :class:`PoissonRegression` do
    :param factors: the length of a vector
    :param init: the standard deviation of the vectors before training. Each is a function of the feature and
        the seed, so a feature takes no memory before a row holds it
    :param factor_optimizer: the optimizer of the vectors, which want smaller steps than weights. None takes
        the model's without its L1, which would hold the vectors at zero, where no gradient moves them

    >>> FactorizationMachine(factors=4).loss
    'logistic'
    """

    type: Literal["fm"] = "fm"


class FieldAwareFactorizationMachine(Factorized):
    """A linear model and the interactions of all pairs of features: a feature has a vector a field.

    A field is a column: the features that it holds. Features of two fields interact by the product of the
    vector that each has for the other's field. Feature 0, the bias, has no vectors.

    Source: Juan et al., Field-aware Factorization Machines for CTR Prediction, RecSys 2016. There the rows
    are normalized to length one and the linear part is left out.

    :param loss: what the margin predicts: as :class:`LogisticRegression`, :class:`LinearRegression` or
        :class:`PoissonRegression` do
    :param factors: the length of a vector
    :param init: the standard deviation of the vectors before training. Each is a function of the feature and
        the seed, so a feature takes no memory before a row holds it
    :param factor_optimizer: the optimizer of the vectors, which want smaller steps than weights. None takes
        the model's without its L1, which would hold the vectors at zero, where no gradient moves them

    >>> FieldAwareFactorizationMachine().factors
    4
    """

    type: Literal["ffm"] = "ffm"
    factors: int = Field(default=4, ge=1, le=64)


class DeepFM(Factorized):
    """A factorization machine and a network over the same vectors, whose margins are added.

    Needs PyTorch where it trains, and nowhere else. The network's inputs are, for each field, the sum of its
    features' vectors times their values; a field is a column. Its layers are fully connected, with rectified
    linear units, and lie on the shards like all else. Training in place takes steps of 256 rows.

    Source: Guo et al., DeepFM: A Factorization-Machine based Neural Network for CTR Prediction, IJCAI 2017.

    :param loss: what the margin predicts: as :class:`LogisticRegression`, :class:`LinearRegression` or
        :class:`PoissonRegression` do
    :param factors: the length of a vector
    :param init: the standard deviation of the vectors before training. Each is a function of the feature and
        the seed, so a feature takes no memory before a row holds it
    :param factor_optimizer: the optimizer of the vectors, which want smaller steps than weights. None takes
        the model's without its L1, which would hold the vectors at zero, where no gradient moves them
    :param hidden: the units of the network's hidden layers, from its inputs on
    :param dropout: the share of hidden units that each row leaves out in training, drawn from the seed; the
        progressive loss is of what is left
    :param network_optimizer: the optimizer of the network's weights, all of which every step moves

    >>> DeepFM(hidden=[128, 64, 32]).hidden
    (128, 64, 32)
    """

    type: Literal["deepfm"] = "deepfm"
    hidden: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        default=(64, 32), min_length=1, max_length=8
    )
    dropout: float = Field(default=0.0, ge=0, le=0.9, allow_inf_nan=False)
    network_optimizer: AnyOptimizer = AdaGrad(learning_rate=0.05)


AnyModel = Annotated[
    LogisticRegression
    | LinearRegression
    | PoissonRegression
    | SoftmaxRegression
    | FactorizationMachine
    | FieldAwareFactorizationMachine
    | DeepFM,
    Field(discriminator="type"),
]
