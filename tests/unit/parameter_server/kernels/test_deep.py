"""Factorization machines with a network, against plain NumPy in float64."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest

from stagecraft.parameter_server.kernels.localize import localize
from stagecraft.parameter_server.kernels.network import Dropout, Pass
from stagecraft.parameter_server.kernels.objective import objective_of
from stagecraft.parameter_server.local import fit
from stagecraft.parameter_server.models import DeepFM, FactorizationMachine
from stagecraft.parameter_server.optimizer import FTRL, AdaGrad
from stagecraft.parameter_server.rows import Rows
from stagecraft.transforms import deep
from stagecraft.transforms.layout import CSR, Feature, Layout
from stagecraft.transforms.network import Network

torch = pytest.importorskip("torch", reason="the package torch is not installed")

DIMENSION = 40
FIELDS = np.array([1, 14, 20, DIMENSION])
FACTORS, HIDDEN = 3, (6, 4)
LOSSES = ["logistic", "squared", "poisson"]


def objective(loss="logistic", optimizer=None, seed=0, **parameters):
    given = {"factors": FACTORS, "init": 0.3, "hidden": HIDDEN, "factor_optimizer": None, **parameters}
    model = DeepFM(loss=loss, **given)
    return objective_of(model, optimizer or FTRL(), fields=FIELDS, seed=seed)


def some_rows(loss="logistic", count=30, seed=0) -> Rows:
    """Rows of up to 8 features, some of none; the last fourth of them has weight 0."""
    rng = np.random.default_rng(seed)
    lists = [np.sort(rng.choice(DIMENSION, rng.integers(0, 9), replace=False)) for _ in range(count)]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in lists])]).astype(np.int64)
    indices = np.concatenate(lists).astype(np.int32)
    label = {
        "logistic": rng.integers(0, 2, count),
        "squared": rng.normal(size=count),
        "poisson": rng.poisson(2, count),
    }[loss]
    weight = rng.uniform(0, 3, count)
    weight[-count // 4 :] = 0
    csr = CSR(indptr, indices, rng.normal(size=len(indices)).astype(np.float32))
    return Rows(csr, label.astype(np.float32), weight.astype(np.float32))


def plain_margin(keys, values, weights) -> float:
    """A row's margin as the paper defines it; ``weights`` float64: features, then the network's numbers."""
    margin = values @ weights[keys, 0]
    pairs = itertools.combinations(zip(keys, values, strict=True), 2)
    margin += sum(a * b * (weights[i, 1:] @ weights[j, 1:]) for (i, a), (j, b) in pairs if i and j)
    units = np.concatenate(
        [
            sum(
                (x * weights[i, 1:] for i, x in zip(keys, values, strict=True) if low <= i < high),
                np.zeros(3),
            )
            for low, high in itertools.pairwise(FIELDS)
        ]
    )
    numbers, at = weights[DIMENSION:].reshape(-1), 0
    for outputs in HIDDEN:
        inputs = len(units)
        layer = numbers[at : at + outputs * inputs].reshape(outputs, inputs)
        at += outputs * inputs
        units = np.maximum(layer @ units + numbers[at : at + outputs], 0)
        at += outputs
    return margin + numbers[at : at + len(units)] @ units


def plain_loss(loss, rows: Rows, order, weights) -> float:
    total = 0.0
    for row in order:
        span = slice(rows.csr.indptr[row], rows.csr.indptr[row + 1])
        keys, x, y = rows.csr.indices[span], rows.csr.values[span].astype(float), float(rows.label[row])
        m = plain_margin(keys, x, weights)
        cost = {
            "logistic": math.log1p(math.exp(-m)) if y else math.log1p(math.exp(m)),
            "poisson": math.exp(m) - y * m,
            "squared": (m - y) ** 2 / 2,
        }[loss]
        total += float(rows.weight[row]) * cost
    return total


def some_weights(made, seed=1) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return draw.normal(scale=0.4, size=(DIMENSION + made.common, made.width)).astype(np.float32)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_the_slopes_of_the_loss(loss):
    rows, order, made = some_rows(loss), np.array([3, 29, 17, 3, 8, 0, 11, 25, 5]), objective(loss)
    weights = some_weights(made)
    keys, local = localize(rows.csr, order)
    keys = np.concatenate([keys, np.arange(DIMENSION, DIMENSION + made.common)])
    gradient = np.full((len(keys), made.width), 2, np.float32)
    total = made.gradients(rows, order, local, weights[keys], gradient)

    wide = weights.astype(float)
    assert total == pytest.approx(plain_loss(loss, rows, order, wide), rel=1e-5)
    expected = np.zeros_like(wide)
    for at in itertools.product(keys.tolist(), range(made.width)):
        up, down = wide.copy(), wide.copy()
        up[at] += 1e-5
        down[at] -= 1e-5
        expected[at] = (plain_loss(loss, rows, order, up) - plain_loss(loss, rows, order, down)) / 2e-5
    np.testing.assert_allclose(gradient - 2, expected[keys], rtol=1e-3, atol=2e-4)
    assert (abs(expected[DIMENSION:]) > 1e-3).mean() > 0.3


def test_a_push_moves_features_by_their_optimizers_and_the_network_by_its_own():
    made = objective(optimizer=FTRL(alpha=0.5, l1=0.3), network_optimizer=AdaGrad(learning_rate=0.1))
    slots = np.array([4, 0, 2, 5, 3])
    keys = np.array([7, DIMENSION + 1, 0, DIMENSION, 20])
    state = np.zeros((6, made.width, 2), np.float32)
    before = made.pull(state, slots, keys)
    assert not before[[1, 3]].any()  # What a network begins with are states: start().
    made.push(state, slots, keys, np.full((5, made.width), 2, np.float32))
    after = made.pull(state, slots, keys)
    # AdaGrad: a step of 0.1 / (1 + 2) times the gradient 2. FTRL: (2 - 0.3) / ((1 + 2) / 0.5), L1 on w alone.
    np.testing.assert_allclose(after[[1, 3]], -0.2 / 3, rtol=1e-6)
    np.testing.assert_allclose(after[[0, 2, 4], 0], -1.7 / 6, rtol=1e-6)
    np.testing.assert_allclose(after[[0, 4], 1:], before[[0, 4], 1:] - 2 / 6, rtol=1e-5)
    np.testing.assert_array_equal(made.weights(state[slots], keys), after)


def test_training_begins_with_a_network_drawn_from_the_seed():
    for optimizer in (FTRL(), AdaGrad(), FTRL(beta=0)):
        made = objective(network_optimizer=optimizer)
        keys, states = made.start()
        assert keys.tolist() == list(range(DIMENSION, DIMENSION + made.common))
        numbers = made.weights(states, keys).reshape(-1)
        np.testing.assert_allclose(numbers[: sum(made.network.sizes)], made.network.initial(0), rtol=1e-5)
    assert (made.network.initial(1) != made.network.initial(0)).mean() > 0.8
    first = made.network.parts(made.network.initial(0))[0]
    assert first.std() == pytest.approx((2 / first.shape[1]) ** 0.5, rel=0.2)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_the_same_run_gives_the_same_bits(dropout):
    rows, order = some_rows(count=600), np.random.default_rng(3).permutation(600)
    made = objective(dropout=dropout)
    twins, runs = [made, pickle.loads(pickle.dumps(made))], []  # noqa: S301
    for twin in (*twins, objective(dropout=dropout, seed=1)):
        state = np.zeros((DIMENSION + made.common, made.width, 2), np.float32)
        keys, begun = twin.start()
        state[keys] = begun
        runs.append((twin.train(rows, order, state), state.tobytes()))
    assert runs[0] == runs[1] != runs[2]


def test_training_in_place_is_steps_of_some_rows_wherever_the_states_are():
    rows, order, made = some_rows(count=600), np.random.default_rng(3).permutation(600), objective()
    keys, begun = made.start()
    stepped, inplace = np.zeros((2, DIMENSION + made.common, made.width, 2), np.float32)
    elsewhere = np.zeros_like(inplace)
    place = np.random.default_rng(1).permutation(len(inplace))
    stepped[keys] = inplace[keys] = elsewhere[place[keys]] = begun
    total = 0.0
    for start in range(0, 600, 256):
        taken = order[start : start + 256]
        found, local = localize(rows.csr, taken)
        found = np.concatenate([found, keys])
        gradient = np.zeros((len(found), made.width), np.float32)
        total += made.gradients(rows, taken, local, made.pull(stepped, found, found), gradient)
        made.push(stepped, found, found, gradient)
    assert made.train(rows, order, inplace) == total
    assert inplace.tobytes() == stepped.tobytes()
    slots = place[np.concatenate([rows.csr.indices, keys])]
    assert made.train(rows, order, elsewhere, slots) == total
    assert elsewhere[place].tobytes() == stepped.tobytes()


def test_rows_of_weight_zero_change_nothing():
    rows = some_rows()._replace(weight=np.zeros(30, np.float32))
    made = objective()
    every = np.arange(DIMENSION + made.common)
    state = np.zeros((len(every), made.width, 2), np.float32)
    made.push(state, every, every, np.ones((len(every), made.width), np.float32))
    before = state.copy()
    assert made.train(rows, np.arange(30), state) == 0
    assert state.tobytes() == before.tobytes()


def test_dropout_leaves_units_out_and_keeps_the_mean():
    network = Network(5, (32,))
    numbers = network.initial(2)
    inputs = np.tile(np.random.default_rng(0).normal(size=5).astype(np.float32), (20_000, 1))
    order = np.arange(20_000)
    plain = Pass(network, numbers, inputs)
    dropped, again, other, of_others = (
        Pass(network, numbers, inputs, Dropout(0.5, seed, rows))
        for seed, rows in ((1, order), (1, order), (2, order), (1, order[::-1]))
    )
    assert len(np.unique(dropped.outputs)) > 10_000
    error = dropped.outputs.std() / 20_000**0.5
    assert abs(dropped.outputs.mean() - plain.outputs[0]) < 4 * error < abs(plain.outputs[0])
    assert dropped.outputs.tobytes() == again.outputs.tobytes()
    assert (dropped.outputs != other.outputs).mean() > 0.9
    assert (dropped.outputs != of_others.outputs).mean() > 0.9
    # The way back leaves the same units out: the output is linear in the last layer's weights.
    _, slopes = dropped.slopes(np.ones(20_000, np.float32))
    assert slopes[-32:] @ numbers[-32:] == pytest.approx(dropped.outputs.sum(dtype=float), rel=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_served_model_scores_as_the_kernel_does(loss):
    layout = Layout.of([Feature("a", "slot", 13), Feature("b", "leaves", 6, 2), Feature("c", "slot", 20)])
    assert [block.offset for block in layout.blocks] == FIELDS[:-1].tolist()
    draw, made = np.random.default_rng(4), objective(loss)
    features = np.stack(
        [
            np.zeros(200, int),
            draw.integers(1, 14, 200),
            *np.sort([draw.choice(range(14, 20), 2, replace=False) for _ in range(200)], axis=1).T,
            draw.integers(20, 40, 200),
        ],
        axis=1,
    )
    values = draw.normal(size=features.shape).astype(np.float32)
    weights = some_weights(made)
    weights[0, 1:] = 0
    link = {"logistic": "logistic", "squared": "identity", "poisson": "log"}[loss]
    kind = deep.DeepFM(layout=layout, factors=FACTORS, hidden=HIDDEN, link=link)
    scores = kind.scored(weights, features, values)
    label = {"logistic": 1.0, "squared": 0.0, "poisson": 0.0}[loss]
    for row in range(200):
        one = Rows(
            CSR(np.array([0, 5]), features[row].astype(np.int32), values[row]),
            np.array([label], np.float32),
            np.ones(1, np.float32),
        )
        local = features[row].astype(np.int32)
        cost = made.gradients(one, np.zeros(1, np.int64), local, weights, np.zeros_like(weights))
        score = scores[row]
        ours = score if loss == "poisson" else score**2 / 2 if loss == "squared" else -math.log(score)
        assert cost == pytest.approx(ours, rel=2e-5, abs=1e-6)


def test_the_served_network_is_that_of_torch():
    kind = deep.DeepFM(
        layout=Layout.of([Feature("a", "slot", 9), Feature("b", "slot", 9)]),
        factors=8,
        hidden=(64, 32),
        link="identity",
    )
    network = kind.network
    numbers = network.initial(5)
    inputs = np.random.default_rng(0).normal(size=(300, network.inputs))
    sizes = [network.inputs, *network.hidden]
    layers = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
    modules = [step for layer in layers for step in (layer, torch.nn.ReLU())]
    module = torch.nn.Sequential(*modules, torch.nn.Linear(sizes[-1], 1, bias=False))
    torch.nn.utils.vector_to_parameters(torch.tensor(numbers), module.parameters())
    for kind_of, tolerance in ((torch.float32, 1e-6), (torch.float64, 1e-13)):
        found = module.to(kind_of)(torch.tensor(inputs).to(kind_of))[:, 0].detach().numpy()
        ours = network.outputs(numbers, inputs.astype(np.float32) if kind_of is torch.float32 else inputs)
        np.testing.assert_allclose(ours, found, rtol=tolerance, atol=tolerance)


def one_hot(*columns: np.ndarray) -> CSR:
    """A bias, and a feature a column: entry ``v`` of column ``c`` is feature ``1 + 10 c + v``."""
    indices = np.stack([np.zeros_like(columns[0]), *(1 + 10 * c + v for c, v in enumerate(columns))], axis=1)
    indptr = np.arange(0, indices.size + 1, indices.shape[1])
    return CSR(indptr, indices.astype(np.int32).reshape(-1), np.ones(indices.size, np.float32))


def test_it_learns_what_is_beyond_pairs():
    """The parity of three columns: no weight and no pair tells anything of it."""
    columns = np.random.default_rng(0).integers(0, 2, (3, 6000))
    label = columns.sum(axis=0) % 2
    seen = {}
    for model in (None, FactorizationMachine(), DeepFM(hidden=[16], init=0.05, factor_optimizer=None)):
        losses: list[float] = []
        fit(
            one_hot(*columns),
            label,
            dimension=31,
            optimizer=AdaGrad(learning_rate=0.2),
            model=model,
            fields=np.array([1, 11, 21, 31]),
            epochs=8,
            on_epoch=lambda epoch, loss, weights, losses=losses: losses.append(loss),
        )
        seen[model.type if model else "logistic"] = losses[-1]
    assert seen["logistic"] > 0.69
    assert seen["fm"] > 0.65
    assert seen["deepfm"] < 0.1


def test_fields_are_asked_for():
    with pytest.raises(ValueError, match="deepfm needs the bounds of its fields"):
        objective_of(DeepFM(), FTRL())
