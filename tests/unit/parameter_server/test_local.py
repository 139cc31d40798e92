"""What the models learn."""

from __future__ import annotations

import numpy as np
import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.local import fit
from stagecraft.parameter_server.models import (
    FactorizationMachine,
    FieldAwareFactorizationMachine,
    LinearRegression,
    PoissonRegression,
    SoftmaxRegression,
)
from stagecraft.parameter_server.optimizer import FTRL, AdaGrad
from stagecraft.transforms.layout import CSR

BOTH = pytest.mark.parametrize("optimizer", [FTRL(), AdaGrad()], ids=["ftrl", "adagrad"])


def one_hot(*columns: np.ndarray) -> CSR:
    """A bias, and a feature a column: entry ``v`` of column ``c`` is feature ``1 + 10 c + v``."""
    indices = np.stack([np.zeros_like(columns[0]), *(1 + 10 * c + v for c, v in enumerate(columns))], axis=1)
    rows, width = indices.shape
    indptr = np.arange(0, rows * width + 1, width)
    return CSR(indptr, indices.astype(np.int32).reshape(-1), np.ones(rows * width, np.float32))


def losses(csr, label, **kwargs) -> list[float]:
    """The progressive loss of each epoch."""
    seen: list[float] = []
    fit(csr, label, on_epoch=lambda epoch, loss, weights: seen.append(loss), **kwargs)
    return seen


@BOTH
def test_logistic_regression_learns_the_log_odds(optimizer):
    rng = np.random.default_rng(0)
    column = rng.integers(0, 2, 4000)
    label = rng.random(4000) < np.where(column, 0.8, 0.3)
    weights = fit(one_hot(column), label, dimension=21, optimizer=optimizer, epochs=5)
    odds = weights[0] + weights[1:3]
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), [0.3, 0.8], atol=0.05)
    assert weights.shape == (21,)
    assert weights.dtype == np.float32
    assert not weights[3:].any()


@BOTH
def test_a_weight_of_two_counts_as_two_rows(optimizer):
    csr, label = one_hot(np.arange(300) % 2), np.arange(300) % 3 == 0
    weight = np.where(label, 2.0, 1.0)
    weights = fit(csr, label, weight, dimension=21, optimizer=optimizer, epochs=20)
    assert 1 / (1 + np.exp(-weights[0] - weights[1])) == pytest.approx(0.5, abs=0.05)


@BOTH
def test_poisson_regression_recovers_the_rates(optimizer):
    rng = np.random.default_rng(0)
    column = rng.integers(0, 2, 4000)
    label = rng.poisson(np.where(column, 6.0, 0.5))
    weights = fit(
        one_hot(column), label, dimension=21, optimizer=optimizer, model=PoissonRegression(), epochs=5
    )
    np.testing.assert_allclose(np.exp(weights[0] + weights[1:3]), [0.5, 6.0], rtol=0.1)


@BOTH
def test_softmax_regression_recovers_the_classes(optimizer):
    rng = np.random.default_rng(0)
    column = rng.integers(0, 3, 3000)
    label = np.where(rng.random(3000) < 0.9, (column + 1) % 3, rng.integers(0, 3, 3000))
    weights = fit(
        one_hot(column),
        label,
        dimension=21,
        optimizer=optimizer,
        model=SoftmaxRegression(),
        classes=3,
        epochs=3,
    )
    assert weights.shape == (21, 3)
    assert (weights[0] + weights[1:4]).argmax(axis=1).tolist() == [1, 2, 0]


@BOTH
@pytest.mark.parametrize(
    "model", [FactorizationMachine(), FieldAwareFactorizationMachine()], ids=lambda model: model.type
)
def test_factorization_machines_learn_an_interaction(model, optimizer):
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 2, (2, 4000))
    label = rng.random(4000) < np.where(left == right, 0.9, 0.1)
    csr, given = one_hot(left, right), {"dimension": 21, "optimizer": optimizer, "epochs": 5}
    linear = losses(csr, label, **given)
    factorized = losses(csr, label, model=model, fields=np.array([1, 11, 21]), **given)
    assert linear[-1] > 0.69
    assert factorized[-1] < 0.37


def test_l1_sets_weights_to_exactly_zero():
    rng = np.random.default_rng(0)
    columns = rng.integers(0, 10, (2, 2000))
    label = rng.random(2000) < np.where(columns[0] < 5, 0.9, 0.1)
    for optimizer, weak in ((FTRL(l1=40.0), 3), (AdaGrad(l1=0.3), 7)):
        weights = fit(one_hot(*columns), label, dimension=21, optimizer=optimizer, epochs=3)
        assert np.count_nonzero(weights[11:]) <= weak
        assert np.count_nonzero(weights[1:11]) == 10


def test_l2_makes_weights_smaller():
    csr, label = one_hot(np.arange(100) % 2), np.arange(100) % 2
    for kind in (FTRL, AdaGrad):
        free, held = (fit(csr, label, dimension=21, optimizer=kind(l2=l2), epochs=9) for l2 in (0.0, 50.0))
        assert 0 < abs(held[1:3]).max() < 0.8 * abs(free[1:3]).max()


def test_the_same_run_gives_the_same_bits():
    csr, label = one_hot(np.arange(300) % 10), np.arange(300) % 2
    runs = [fit(csr, label, dimension=21, optimizer=FTRL(), epochs=2, seed=seed) for seed in (3, 3, 4)]
    assert runs[0].tobytes() == runs[1].tobytes()
    assert runs[0].tobytes() != runs[2].tobytes()


def test_training_ends_where_the_caller_says_so():
    seen = []

    def stop(epoch, loss, weights):
        seen.append(epoch)
        return epoch == 2

    csr, label = one_hot(np.arange(30) % 10), np.arange(30) % 2
    fit(csr, label, dimension=21, optimizer=FTRL(), epochs=9, on_epoch=stop)
    assert seen == [1, 2]


def test_training_that_diverges_is_refused():
    csr = one_hot(np.arange(30) % 10)
    csr = csr._replace(values=np.full_like(csr.values, 1e30))
    with pytest.raises(InvalidInputError, match="diverged"):
        fit(csr, np.arange(30), dimension=21, optimizer=FTRL(), model=LinearRegression())


def test_features_beyond_the_dimension_are_refused():
    with pytest.raises(ValueError, match="beyond the dimension 3"):
        fit(one_hot(np.arange(30) % 10), np.zeros(30), dimension=3, optimizer=FTRL())


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="30 rows, but 2 labels"):
        fit(one_hot(np.arange(30) % 10), np.zeros(2), dimension=21, optimizer=FTRL())
