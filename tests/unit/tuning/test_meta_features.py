"""What tasks are like."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.meta_features import distance, meta_features


def rows(count: int = 400, seed: int = 0) -> pa.Table:
    draw = np.random.default_rng(seed)
    strong, weak = draw.normal(size=(2, count))
    label = (strong + draw.normal(size=count) > 1.2).astype(np.int64)
    weak[: count // 4] = np.nan
    kind = draw.choice(["a", "b", "c"], size=count)
    return pa.table({"strong": strong, "weak": pa.array(weak, from_pandas=True), "kind": kind, "y": label})


def test_a_table_is_described_by_its_shape_and_its_columns() -> None:
    table = rows()
    found = meta_features(table, "y")
    truth, strong = table["y"].to_numpy(), table["strong"].to_numpy()
    assert found["rows"] == math.log10(400)
    assert found["columns"] == math.log10(3)
    assert found["balance"] == pytest.approx(math.log10(truth.mean()))
    assert found["missing"] == pytest.approx(0.25 / 3)
    assert found["categorical"] == pytest.approx(1 / 3)
    assert found["categories"] == math.log10(3)
    assert found["strongest"] == pytest.approx(2 * roc_auc_score(truth, strong) - 1)


def test_other_rows_of_a_table_are_more_alike_than_another_label() -> None:
    own = meta_features(rows(), "y")
    other_label = meta_features(rows().append_column("z", rows()["kind"]).drop(["y"]), "z")
    assert distance(own, own) == 0
    assert distance(own, meta_features(rows(seed=1), "y")) < 0.2
    assert distance(own, other_label) > distance(own, meta_features(rows(seed=1), "y")) * 2


def test_lists_do_not_count_and_a_label_may_be_missing() -> None:
    sparse = pa.table({"features": [[1, 2], [3]], "y": [0, 1]})
    assert meta_features(sparse, "y")["strongest"] == 0
    assert "balance" not in meta_features(sparse, None)
    assert distance(meta_features(sparse, None), meta_features(sparse, "y")) == math.inf


def test_a_label_of_many_values_is_split_at_its_median() -> None:
    table = pa.table({"x": list(range(100)), "y": [float(place) for place in range(100)]})
    found = meta_features(table, "y")
    assert found["balance"] == pytest.approx(math.log10(0.5))
    assert found["strongest"] == pytest.approx(1.0)


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"rows with the column 'late'"):
        meta_features(rows(), "late")
