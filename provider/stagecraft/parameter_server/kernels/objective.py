"""What a model is to the parameter server: gradients, updates in place, and a table of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from stagecraft.parameter_server.kernels.coordinate import Settings
from stagecraft.parameter_server.kernels.deep import DeepFM
from stagecraft.parameter_server.kernels.factorization import Factorization
from stagecraft.parameter_server.kernels.linear import Linear
from stagecraft.parameter_server.kernels.losses import LOSSES
from stagecraft.parameter_server.kernels.softmax import Softmax
from stagecraft.parameter_server.kernels.table import BIAS, Initial
from stagecraft.parameter_server.models import DeepFM as DeepFMSpec
from stagecraft.parameter_server.models import (
    FactorizationMachine,
    Factorized,
    LinearRegression,
    SoftmaxRegression,
)
from stagecraft.transforms.network import Network

if TYPE_CHECKING:
    from stagecraft.parameter_server.models import AnyModel
    from stagecraft.parameter_server.optimizer import AnyOptimizer
    from stagecraft.parameter_server.rows import Rows


class Objective(Protocol):
    """The arithmetic of one model and optimizer. Cheap to build; can be pickled.

    The state of a table is float32[slots, width, 2], zeros where no gradient has come.
    """

    @property
    def width(self) -> int:
        """The coordinates of a key."""

    @property
    def common(self) -> int:
        """The keys after those of the features: of numbers that all rows share, as a network's are."""

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the keys that training begins with, int64, and their states, float32[keys, width, 2]."""

    def gradients(
        self, rows: Rows, order: np.ndarray, local: np.ndarray, weights: np.ndarray, gradient: np.ndarray
    ) -> float:
        """Add the gradients of rows to ``gradient``; return the sum of their weighted losses.

        :param order: int64, the rows' positions
        :param local: int32, the place in ``weights`` of each feature met in that order, as
            :func:`~stagecraft.parameter_server.kernels.localize.localize` gives it
        :param weights: float32[keys, width]; the :attr:`common` keys are the last
        :param gradient: float32[keys, width]
        """

    def train(
        self, rows: Rows, order: np.ndarray, state: np.ndarray, slots: np.ndarray | None = None
    ) -> float:
        """Learn row after row, in place; return the sum of their weighted losses, each before its update.

        Several threads or processes may share a state; an update is lost now and then where they meet.

        :param order: int64, the rows' positions
        :param state: float32[slots, width, 2]
        :param slots: integers, where the state of each of the rows' features is; None where a key is its own
            slot
        """

    def pull(self, state: np.ndarray, slots: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Return the weights of keys, float32[keys, width].

        :param slots: integers, where the state of each key is
        :param keys: int64
        """

    def push(
        self,
        state: np.ndarray,
        slots: np.ndarray,
        keys: np.ndarray,
        gradient: np.ndarray,
        missed: np.ndarray | None = None,
    ) -> None:
        """Apply gradients that are summed over a step; √n grows by the square of the sum.

        :param slots: integers, distinct
        :param keys: int64
        :param gradient: float32[keys, width]
        :param missed: float32[keys, width], the sums of gradients that were applied since the weights were
            pulled; None where there are none
        """

    def weights(self, state: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Return the weights of keys whose states are given in the same order, float32[keys, width]."""


def objective_of(
    model: AnyModel,
    optimizer: AnyOptimizer,
    *,
    classes: int = 2,
    fields: np.ndarray | None = None,
    seed: int = 0,
) -> Objective:
    """Return the arithmetic of a model.

    :param classes: the number of labels; for softmax regression
    :param fields: int64, ascending: field ``f`` holds the keys from ``fields[f]`` up to ``fields[f + 1]``;
        for field-aware factorization machines, and those with a network, whose keys begin where they end
    :param seed: decides the vectors before training, and a network

    >>> from stagecraft.parameter_server.models import LogisticRegression
    >>> from stagecraft.parameter_server.optimizer import FTRL
    >>> objective_of(LogisticRegression(), FTRL()).width
    1
    """
    settings = Settings.of(optimizer)
    if isinstance(model, SoftmaxRegression):
        return Softmax(classes, classes, settings, settings, Initial.of())
    if isinstance(model, Factorized):
        if isinstance(model, FactorizationMachine):
            fields = np.array([BIAS + 1, np.iinfo(np.int64).max])
        elif fields is None:
            raise ValueError(f"{model.type} needs the bounds of its fields")
        vectors = Settings.of(model.factor_optimizer or optimizer.model_copy(update={"l1": 0.0}))
        initial, loss = Initial.of(model.init, seed), LOSSES[model.loss]
        inputs = (len(fields) - 1) * model.factors
        if isinstance(model, DeepFMSpec):
            network, layers = Network(inputs, model.hidden), Settings.of(model.network_optimizer)
            table = (1 + model.factors, 1, settings, vectors, initial, loss, fields)
            return DeepFM(*table, network, layers, model.dropout, seed)
        return Factorization(1 + inputs, 1, settings, vectors, initial, loss, fields)
    loss = LOSSES["squared" if isinstance(model, LinearRegression) else model.type]
    return Linear(1, 1, settings, settings, Initial.of(), loss)
