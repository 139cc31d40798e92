"""Rows that cannot be learned from, and rows whose training comes to nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.models import LinearRegression
from stagecraft.parameter_server.optimizer import FTRL, AdaGrad
from stagecraft.stages.ps_train import PSTrain


def replaced(table, column, values):
    return table.set_column(table.column_names.index(column), column, pa.array(values))


def test_skipped_rows_are_counted_and_not_learned_from(world):
    raw, bad = world.raw.slice(0, 3_000), np.arange(0, 3_000, 10)
    stage = PSTrain(label="late", weight="w", workers=1, shards=0, bad_rows="skip", epochs=2, keep_state=True)
    models = []
    for name, weight in (("a", np.nan), ("b", 0.0)):
        weights = raw["w"].to_numpy().copy()
        weights[bad] = weight
        dataset = world.encoded(name, replaced(raw, "w", weights), group_rows=1_000)
        models.append(stage.run(world.bench(), dataset=dataset)["model"])
    skipping, weightless = models
    assert skipping.meta["metrics"]["skipped_rows"] == len(bad)
    assert weightless.meta["metrics"]["skipped_rows"] == 0
    # A row of weight 0 leaves as little behind.
    files = [model.manifest.files["optimizer.npz"] for model in models]
    assert files[0] == files[1]


@pytest.mark.parametrize("optimizer", [FTRL(alpha=2.0), AdaGrad(learning_rate=2.0)], ids=["ftrl", "adagrad"])
def test_a_training_that_diverges_says_where_and_what_would_do(world, optimizer):
    dataset = world.encoded("c", replaced(world.raw.slice(0, 100), "delay", [1e30, -1e30] * 50))
    rate = "alpha" if optimizer.type == "ftrl" else "learning_rate"
    stage = PSTrain(
        label="delay", model=LinearRegression(), optimizer=optimizer, workers=1, shards=0, epochs=2
    )
    with pytest.raises(
        InvalidInputError,
        match=rf"ps_train\.optimizer: the training diverged in epoch 1: .* would do: a smaller {rate} than 2",
    ):
        stage.run(world.bench(), dataset=dataset)
