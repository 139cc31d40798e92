"""The model that serving is measured with: 100 trees of depth 6 over 40 columns, as a committed Model."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import xgboost
from leaves import COLUMNS, features, forest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.artifacts.store import Store
from stagecraft.stages.trees import tree_table
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.leaf_encode import LeafEncode
from stagecraft.transforms.linear import Linear

TRAINING_ROWS = 20_000


def booster() -> xgboost.Booster:
    return forest(features(TRAINING_ROWS))


def table_of(matrix: np.ndarray) -> pa.Table:
    """Return rows of numbers as raw rows, missing where they are NaN."""
    return pa.table({name: pa.array(matrix[:, at], from_pandas=True) for at, name in enumerate(COLUMNS)})


def commit(store: Store, trees: xgboost.Booster) -> Model:
    """Commit a booster as a chain: boosted trees are a linear model of their leaves."""
    table = tree_table(trees)
    encode = LeafEncode.of(table, COLUMNS)
    layout = Chain((encode,)).layout
    leaf, value = table["leaf"].to_numpy(), table["value"].to_numpy()
    weights = np.zeros(layout.dimension, dtype=np.float32)
    held = ~np.isnan(leaf.astype(np.float64))
    weights[layout.blocks[0].offset + leaf[held].astype(np.int64)] = value[held]
    raw = table_of(sample := features(100, seed=5))
    sums = Chain((encode, Linear.of(layout, weights, "identity"))).predict(raw.to_batches()[0])
    weights[0] = (trees.predict(xgboost.DMatrix(sample), output_margin=True) - sums).mean()
    chain = Chain((encode, Linear.of(layout, weights)))
    draft = store.draft(Kind.MODEL, "9" * 32, lineage={"stage": "benchmark"})
    fill_model(draft, chain, raw, labels=["no", "yes"])
    made = draft.commit()
    assert isinstance(made, Model)
    return made
