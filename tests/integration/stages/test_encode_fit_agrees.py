"""What is fitted in SQL and what the transform reads from Arrow are the same values."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.dataset import Dataset
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Index, Standardize

VALUES: dict[str, pa.Array] = {
    "bool": pa.array([True, False, None, True]),
    "int32": pa.array([-1, 0, None, 2**31 - 1], pa.int32()),
    "int64": pa.array([-(2**63), 10, None, 2**63 - 1], pa.int64()),
    "date32": pa.array(
        [datetime.date(2013, 1, 31), datetime.date(1, 1, 1), None, datetime.date(9999, 12, 31)]
    ),
    "string": pa.array(["", "ü", None, "日本"]),
    "quotes": pa.array(["a'b", 'a"b', None, "a\\b"]),
    "space": pa.array([" ", "a ", None, "a"]),
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_every_fitted_value_finds_its_slot(
    bench: Workbench, commit_rows: Callable[..., Dataset], values: pa.Array
) -> None:
    rows = commit_rows(bench.store, "rows", pa.table({"a column": values}))
    made = EncodeColumns(columns={"a column": Index()}).run(bench, dataset=rows)
    encoded = made["dataset"]
    assert isinstance(encoded, Dataset)
    slots = encoded.table()["a column"].to_pylist()
    assert slots.count(0) == values.null_count
    assert min(slot for slot in slots if slot) == 2
    assert len(set(slots)) == len(values.unique())


def test_numbers_are_fitted_with_nan_and_null_as_missing(
    bench: Workbench, commit_rows: Callable[..., Dataset]
) -> None:
    values = [4.0, None, float("nan"), 1.0, 2.0, 5.0]
    rows = commit_rows(bench.store, "rows", pa.table({"x": pa.array(values, pa.float64())}))
    encoded = EncodeColumns(columns={"x": Fill("median") | Standardize()}).run(bench, dataset=rows)["dataset"]
    assert isinstance(encoded, Dataset)
    filled = np.array([4.0, 3.0, 3.0, 1.0, 2.0, 5.0])
    expected = (filled - filled.mean()) / filled.std()
    np.testing.assert_allclose(np.sort(encoded.table()["x"].to_numpy()), np.sort(expected), rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "steps", "message"),
    [
        (pa.array([1.5]), Index(), r"encode\.columns\.x: the column is of type double"),
        (pa.array([datetime.datetime(2013, 1, 1)]), Index(), r"encode\.columns\.x: .*timestamp"),
        (pa.array(["1"]), Fill(0.0), r"encode\.columns\.x: the column is of type string"),
        (pa.array([datetime.date(2013, 1, 1)]), Fill(0.0), r"encode\.columns\.x: .*date32"),
    ],
)
def test_types_are_refused_before_anything_is_fitted(
    bench: Workbench, commit_rows: Callable[..., Dataset], values: pa.Array, steps: Any, message: str
) -> None:
    rows = commit_rows(bench.store, "rows", pa.table({"x": values}))
    with pytest.raises(InvalidInputError, match=message):
        EncodeColumns(columns={"x": steps}).run(bench, dataset=rows)
