"""The stage with every model, its training in this process: what goes in, and the model that comes out."""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.ledger import Ledger
from stagecraft.parameter_server.models import (
    FactorizationMachine,
    FieldAwareFactorizationMachine,
    LinearRegression,
    LogisticRegression,
    PoissonRegression,
    SoftmaxRegression,
)
from stagecraft.parameter_server.monitor import EarlyStopping, Progress
from stagecraft.parameter_server.optimizer import FTRL, AdaGrad
from stagecraft.serving.predictor import Predictor
from stagecraft.serving.rows import rows_of
from stagecraft.stages.ps_model import Shape
from stagecraft.stages.ps_train import PSTrain
from stagecraft.tracking.reader import read_events
from stagecraft.tracking.writer import Tracker
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode

FIELDS = ("wind", "heat", "origin", "tail")


class Trainer:
    """What stands for the parameter server: one worker and one shard, with the real kernels."""

    def rows(self, plan):
        from stagecraft.parameter_server.rows import Rows

        columns, tables = plan.columns, []
        for uri in sorted({group.uri for group in plan.groups}):
            tables.append(pa.parquet.read_table(plan.store.strip(uri)))
        table = pa.concat_tables(tables).combine_chunks()
        label = table[columns.label].to_pylist()
        if columns.labels is not None:
            label = [columns.labels.index(value) for value in label]
        csr = columns.layout.csr(table)
        return Rows(csr, np.array(label, np.float32), np.ones(len(label), np.float32))

    def __call__(self, plan, checkpoints, *, on_round, on_epoch, validate, early_stopping, **_):
        from stagecraft.parameter_server.fitted import Fitted
        from stagecraft.parameter_server.train import Trained

        self.plan, objective, rows = plan, plan.objective, self.rows(plan)
        state = np.zeros((plan.dimension, objective.width, 2), np.float32)
        if plan.warm_start is not None:
            keys, states = plan.warm_start.states(plan)
            state[keys] = states
        ledger, count = Ledger(), len(rows.label)
        while ledger.epoch < plan.epochs:
            order = np.random.default_rng([plan.seed, ledger.epoch]).permutation(count)
            loss = objective.train(rows, order, state)
            ledger = ledger.finish_round(steps=1, rows=count, loss=loss, weight=count)
            values = {"loss": loss / count, "progress": ledger.rows / (count * plan.epochs)}
            if validate is not None:
                values |= validate(lambda keys: objective.weights(state[keys], keys))
            on_round(Progress(ledger.step, values))
            keys = np.flatnonzero(state.any(axis=(1, 2)))
            fitted = Fitted(keys, objective.weights(state[keys], keys), state[keys])
            ledger = ledger.finish_epoch(on_epoch(ledger, fitted) or {})
            if early_stopping is not None and early_stopping.ends(ledger.epochs):
                break
        self.fitted = fitted
        return Trained(fitted, ledger, [])


@pytest.fixture(autouse=True)
def trainer(monkeypatch):
    import stagecraft.jobs.ray_session as session
    import stagecraft.parameter_server.train as train

    made = Trainer()
    monkeypatch.setattr(session, "ray_session", lambda **_: nullcontext())
    monkeypatch.setattr(train, "train", made)
    return made


@pytest.fixture(scope="module")
def rich(world):
    """Training and validation rows with labels of three values, and counts; every key of the latter known."""

    def more(table):
        delay = table["delay"].to_numpy()
        names = np.array(["early", "late", "on time"])
        kind = names[np.where(delay < -6, 0, np.where(delay > 3, 1, 2))]
        count = np.random.default_rng(5).poisson(np.exp(np.clip(delay / 10, -3, 3)))
        return table.append_column("kind", pa.array(kind)).append_column("count", pa.array(count))

    train = world.encoded("d", more(world.raw), group_rows=5_000)
    return train, world.put(world.store, "e", more(world.held_out))


def held_out(validation, model, label):
    table = validation.table()
    return table[label], model.chain.predict(table.select(list(FIELDS)).combine_chunks().to_batches()[0])


MODELS = {
    "logistic": (LogisticRegression(), "late"),
    "linear": (LinearRegression(), "delay"),
    "poisson": (PoissonRegression(), "count"),
    "softmax": (SoftmaxRegression(), "kind"),
    "softmax-2": (SoftmaxRegression(), "late"),
    "fm": (FactorizationMachine(factors=4), "late"),
    "fm-poisson": (FactorizationMachine(factors=2, loss="poisson"), "count"),
    "ffm": (FieldAwareFactorizationMachine(factors=2), "late"),
    "ffm-squared": (FieldAwareFactorizationMachine(factors=2, loss="squared"), "delay"),
}


def loss_of_scores(truth, scores, labels, model):
    """The mean loss by its definition, row by row."""
    kind = getattr(model, "loss", model.type)
    if kind in ("linear", "squared"):
        return np.mean([(score - y) ** 2 / 2 for y, score in zip(truth, scores, strict=True)])
    if kind == "poisson":
        return np.mean([score - y * math.log(score) for y, score in zip(truth, scores, strict=True)])
    chances = scores if scores.ndim == 2 else np.stack([1 - scores, scores], axis=1)
    return -np.mean([math.log(row[labels.index(y)]) for y, row in zip(truth, chances, strict=True)])


@pytest.mark.parametrize("name", MODELS)
def test_the_kept_model_scores_as_the_kernel_does(world, rich, trainer, name):
    model, label = MODELS[name]
    dataset, validation = rich
    stage = PSTrain(label=label, model=model, epochs=2, optimizer=AdaGrad(learning_rate=0.3))
    made = stage.run(world.bench(), dataset=dataset, validation=validation)["model"]
    truth, scores = held_out(validation, made, label)
    labels = made.meta.get("labels")
    found = loss_of_scores(truth.to_pylist(), scores, labels, model)
    assert made.meta["metrics"]["validation_loss"] == pytest.approx(found, rel=1e-9)
    # The kernel's loss of the training rows with the final weights is that of the kept model's scores.
    rows, fitted = trainer.rows(trainer.plan), trainer.fitted
    places = np.searchsorted(fitted.keys, rows.csr.indices).astype(np.int32)
    order = np.arange(len(rows.label))
    total = trainer.plan.objective.gradients(
        rows, order, places, fitted.weights, np.zeros_like(fitted.weights)
    )
    batch = dataset.table().select(list(FIELDS)).combine_chunks().to_batches()[0]
    ours = loss_of_scores(
        dataset.table()[label].to_pylist(), made.chain.transforms[-1].means(batch), labels, model
    )
    assert total / len(order) == pytest.approx(ours, rel=2e-5)
    # It has learned: the trivial model is worse.
    if labels is not None:
        share = np.array([truth.to_pylist().count(value) for value in labels]) / len(truth)
        assert found < -(share * np.log(share)).sum() - 0.02
    assert Predictor.load(made.uri).labels == labels


def test_more_than_two_labels_from_training_to_the_answer(world, rich):
    dataset, validation = rich
    with Tracker(world.store, "tracking/classes") as tracker:
        stage = PSTrain(label="kind", model=SoftmaxRegression(), epochs=3)
        made = stage.run(world.bench(tracker), dataset=dataset, validation=validation)["model"]
    assert made.meta["labels"] == ["early", "late", "on time"]
    truth, scores = held_out(validation, made, "kind")
    assert scores.shape == (len(truth), 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    hits = np.array(made.meta["labels"])[scores.argmax(axis=1)] == np.array(truth)
    assert made.meta["metrics"]["accuracy"] == pytest.approx(hits.mean())
    answer = Predictor.load(made.uri).predict(rows_of(validation.table().select(list(FIELDS)).slice(0, 50)))
    assert answer.scores == scores[:50].tolist()
    assert answer.labels == np.array(made.meta["labels"])[scores[:50].argmax(axis=1)].tolist()
    events = read_events(world.store, "tracking/classes").events
    assert {event.name for event in events} == {"loss", "progress", "accuracy", "validation_loss"}


def test_softmax_of_two_labels_is_kept_as_a_logistic_regression(world, rich):
    dataset, validation = rich
    stage = PSTrain(label="late", model=SoftmaxRegression(), epochs=2)
    made = stage.run(world.bench(), dataset=dataset, validation=validation)["model"]
    assert made.chain.score_column == "score"
    assert made.meta["metrics"]["auc"] > 0.7
    again = stage.run(world.bench(), dataset=dataset, validation=validation, warm_start=made)["model"]
    assert again.meta["epochs"][0]["loss"] < made.meta["epochs"][0]["loss"]


@pytest.mark.parametrize("name", ["logistic", "fm"])
def test_a_warm_start_goes_on_from_the_state_or_from_the_weights(world, rich, trainer, name):
    dataset, _ = rich
    stage = PSTrain(label="late", model=MODELS[name][0], epochs=1, keep_state=True)
    bench = world.bench()
    made = stage.run(bench, dataset=dataset)["model"]
    first, fitted = made.meta["epochs"][0]["loss"], trainer.fitted
    again = stage.run(bench, dataset=dataset, warm_start=made)["model"]
    assert again.meta["epochs"][0]["loss"] < first
    np.testing.assert_array_equal(trainer.plan.warm_start.keys, fitted.keys)
    np.testing.assert_array_equal(trainer.plan.warm_start.state, fitted.state)
    # Another optimizer knows nothing of that state; and a model that kept none has weights alone.
    plain = stage.model_copy(update={"keep_state": False}).run(bench, dataset=dataset)["model"]
    assert set(made.manifest.files) - set(plain.manifest.files) == {"optimizer.npz"}
    other = stage.model_copy(update={"optimizer": FTRL(alpha=0.2)})
    for going_on, earlier in ((other, made), (stage, plain)):
        again = going_on.run(bench, dataset=dataset, warm_start=earlier)["model"]
        start = trainer.plan.warm_start
        assert start.state is None
        np.testing.assert_array_equal(start.weights, earlier.chain.transforms[-1].table.touched()[1])
        assert again.meta["epochs"][0]["loss"] < first


def test_a_warm_start_from_another_model_is_refused_with_both_named(world, rich):
    dataset, _ = rich
    bench = world.bench()
    made = PSTrain(label="late", epochs=1).run(bench, dataset=dataset)["model"]

    def refused(match, stage, earlier=made, rows=dataset):
        with pytest.raises(InvalidInputError, match=match):
            stage.run(bench, dataset=rows, warm_start=earlier)

    fm = PSTrain(label="late", model=FactorizationMachine(factors=3))
    refused(r"is linear \(link logistic\), and factorization_machine \(factors 3, link logistic\)", fm)
    refused(r"link logistic\), and linear \(link log\)", PSTrain(label="count", model=PoissonRegression()))
    refused("ends in 'encode'; what would do: a model of ps_train", PSTrain(label="late"), world.encoder)
    draft = world.store.draft(Kind.MODEL, "f" * 32, lineage={"stage": "test"})
    fewer = Encode(encodings=world.encoder.chain.transforms[0].encodings[:2])
    fill_model(draft, Chain((fewer,)), world.raw.slice(0, 5))
    other = world.put(world.store, "0", world.raw, model=draft.commit())
    refused(
        r"over 1032 features: wind \(1\), .*, and the rows hold 3 features: wind",
        PSTrain(label="late"),
        rows=other,
    )
    renamed = dataset.table()
    late = pc.if_else(pc.equal(renamed["late"], "yes"), "never", "no")
    renamed = renamed.set_column(renamed.column_names.index("late"), "late", late)
    rows = world.put(world.store, "9", renamed, model=world.encoder)
    refused(
        r"labels are \['no', 'yes'\], and the rows' are \['never', 'no'\]", PSTrain(label="late"), rows=rows
    )


def test_early_stopping_ends_the_training_and_wants_what_it_looks_at(world, rich):
    dataset, validation = rich
    stopping = EarlyStopping(metric="auc", patience=1, minimum=0.5)
    stage = PSTrain(label="late", epochs=5, early_stopping=stopping)
    made = stage.run(world.bench(), dataset=dataset, validation=validation)["model"]
    assert len(made.meta["epochs"]) == 2
    with pytest.raises(InvalidInputError, match=r"early_stopping: 'auc' without validation rows"):
        stage.run(world.bench(), dataset=dataset)
    stage = PSTrain(label="kind", model=SoftmaxRegression(), early_stopping=stopping)
    with pytest.raises(InvalidInputError, match="AUC of 3 labels"):
        stage.run(world.bench(), dataset=dataset, validation=validation)


def test_labels_that_do_not_fit_the_model_are_refused(world, rich):
    dataset, validation = rich
    for stage, match in (
        (PSTrain(label="kind"), r"3 class\(es\): 'early', .*; what would do: SoftmaxRegression"),
        (PSTrain(label="delay", model=PoissonRegression()), r"ps_train\.label: -\d.* in row \d+ is below 0"),
        (PSTrain(label="kind", model=PoissonRegression()), "values of type string"),
    ):
        with pytest.raises(InvalidInputError, match=match):
            stage.run(world.bench(), dataset=dataset)
    stage = PSTrain(label="kind", model=SoftmaxRegression())
    table = validation.table().set_column(7, "kind", pa.array(["late", "gone"] * 2000))
    other = world.put(world.store, "7", table)
    with pytest.raises(InvalidInputError, match="label value 'gone'"):
        stage.run(world.bench(), dataset=dataset, validation=other)


def test_fields_are_the_columns(world):
    layout = world.encoder.chain.layout
    shape = Shape.of(FieldAwareFactorizationMachine(), layout, ["no", "yes"])
    assert shape.fields.tolist() == [1, 2, 3, 8, layout.dimension]
    assert shape.predictor.width == 1 + 4 * 4
    assert Shape.of(LogisticRegression(), layout, ["no", "yes"]).fields is None
