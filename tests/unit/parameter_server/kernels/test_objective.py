"""Every model with both optimizers, against plain NumPy in float64."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest

from stagecraft.parameter_server.kernels.localize import localize
from stagecraft.parameter_server.kernels.objective import objective_of
from stagecraft.parameter_server.models import (
    FactorizationMachine,
    FieldAwareFactorizationMachine,
    LinearRegression,
    LogisticRegression,
    PoissonRegression,
    SoftmaxRegression,
)
from stagecraft.parameter_server.optimizer import FTRL, AdaGrad
from stagecraft.parameter_server.rows import Rows
from stagecraft.transforms.layout import CSR

DIMENSION, CLASSES = 40, 3
FIELDS = np.array([1, 14, 20, DIMENSION])

MODELS = [
    LogisticRegression(),
    LinearRegression(),
    PoissonRegression(),
    SoftmaxRegression(),
    *(
        FactorizationMachine(loss=loss, factors=3, init=0.3, factor_optimizer=None)
        for loss in ("logistic", "squared", "poisson")
    ),
    FieldAwareFactorizationMachine(factors=2, init=0.3, factor_optimizer=None),
]
OPTIMIZERS = [
    FTRL(),
    FTRL(alpha=0.5, beta=0.1, l1=0.7, l2=0.2),
    AdaGrad(),
    AdaGrad(initial=0, l1=0.01, l2=0.3),
]

every_model = pytest.mark.parametrize(
    "model", MODELS, ids=lambda model: f"{model.type}-{getattr(model, 'loss', '')}"
)
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: str(optimizer))


def objective(model, optimizer=OPTIMIZERS[0], seed=0):
    return objective_of(model, optimizer, classes=CLASSES, fields=FIELDS, seed=seed)


def some_rows(model, count: int = 30, seed: int = 0) -> Rows:
    """Rows of up to 8 features, some of none; the last fourth of them has weight 0."""
    rng = np.random.default_rng(seed)
    lists = [np.sort(rng.choice(DIMENSION, rng.integers(0, 9), replace=False)) for _ in range(count)]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in lists])]).astype(np.int64)
    indices = np.concatenate(lists).astype(np.int32)
    label = {
        "logistic": rng.integers(0, 2, count),
        "squared": rng.normal(size=count),
        "linear": rng.normal(size=count),
        "poisson": rng.poisson(2, count),
        "softmax": rng.integers(0, CLASSES, count),
    }[getattr(model, "loss", model.type)]
    weight = rng.uniform(0, 3, count)
    weight[-count // 4 :] = 0
    csr = CSR(indptr, indices, rng.normal(size=len(indices)).astype(np.float32))
    return Rows(csr, label.astype(np.float32), weight.astype(np.float32))


def plain_loss(model, rows: Rows, order: np.ndarray, weights: np.ndarray) -> float:
    """The sum of the weighted losses; ``weights`` float64[DIMENSION, width]."""
    total = 0.0
    for row in order:
        span = slice(rows.csr.indptr[row], rows.csr.indptr[row + 1])
        keys, x, y = rows.csr.indices[span], rows.csr.values[span].astype(float), float(rows.label[row])
        margin = x @ weights[keys]
        if model.type == "softmax":
            total += float(rows.weight[row]) * (math.log(np.exp(margin).sum()) - margin[int(y)])
            continue
        m = margin[0]
        for (i, a), (j, b) in itertools.combinations(zip(keys, x, strict=True), 2):
            m += a * b * plain_interaction(model, weights, i, j)
        match getattr(model, "loss", model.type):
            case "logistic":
                loss = math.log1p(math.exp(-m)) if y else math.log1p(math.exp(m))
            case "poisson":
                loss = math.exp(m) - y * m
            case _:
                loss = (m - y) ** 2 / 2
        total += float(rows.weight[row]) * loss
    return total


def plain_interaction(model, weights: np.ndarray, i: int, j: int) -> float:
    if model.type not in ("fm", "ffm") or i == 0 or j == 0:
        return 0.0
    if model.type == "fm":
        return weights[i, 1:] @ weights[j, 1:]
    vectors = weights[:, 1:].reshape(DIMENSION, 3, model.factors)
    field = [next(f for f in range(3) if FIELDS[f] <= key < FIELDS[f + 1]) for key in (i, j)]
    return vectors[i, field[1]] @ vectors[j, field[0]]


class Plain:
    """One coordinate of a model in float64, as the papers write it."""

    def __init__(self, optimizer, start: float) -> None:
        self.optimizer, self.weight, self.z, self.n = optimizer, start, 0.0, 0.0

    def push(self, g: float) -> None:
        o = self.optimizer
        if g == 0:
            return
        if o.type == "ftrl":
            if self.n == 0:
                # The regularization that the learning rate stands for is around the initial weight.
                self.z = -o.beta / o.alpha * self.weight
            sigma = (math.sqrt(self.n + g * g) - math.sqrt(self.n)) / o.alpha
            self.z += g - sigma * self.weight
            self.n += g * g
            curve = (o.beta + math.sqrt(self.n)) / o.alpha + o.l2
            self.weight = 0.0 if abs(self.z) <= o.l1 else -(self.z - math.copysign(o.l1, self.z)) / curve
        else:
            self.n += g * g
            rate = o.learning_rate / (o.initial + math.sqrt(self.n))
            moved = self.weight - rate * g
            self.weight = math.copysign(max(abs(moved) - rate * o.l1, 0), moved) / (1 + rate * o.l2)


@every_model
def test_gradients_are_the_slopes_of_the_loss(model):
    rows, order = some_rows(model), np.array([3, 29, 17, 3, 8, 0, 11, 25, 5])
    made = objective(model)
    weights = np.random.default_rng(1).normal(scale=0.5, size=(DIMENSION, made.width)).astype(np.float32)
    keys, local = localize(rows.csr, order)
    gradient = np.full((len(keys), made.width), 2, np.float32)
    loss = made.gradients(rows, order, local, weights[keys], gradient)

    wide = weights.astype(float)
    assert loss == pytest.approx(plain_loss(model, rows, order, wide), rel=1e-5)
    expected = np.zeros_like(wide)
    for at in np.ndindex(wide.shape):
        if at[0] in keys:
            up, down = wide.copy(), wide.copy()
            up[at] += 1e-4
            down[at] -= 1e-4
            expected[at] = (plain_loss(model, rows, order, up) - plain_loss(model, rows, order, down)) / 2e-4
    np.testing.assert_allclose(gradient - 2, expected[keys], rtol=1e-3, atol=1e-4)


@every_optimizer
@pytest.mark.parametrize(
    "model", [LogisticRegression(), SoftmaxRegression(), MODELS[-1]], ids=lambda m: m.type
)
def test_pushes_move_each_coordinate_as_the_papers_say(model, optimizer):
    made, rng = objective(model, optimizer), np.random.default_rng(2)
    keys, slots = np.array([7, 3, 39, 0]), np.array([0, 4, 2, 1])
    state = np.zeros((5, made.width, 2), np.float32)
    start = made.pull(state, slots, keys)
    without_l1 = optimizer.model_copy(update={"l1": 0.0})
    head = CLASSES if model.type == "softmax" else 1
    plain = [
        [Plain(optimizer if c < head else without_l1, float(start[at, c])) for c in range(made.width)]
        for at in range(len(keys))
    ]
    for _ in range(30):
        gradient = (rng.normal(size=start.shape) * rng.integers(0, 2, start.shape)).astype(np.float32)
        made.push(state, slots, keys, gradient)
        for at, c in np.ndindex(start.shape):
            plain[at][c].push(float(gradient[at, c]))
    expected = [[coordinate.weight for coordinate in row] for row in plain]
    np.testing.assert_allclose(made.pull(state, slots, keys), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(made.weights(state[slots], keys), made.pull(state, slots, keys))
    assert not state[3].any()


@every_optimizer
@every_model
def test_training_in_place_is_a_step_a_row(model, optimizer):
    made, rows = objective(model, optimizer), some_rows(model)
    order = np.random.default_rng(3).permutation(30)
    inplace, stepped = np.zeros((2, DIMENSION, made.width, 2), np.float32)
    loss = made.train(rows, order, inplace)
    total = 0.0
    for row in order:
        keys, local = localize(rows.csr, np.array([row]))
        gradient = np.zeros((len(keys), made.width), np.float32)
        total += made.gradients(rows, np.array([row]), local, made.pull(stepped, keys, keys), gradient)
        made.push(stepped, keys, keys, gradient)
    assert loss == pytest.approx(total, rel=1e-5)
    np.testing.assert_allclose(inplace, stepped, rtol=1e-4, atol=1e-5)
    assert inplace.any()


@every_model
def test_the_same_run_gives_the_same_bits(model):
    rows, order = some_rows(model), np.arange(30)
    states = np.zeros((2, DIMENSION, objective(model).width, 2), np.float32)
    twins = [objective(model), pickle.loads(pickle.dumps(objective(model)))]  # noqa: S301
    losses = [made.train(rows, order, state) for made, state in zip(twins, states, strict=True)]
    assert losses[0] == losses[1]
    assert states[0].tobytes() == states[1].tobytes()


@every_model
def test_rows_of_weight_zero_change_nothing(model):
    rows = some_rows(model)._replace(weight=np.zeros(30, np.float32))
    for optimizer in (OPTIMIZERS[1], OPTIMIZERS[3]):
        made = objective(model, optimizer)
        state = np.zeros((DIMENSION, made.width, 2), np.float32)
        made.push(
            state, np.arange(DIMENSION), np.arange(DIMENSION), np.ones((DIMENSION, made.width), np.float32)
        )
        before = state.copy()
        assert made.train(rows, np.arange(30), state) == 0
        assert state.tobytes() == before.tobytes()


def test_gradients_of_a_step_are_squared_after_they_are_summed():
    made, keys = objective(LogisticRegression()), np.array([5])
    state = np.zeros((6, 1, 2), np.float32)
    made.push(state, keys, keys, np.array([[3 + 4]], np.float32))
    assert state[5, 0, 1] == 7


@pytest.mark.parametrize("optimizer", [FTRL(alpha=0.5, beta=0.1), FTRL(), AdaGrad(), AdaGrad(initial=0)])
@every_model
def test_late_gradients_move_weights_by_learning_rates_that_regard_what_they_missed(model, optimizer):
    made, rng = objective(model, optimizer), np.random.default_rng(4)
    keys, ftrl = np.array([7, 3, 0]), optimizer.type == "ftrl"
    rate, smooth = (optimizer.alpha, optimizer.beta) if ftrl else (optimizer.learning_rate, optimizer.initial)
    state = np.zeros((8, made.width, 2), np.float32)
    made.push(state, keys, keys, rng.normal(size=(3, made.width)).astype(np.float32))
    for _ in range(10):
        weights, n = made.pull(state, keys, keys).astype(float), state[keys, :, 1].astype(float) ** 2
        gradient, missed = rng.normal(size=(2, 3, made.width)).astype(np.float32)
        made.push(state, keys, keys, gradient, missed)
        grown = np.maximum(n + gradient**2 + gradient * missed, n)
        before, after = (rate / (smooth + np.sqrt(each)) for each in (n, grown))
        np.testing.assert_allclose(state[keys, :, 1], np.sqrt(grown), rtol=1e-5)
        expected = weights - after * gradient + (before - after) * missed
        np.testing.assert_allclose(made.pull(state, keys, keys), expected, rtol=1e-4, atol=1e-5)


def test_a_late_gradient_against_the_others_does_not_raise_the_learning_rate():
    made, keys = objective(LogisticRegression()), np.array([5])
    state = np.zeros((6, 1, 2), np.float32)
    made.push(state, keys, keys, np.array([[4]], np.float32))
    before = state[5].copy()
    made.push(state, keys, keys, np.array([[-3]], np.float32), np.array([[4]], np.float32))
    assert state[5, 0, 1] == before[0, 1] == 4
    assert state[5, 0, 0] == before[0, 0] - 3


@every_model
def test_training_in_place_takes_slots_for_keys(model):
    made, rows = objective(model), some_rows(model)
    order, slot = np.arange(30), np.random.default_rng(6).permutation(DIMENSION)
    fixed, placed = np.zeros((2, DIMENSION, made.width, 2), np.float32)
    loss = made.train(rows, order, fixed)
    assert made.train(rows, order, placed, slot[rows.csr.indices].astype(np.int32)) == loss
    np.testing.assert_array_equal(placed[slot], fixed)


def test_vectors_begin_small_different_and_the_same_each_time():
    model = FactorizationMachine(factors=16, init=0.1)
    keys, state = np.arange(2000), np.zeros((2000, 17, 2), np.float32)
    begin = objective(model).weights(state, keys)
    assert not begin[:, 0].any()
    assert not begin[0].any()
    vectors = begin[1:, 1:]
    assert abs(vectors.mean()) < 0.002
    assert vectors.std() == pytest.approx(0.1, rel=0.02)
    assert len(np.unique(vectors)) > 0.99 * vectors.size
    assert abs(np.corrcoef(vectors[:-1, 0], vectors[1:, 0])[0, 1]) < 0.1
    np.testing.assert_array_equal(begin, objective(model).weights(state, keys))
    assert (objective(model, seed=1).weights(state, keys)[1:, 1:] != vectors).mean() > 0.99


@every_model
@pytest.mark.parametrize("optimizer", [FTRL(), AdaGrad()], ids=["ftrl", "adagrad"])
def test_huge_values_and_labels_leave_finite_weights(model, optimizer):
    rows = some_rows(model)
    label = rows.label if getattr(model, "loss", model.type) in ("logistic", "softmax") else rows.label * 1e6
    rows = Rows(rows.csr._replace(values=rows.csr.values * 1e3), abs(label), rows.weight)
    made = objective(model, optimizer)
    state = np.zeros((DIMENSION, made.width, 2), np.float32)
    for _ in range(20):
        assert np.isfinite(made.train(rows, np.arange(30), state))
    assert np.isfinite(state).all()


@pytest.mark.parametrize("label", [-1, CLASSES, np.nan])
def test_a_label_that_is_no_class_is_refused(label):
    rows = some_rows(SoftmaxRegression())._replace(label=np.full(30, label, np.float32))
    with pytest.raises(ValueError, match="not the number of a class"):
        objective(SoftmaxRegression()).train(
            rows, np.arange(30), np.zeros((DIMENSION, CLASSES, 2), np.float32)
        )


def test_fields_are_asked_for():
    with pytest.raises(ValueError, match="bounds of its fields"):
        objective_of(FieldAwareFactorizationMachine(), FTRL())
