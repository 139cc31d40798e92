"""What is found of labels before training: all values, by the files' bounds where these tell of them."""

from __future__ import annotations

import io
import math
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.models import SoftmaxRegression
from stagecraft.stages import ps_rows
from stagecraft.stages.ps_train import PSTrain

LAYOUT = cast(Any, SimpleNamespace(columns=[]))
LABELS = {
    "bytes": (pa.array([0, 1, 0, 1, 1, 0], pa.int8()), 0),
    "one value a row group": (pa.array([3, 3, 3, 4, 4, 4], pa.int64()), 0),
    "Booleans": (pa.array([True, False] * 3), 0),
    "some far apart": (pa.array([1, 2, 2, 5, 7, 5], pa.int32()), 1),
    "with a value between": (pa.array([0, 1, 2, 0, 1, 0], pa.int16()), 1),
    "texts": (pa.array(["no", "yes", "no", "yes", "yes", "no"]), 2),
    "floats": (pa.array([0.0, 1.0] * 3), 2),
    "a missing one": (pa.array([0, None, 1, 1, 0, 1]), 1),
}


def dataset_of(folder, label):
    store = Store(str(folder))
    sink = io.BytesIO()
    nested = pa.array([{"a": 1, "b": 2}] * len(label))  # So that a column's place is not its leaf's.
    pq.write_table(pa.table({"nested": nested, "label": label}), sink, row_group_size=3)
    draft = store.draft(Kind.DATASET, "1" * 32, lineage={"stage": "test"})
    draft.write("part-00000.parquet", sink.getvalue())
    draft.meta.update(columns={"label": str(label.type)}, rows=len(label), sparse=True)
    return cast(Any, draft.commit())


@pytest.mark.parametrize(("label", "read"), LABELS.values(), ids=LABELS)
def test_every_value_of_a_label_is_found(tmp_path, monkeypatch, label, read):
    looked = []
    monkeypatch.setattr(
        ps_rows, "_found", lambda column, found=ps_rows._found: looked.append(1) or found(column)
    )
    stage = PSTrain(label="label", model=SoftmaxRegression(), bad_rows="skip")
    assert ps_rows.check_rows(stage, dataset_of(tmp_path, label), LAYOUT) == sorted(
        set(label.to_pylist()) - {None}
    )
    assert len(looked) == read, "row groups whose bounds do not tell"


def test_labels_that_are_no_number_count_as_missing(tmp_path):
    dataset = dataset_of(tmp_path, pa.array([0.0, math.nan, 1.0, None]))
    with pytest.raises(InvalidInputError, match="2 of 4 labels are missing"):
        ps_rows.check_rows(PSTrain(label="label"), dataset, LAYOUT)
