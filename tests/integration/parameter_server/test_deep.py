"""The stage with DeepFM, in place in this process: what it learns, keeps, goes on from, and serves."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Artifact
from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.models import DeepFM, FactorizationMachine, LogisticRegression
from stagecraft.parameter_server.optimizer import AdaGrad
from stagecraft.serving.predictor import Predictor
from stagecraft.serving.rows import rows_of
from stagecraft.stages.ps_train import PSTrain

pytest.importorskip("torch", reason="the package torch is not installed")

FIELDS = ["wind", "heat", "origin", "tail"]
STAGE = PSTrain(
    label="late",
    model=DeepFM(factors=4, hidden=[16, 8], init=0.05, factor_optimizer=None),
    optimizer=AdaGrad(learning_rate=0.2),
    epochs=4,
    workers=1,
    shards=0,
    keep_state=True,
)


def crossed(table: pa.Table) -> pa.Table:
    """Rows whose label is a function of three columns together, and of none and no two of them."""
    origin, heat, wind = (table[name].to_numpy() for name in ("origin", "heat", "wind"))
    parity = (np.isin(origin, ["a", "b"]) ^ (heat > 0) ^ (wind > 0)).astype(int)
    noisy = parity ^ (np.random.default_rng(3).random(len(parity)) < 0.05)
    table = table.set_column(table.column_names.index("late"), "late", pa.array(np.where(noisy, "yes", "no")))
    for name in ("wind", "heat"):
        sign = pa.array(np.where(table[name].to_numpy() > 0, 1.0, -1.0))
        table = table.set_column(table.column_names.index(name), name, sign)
    return table


@pytest.fixture(scope="module")
def data(world):
    return world.encoded("b", crossed(world.raw), group_rows=5_000), world.put(
        world.store, "d", crossed(world.held_out)
    )


@pytest.fixture(scope="module")
def trained(world, data):
    dataset, validation = data
    return STAGE.run(world.bench(), dataset=dataset, validation=validation)["model"]


def table(model):
    return model.chain.transforms[-1].table.dense()


def test_it_learns_what_weights_and_pairs_cannot(world, data, trained):
    dataset, validation = data
    auc = {"deepfm": trained.meta["metrics"]["auc"]}
    for model in (LogisticRegression(), FactorizationMachine(factors=4)):
        stage = STAGE.model_copy(update={"model": model})
        made = stage.run(world.bench(), dataset=dataset, validation=validation)["model"]
        auc[model.type] = made.meta["metrics"]["auc"]
    assert auc["deepfm"] > 0.9
    assert max(auc["logistic"], auc["fm"]) < 0.6


def test_the_same_run_gives_the_same_bits_whether_the_table_grows_or_not(world, data, trained):
    again = STAGE.run(world.bench(), dataset=data[0], validation=data[1])["model"]
    assert table(again).tobytes() == table(trained).tobytes()
    growing = STAGE.model_copy(update={"dimension": "growing"})
    grown = growing.run(world.bench(), dataset=data[0], validation=data[1])["model"]
    assert table(grown).tobytes() == table(trained).tobytes()
    other = STAGE.model_copy(update={"seed": 1}).run(world.bench(), dataset=data[0])["model"]
    assert (table(other) != table(trained))[-50:].any()


def test_it_is_served_without_torch_with_the_scores_of_a_batch(world, data, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    rows = data[1].table().select(FIELDS)
    read = Artifact.load(trained.uri)
    scores = read.chain.predict(rows.combine_chunks().to_batches()[0])
    served = Predictor.load(trained.uri)
    assert served.predict(rows_of(rows.slice(0, 100))).scores == scores[:100].tolist()
    assert served.predict(rows_of(rows.slice(7, 1))).scores == scores[7:8].tolist()
    truth = np.array(data[1].table()["late"]) == "yes"
    loss = -np.log(np.where(truth, scores, 1 - scores)).mean()
    assert trained.meta["metrics"]["validation_loss"] == pytest.approx(loss, rel=1e-9)
    assert not any(name.endswith((".pkl", ".pickle", ".pt")) for name in trained.manifest.files)


def test_a_warm_start_goes_on_from_the_state_or_from_the_weights(world, data, trained):
    first = trained.meta["epochs"][0]["loss"]
    once = STAGE.model_copy(update={"epochs": 1})
    for stage in (once, once.model_copy(update={"optimizer": AdaGrad(learning_rate=0.1)})):
        going_on = stage.run(world.bench(), dataset=data[0], warm_start=trained)["model"]
        assert going_on.meta["epochs"][0]["loss"] < first - 0.1
    wider = STAGE.model_copy(update={"model": DeepFM(factors=4, hidden=[8], factor_optimizer=None)})
    with pytest.raises(InvalidInputError, match=r"hidden \(16, 8\).*hidden \(8,\)"):
        wider.run(world.bench(), dataset=data[0], warm_start=trained)
