"""A state for weights."""

from __future__ import annotations

import numpy as np
import pytest

from stagecraft.parameter_server.kernels.objective import objective_of
from stagecraft.parameter_server.models import FactorizationMachine, LogisticRegression
from stagecraft.parameter_server.optimizer import FTRL, AdaGrad
from stagecraft.parameter_server.warm import state_of


@pytest.mark.parametrize("model", [LogisticRegression(), FactorizationMachine(factors=3)])
@pytest.mark.parametrize("optimizer", [FTRL(l1=0.5, l2=0.1), AdaGrad()])
def test_the_weights_of_the_state_are_those_given(model, optimizer):
    objective = objective_of(model, optimizer)
    weights = np.random.default_rng(0).normal(size=(20, objective.width)).astype(np.float32)
    state = state_of(objective, weights, root=2.0)
    assert (state[:, :, 1] == 2.0).all()
    keys = np.arange(1, 21)
    assert np.allclose(objective.weights(state, keys), weights, rtol=1e-5, atol=1e-7)


def test_a_weight_of_zero_stays_untouched():
    objective = objective_of(LogisticRegression(), FTRL(l1=0.5))
    assert not state_of(objective, np.zeros((3, 1), np.float32), root=1.0).any()
