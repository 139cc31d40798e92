"""PS training on a real, local Ray."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.jobs.ray_session import ray_session
from stagecraft.parameter_server.models import LinearRegression
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.stages.ps_train import PSTrain
from stagecraft.tracking.reader import read_events
from stagecraft.tracking.writer import Tracker

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module", autouse=True)
def ray():
    with ray_session(num_cpus=5) as scratch:
        yield scratch


def train(world, stage, dataset=None, bench=None, **inputs):
    return stage.run(bench or world.bench(), dataset=dataset or world.train, **inputs)["model"]


def weights(model):
    return model.chain.transforms[-1].weights


@pytest.fixture(scope="module")
def trained(world):
    stage = PSTrain(label="late", epochs=4, optimizer=FTRL(alpha=0.3), batch_rows=256)
    with Tracker(world.store, "tracking/run") as tracker:
        return stage, train(world, stage, bench=world.bench(tracker), validation=world.validation)


def test_quality_is_that_of_a_converged_solver(world, trained):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    encoder, (_, model) = world.encoder.chain, trained
    truth = np.array(world.held_out["late"]) == "yes"
    scores = model.chain.predict(world.held_out.combine_chunks().to_batches()[0])

    def matrix(table):
        from scipy.sparse import csr_matrix

        csr = encoder.layout.csr(encoder.apply(table.combine_chunks().to_batches()[0]))
        return csr_matrix((csr.values, csr.indices, csr.indptr), (table.num_rows, encoder.layout.dimension))

    solver = LogisticRegression(C=1.0, max_iter=500)
    solver.fit(matrix(world.raw), np.array(world.raw["late"]) == "yes")
    reference = log_loss(truth, solver.predict_proba(matrix(world.held_out))[:, 1])
    assert log_loss(truth, scores) < reference + 0.01
    assert model.meta["metrics"]["validation_loss"] == pytest.approx(log_loss(truth, scores), abs=1e-9)


def test_model_is_complete(world, trained):
    _, model = trained
    assert model.meta["labels"] == ["no", "yes"]
    assert [step["loss"] for step in model.meta["history"]][-1] < 0.6
    golden = model.golden()
    scores = model.chain.predict(golden.drop_columns("score").combine_chunks().to_batches()[0])
    assert scores.tolist() == golden["score"].to_pylist()
    assert not model.store.filesystem.exists(model.store.uri("checkpoints", model.fingerprint))


def test_tracks_what_the_tab_shows(world, trained):
    events = read_events(world.store, "tracking/run").events
    names = {event.name for event in events}
    looked_at = {"keys", "staleness", "staleness_max", "shard_memory"}
    assert names == {"loss", "rows_per_second", "progress", "auc", "validation_loss", *looked_at}
    assert max(event.value for event in events if event.name == "progress") == 1
    assert len([event for event in events if event.name == "auc"]) >= 4


def test_the_same_run_gives_the_same_bits_also_where_the_model_grows(world, trained):
    stage, model = trained
    stage = stage.model_copy(update={"checkpoint_seconds": 0.0, "dimension": "growing"})
    again = train(world, stage, validation=world.validation)
    assert again.uri != model.uri
    assert weights(again).tobytes() == weights(model).tobytes()
    assert again.manifest.files == model.manifest.files


def test_weighted_rows_and_one_small_row_group(world):
    dataset = world.encoded("5", world.raw.slice(0, 999))
    model = train(world, PSTrain(label="late", weight="w", workers=3, shards=1, batch_rows=100), dataset)
    plain = train(world, PSTrain(label="late", workers=3, shards=1, batch_rows=100), dataset)
    assert not np.array_equal(weights(model), weights(plain))
    assert abs(weights(model) - weights(plain)).max() < 0.5


def test_linear_regression(world):
    stage = PSTrain(
        label="delay", model=LinearRegression(), optimizer=FTRL(alpha=1.0), epochs=8, batch_rows=128
    )
    model = train(world, stage, validation=world.validation)
    scores = model.chain.predict(world.held_out.combine_chunks().to_batches()[0])
    truth = world.held_out["delay"].to_numpy()
    assert "labels" not in model.meta
    assert 1 - ((scores - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum() > 0.9


def test_sparse_rows_give_the_same_weights(world):
    from stagecraft.transforms.sparse import SparseRows

    stage = PSTrain(label="late", epochs=1)
    layout = world.encoder.chain.layout
    sparse = pa.Table.from_batches(
        [SparseRows(layout, ("late",)).apply(batch) for batch in world.train.table().to_batches()]
    )
    rows = world.put(world.store, "6", sparse, model=world.encoder, files=2, group_rows=5_000, sparse=True)
    assert np.array_equal(weights(train(world, stage, rows)), weights(train(world, stage)))


def test_labels_that_the_encoding_mapped_are_given_back(world):
    draft = world.store.draft(Kind.MODEL, "7" * 32, lineage={"stage": "test"})
    fill_model(draft, world.encoder.chain, world.encoder.golden(), label="late", labels=["no", "yes"])
    encoder = draft.commit()
    rows = world.train.table()
    codes = pa.compute.equal(rows["late"], "yes").cast(pa.int8())
    rows = rows.set_column(rows.column_names.index("late"), "late", codes)
    mapped = world.put(world.store, "8", rows, model=encoder, files=2, group_rows=5_000)
    model = train(world, PSTrain(label="late", epochs=1), mapped, validation=world.validation)
    plain = train(world, PSTrain(label="late", epochs=1), validation=world.validation)
    assert model.meta["labels"] == plain.meta["labels"] == ["no", "yes"]
    assert model.meta["metrics"] == plain.meta["metrics"]
    assert np.array_equal(weights(model), weights(plain))
    with pytest.raises(InvalidInputError, match=r"'late' holds the classes \['no', 'yes'\]"):
        train(world, PSTrain(label="late", model=LinearRegression()), mapped)
