"""Evaluation and batch prediction of models of three labels, and of numbers, over every engine."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.report import Report
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.serving.predictor import Predictor
from stagecraft.serving.rows import rows_of
from stagecraft.stages.base import Workbench
from stagecraft.stages.evaluate import Evaluate
from stagecraft.stages.predict import Predict
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding
from stagecraft.transforms.layout import Layout
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedFill
from stagecraft.transforms.softmax import Softmax
from stagecraft.transforms.weights import Weights

ENCODER = Chain((Encode(encodings=[NumericEncoding(column="x", maps=[FittedFill(value=0)])]),))
LAYOUT: Layout = ENCODER.layout
LABELS = ["<b>", "hub", "spoke"]


def rows(count: int = 600, seed: int = 0) -> pa.Table:
    draw = np.random.default_rng(seed)
    x = np.round(64 * draw.normal(size=count)) / 64  # float32 holds them
    odds = np.exp(np.stack([np.zeros(count), 0.5 + x, -x]))
    drawn = (draw.random(count) > np.cumsum(odds / odds.sum(axis=0), axis=0)).sum(axis=0)
    return pa.table(
        {
            "id": np.arange(count),
            "x": x,
            "kind": pa.array([LABELS[value] for value in drawn]),
            "count": draw.poisson(np.exp(0.3 + 0.5 * x)),
        }
    )


def commit(store: Store, chain: Chain, labels: list[Any]) -> Model:
    draft = store.draft(Kind.MODEL, "a" * 32, lineage={"stage": "ps_train", "parameters": {}, "inputs": {}})
    fill_model(draft, chain, rows(8), labels=labels, history=[{"step": 1, "loss": 1.0}])
    made = draft.commit()
    assert isinstance(made, Model)
    return made


@pytest.fixture
def classes(store: Store) -> Model:
    weights = np.array([[0, 0.5, 0], [0, 1, -1]], np.float32)
    softmax = Softmax(layout=LAYOUT, classes=3).holding(Weights(2, weights))
    return commit(store, ENCODER.then(softmax), LABELS)


def counting(store: Store, link: Any) -> Model:
    return commit(store, ENCODER.then(Linear.of(LAYOUT, np.array([0.3, 0.5], np.float32), link)), [])


def shares(x: np.ndarray) -> np.ndarray:
    powers = np.exp(np.stack([np.zeros(len(x)), 0.5 + x, -x], axis=1))
    found: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return found


def test_prediction_gives_every_labels_probability_and_the_likeliest(
    bench: Workbench, commit_rows: Callable[..., Dataset], classes: Model
) -> None:
    table = rows()
    dataset = commit_rows(bench.store, "rows", table)
    made = Predict(key=["id"]).run(bench, model=classes, dataset=dataset)["dataset"]
    assert isinstance(made, Dataset)
    assert list(made.columns) == ["id", "scores", "prediction"]
    found = made.table().sort_by("id")
    expected = shares(table["x"].to_numpy())
    np.testing.assert_allclose(np.array(found["scores"].to_pylist()), expected, atol=1e-12)
    assert found["prediction"].to_pylist() == [LABELS[best] for best in expected.argmax(axis=1)]
    with pytest.raises(InvalidInputError, match=r"predict\.threshold: 0\.7 is given for the likeliest of 3"):
        Predict(threshold=0.7).run(bench, model=classes, dataset=dataset)
    # The server says the same, to the bit.
    answer = Predictor.load(classes.uri).predict(rows_of(table.select(["x"])))
    assert answer.scores == found["scores"].to_pylist()
    assert answer.labels == found["prediction"].to_pylist()


def test_labels_are_measured_by_hits_f1_and_log_loss(
    bench: Workbench, commit_rows: Callable[..., Dataset], classes: Model
) -> None:
    table, other = rows(), rows(300, seed=1)
    report = Evaluate(label="kind").run(
        bench,
        model=classes,
        dataset=commit_rows(bench.store, "rows", table),
        baseline=commit_rows(bench.store, "train", other),
    )["report"]
    assert isinstance(report, Report)
    found, truth, chances = report.metrics, table["kind"].to_pylist(), shares(table["x"].to_numpy())
    predicted = [LABELS[best] for best in chances.argmax(axis=1)]
    pairs = list(zip(truth, predicted, strict=True))
    f1 = [
        2 * pairs.count((label, label)) / max(truth.count(label) + predicted.count(label), 1)
        for label in LABELS
    ]
    loss = [-math.log(chances[row, LABELS.index(label)]) for row, label in enumerate(truth)]
    assert found["rows"] == 600
    assert found["accuracy"] == pytest.approx(sum(a == b for a, b in pairs) / 600)
    assert found["macro_f1"] == pytest.approx(sum(f1) / 3)
    assert found["log_loss"] == pytest.approx(sum(loss) / 600)
    share = {label: other["kind"].to_pylist().count(label) / 300 for label in LABELS}
    assert found["baseline_log_loss"] == pytest.approx(-sum(math.log(share[label]) for label in truth) / 600)
    assert json.loads(report.read("metrics.json")) == found
    page = report.html()
    assert "<b>" not in page
    assert f'<td class="number">{pairs.count(("hub", "spoke"))}</td>' in page
    assert "truly &lt;b&gt;" in page


@pytest.mark.parametrize("link", ["log", "identity"])
def test_numbers_are_measured_by_their_errors(
    bench: Workbench, commit_rows: Callable[..., Dataset], link: str
) -> None:
    table = rows()
    report = Evaluate(label="count").run(
        bench, model=counting(bench.store, link), dataset=commit_rows(bench.store, "rows", table)
    )["report"]
    assert isinstance(report, Report)
    truth = table["count"].to_numpy().astype(float)
    margin = float(np.float32(0.3)) + 0.5 * table["x"].to_numpy()
    score = np.exp(margin) if link == "log" else margin

    def deviance(score: np.ndarray) -> float:
        if link == "identity":
            return float(np.mean((truth - score) ** 2))
        logs = [y * math.log(y / s) if y else 0.0 for y, s in zip(truth, score, strict=True)]
        return float(2 * np.mean(np.array(logs) - truth + score))

    found = report.metrics
    assert found["mae"] == pytest.approx(np.abs(truth - score).mean())
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((truth - score) ** 2)))
    assert found["mean_deviance"] == pytest.approx(deviance(score))
    assert found["baseline_mean_deviance"] == pytest.approx(deviance(np.full(600, truth.mean())))
    assert found["r2"] == pytest.approx(1 - np.mean((truth - score) ** 2) / truth.var())
    assert found["baseline_r2"] == pytest.approx(0, abs=1e-12)
    assert "Mean deviance" in report.html()


def test_what_does_not_fit_the_model_is_refused(
    bench: Workbench, commit_rows: Callable[..., Dataset], classes: Model
) -> None:
    table = rows()
    dataset = commit_rows(bench.store, "rows", table)

    def refused(match: str, model: Model, rows: Dataset = dataset, **parameters: Any) -> None:
        with pytest.raises(InvalidInputError, match=match):
            Evaluate(**parameters).run(bench, model=model, dataset=rows)

    refused(r"evaluate\.threshold: 0\.5 is given", classes, label="kind", threshold=0.5)
    refused(r"evaluate\.baseline_by: \['x'\] is given", classes, label="kind", baseline_by=["x"])
    refused(r"evaluate\.label: 'count' is of type int64", classes, label="count")
    unknown = table.set_column(2, "kind", pa.array(["hub", "port"] * 300))
    refused("label value 'port'", classes, commit_rows(bench.store, "other", unknown), label="kind")


def test_a_rate_is_not_measured_on_numbers_below_zero(
    bench: Workbench, commit_rows: Callable[..., Dataset]
) -> None:
    below = rows(10).set_column(3, "count", pa.array([1, -2] * 5))
    dataset = commit_rows(bench.store, "rows", below)
    with pytest.raises(InvalidInputError, match=r"evaluate\.label: -2\.0 in row 1 is below 0"):
        Evaluate(label="count").run(bench, model=counting(bench.store, "log"), dataset=dataset)
