"""Features as they come: a model that grows, from raw rows to scores."""

from __future__ import annotations

import logging

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.models import FactorizationMachine
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.serving.predictor import Predictor
from stagecraft.serving.rows import rows_of
from stagecraft.stages.ps_train import PSTrain
from stagecraft.transforms.categorical import FittedHash
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import SlotEncoding
from stagecraft.transforms.sparse import SparseRows

STAGE = PSTrain(
    label="late",
    epochs=2,
    optimizer=FTRL(alpha=0.3),
    workers=1,
    shards=0,
    dimension="growing",
    keep_state=True,
)


@pytest.fixture(scope="module")
def wide(world):
    """Rows whose two columns are hashed to 2^60 features each: as columns, sparse, and later ones."""
    encode = Encode(
        encodings=[
            SlotEncoding(columns=[name], output=name, map=FittedHash(bits=60, salt=name))
            for name in ("origin", "tail")
        ]
    )
    draft = world.store.draft(Kind.MODEL, "b" * 32, lineage={"stage": "test"})
    fill_model(draft, Chain((encode,)), world.raw.slice(0, 20))
    encoder = draft.commit()

    def encoded(name, table, sparse=False):
        batch = encode.apply(table.combine_chunks().to_batches()[0])
        batch = SparseRows(encoder.chain.layout, ("late",)).apply(batch) if sparse else batch
        rows = pa.Table.from_batches([batch])
        return world.put(world.store, name, rows, model=encoder, files=2, group_rows=2_000, sparse=sparse)

    return encoded("c", world.raw), encoded("d", world.raw, sparse=True), encoded("e", world.held_out)


def files(model):
    return model.manifest.files


def test_any_number_of_features_is_trained_served_and_gone_on_from(world, wide):
    dense, _, later = wide
    model = STAGE.run(world.bench(), dataset=dense, validation=world.raw_dataset)["model"]
    assert model.meta["metrics"]["auc"] > 0.65
    keys, weights = model.chain.transforms[-1].table.touched()
    assert len(keys) == 1 + 4 + len(set(world.raw["tail"].to_pylist()))
    assert keys.max() > 2**60
    assert weights.all()
    # What the server answers is the sum of the weights of a row's features, by the encoding's numbers.
    held_out = world.held_out.select(["origin", "tail"]).slice(0, 200)
    found = dict(zip(keys.tolist(), weights[:, 0].astype(float).tolist(), strict=True))
    slots = model.chain.encoder.apply(held_out.combine_chunks().to_batches()[0])
    margins = [
        found[0] + found.get(1 + row["origin"], 0) + found.get(1 + 2**60 + row["tail"], 0)
        for row in slots.to_pylist()
    ]
    expected = 1 / (1 + np.exp(-np.array(margins)))
    np.testing.assert_allclose(
        Predictor.load(model.uri).predict(rows_of(held_out)).scores, expected, rtol=1e-9
    )
    # Tomorrow's rows bring other values, which the model takes in.
    grown = STAGE.run(world.bench(), dataset=later, warm_start=model)["model"]
    assert grown.meta["epochs"][0]["loss"] < model.meta["epochs"][0]["loss"]
    assert set(keys) < set(grown.chain.transforms[-1].table.touched()[0])


def test_sparse_rows_of_any_features_are_the_encoded_ones(world, wide):
    models = [STAGE.run(world.bench(), dataset=rows)["model"] for rows in wide[:2]]
    assert files(models[0])["optimizer.npz"] == files(models[1])["optimizer.npz"]


def test_a_fixed_dimension_has_its_end(world, wide):
    fixed = STAGE.model_copy(update={"dimension": "fixed"})
    with pytest.raises(InvalidInputError, match=r'ps_train\.dimension: \d+ features.*would do: "growing"'):
        fixed.run(world.bench(), dataset=wide[0])


@pytest.mark.parametrize("kind", ["logistic", "fm"])
def test_it_is_the_fixed_model(world, kind):
    model = {"model": FactorizationMachine(factors=4)} if kind == "fm" else {}
    stages = [
        STAGE.model_copy(update={**model, "dimension": dimension}) for dimension in ("growing", "fixed")
    ]
    models = [stage.run(world.bench(), dataset=world.train)["model"] for stage in stages]
    assert files(models[0])["optimizer.npz"] == files(models[1])["optimizer.npz"]


def test_killed_it_goes_on_from_its_checkpoint(world, caplog):
    caplog.set_level(logging.INFO)
    bench, stage = world.bench(), STAGE.model_copy(update={"checkpoint_seconds": 0.0, "epochs": 3})
    world.killed_at_checkpoint(bench, stage)
    resumed = stage.run(bench, dataset=world.train)["model"]
    assert "going on from the checkpoint" in caplog.text
    whole = stage.run(world.bench(), dataset=world.train)["model"]
    assert files(resumed)["optimizer.npz"] == files(whole)["optimizer.npz"]
