"""The compiled kernel against a plain FTRL."""

from __future__ import annotations

import numpy as np
import pytest

from stagecraft.parameter_server.local import fit
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.transforms.layout import CSR

DIMENSION = 40


def sparse_rows(rows: int = 300, seed: int = 0) -> CSR:
    rng = np.random.default_rng(seed)
    lists = [np.sort(rng.choice(DIMENSION, rng.integers(0, 9), replace=False)) for _ in range(rows)]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in lists])]).astype(np.int64)
    indices = np.concatenate(lists).astype(np.int32)
    return CSR(indptr, indices, rng.normal(size=len(indices)).astype(np.float32))


def plain_ftrl(csr, label, weight, optimizer, *, epochs, batch_rows, seed, loss):
    """Algorithm 1 of McMahan et al. over summed gradients of a batch, in numpy, all float64."""
    z, n = np.zeros(DIMENSION), np.zeros(DIMENSION)
    rows = len(label)
    dense = np.zeros((rows, DIMENSION))
    for row in range(rows):
        span = slice(csr.indptr[row], csr.indptr[row + 1])
        dense[row, csr.indices[span]] = csr.values[span]

    def weights():
        scale = (optimizer.beta + np.sqrt(n)) / optimizer.alpha + optimizer.l2
        return np.where(np.abs(z) <= optimizer.l1, 0, -(z - np.sign(z) * optimizer.l1) / scale)

    losses = []
    for epoch in range(1, epochs + 1):
        order = np.random.default_rng([seed, epoch]).permutation(rows)
        total = 0.0
        for start in range(0, rows, batch_rows):
            batch = order[start : start + batch_rows]
            x, y, w = dense[batch], label[batch], weights()
            margin = x @ w
            mean = 1 / (1 + np.exp(-margin)) if loss == "logistic" else margin
            if loss == "logistic":
                total += weight[batch] @ -(y * np.log(mean) + (1 - y) * np.log(1 - mean))
            else:
                total += weight[batch] @ (0.5 * (mean - y) ** 2)
            g = x.T @ ((mean - y) * weight[batch])
            sigma = (np.sqrt(n + g**2) - np.sqrt(n)) / optimizer.alpha
            z += g - sigma * w
            n += g**2
        losses.append(total / weight.sum())
    return weights(), losses


@pytest.mark.parametrize("loss", ["logistic", "squared"])
@pytest.mark.parametrize("optimizer", [FTRL(), FTRL(alpha=0.5, beta=0.1, l1=0.7, l2=0.2)])
@pytest.mark.parametrize("batch_rows", [1, 64])
def test_equals_plain_ftrl(loss, optimizer, batch_rows):
    csr = sparse_rows()
    rng = np.random.default_rng(1)
    label = (rng.random(300) < 0.4).astype(np.float32) if loss == "logistic" else rng.normal(size=300)
    weight = rng.uniform(0, 3, 300).astype(np.float32)
    seen = []
    weights = fit(
        csr,
        label,
        weight,
        dimension=DIMENSION,
        optimizer=optimizer,
        epochs=3,
        batch_rows=batch_rows,
        seed=5,
        loss=loss,
        on_epoch=lambda epoch, mean, _: seen.append(mean),
    )
    expected, losses = plain_ftrl(
        csr, label, weight, optimizer, epochs=3, batch_rows=batch_rows, seed=5, loss=loss
    )
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, expected, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(seen, losses, rtol=1e-5)
    assert (weights == 0).sum() >= (expected == 0).sum()


def test_the_same_run_gives_the_same_bits():
    csr, label = sparse_rows(), np.arange(300) % 2
    runs = [fit(csr, label, dimension=DIMENSION, optimizer=FTRL(), epochs=2, seed=3) for _ in range(2)]
    assert runs[0].tobytes() == runs[1].tobytes()


def test_many_agreeing_rows_in_a_step_do_not_diverge():
    rows = 10_000
    csr = CSR(np.arange(rows + 1), np.zeros(rows, np.int32), np.ones(rows, np.float32))
    label = (np.arange(rows) % 10 == 0).astype(np.float32)
    losses = []
    fit(
        csr,
        label,
        dimension=1,
        optimizer=FTRL(),
        epochs=400,
        batch_rows=rows,
        on_epoch=lambda epoch, mean, _: losses.append(mean),
    )
    assert max(losses) <= losses[0] + 1e-9
    assert losses[-1] < 0.33


def test_training_ends_where_the_caller_says_so():
    csr, label, seen = sparse_rows(), np.arange(300) % 2, []

    def stop(epoch, mean, weights):
        seen.append(epoch)
        return epoch == 2

    fit(csr, label, dimension=DIMENSION, optimizer=FTRL(), epochs=9, on_epoch=stop)
    assert seen == [1, 2]


def test_features_beyond_the_dimension_are_refused():
    with pytest.raises(ValueError, match="beyond the dimension 3"):
        fit(sparse_rows(), np.zeros(300), dimension=3, optimizer=FTRL())


def test_lengths_that_differ_are_refused():
    with pytest.raises(ValueError, match="300 rows, but 2 labels"):
        fit(sparse_rows(), np.zeros(2), dimension=DIMENSION, optimizer=FTRL())


@pytest.mark.parametrize("field", ["alpha", "beta", "l1", "l2"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_optimizer_bounds(field, value):
    with pytest.raises(ValueError, match=field):
        FTRL(**{field: value})
