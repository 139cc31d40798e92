"""A sample of rows that reads a bounded part of a dataset."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.errors import CorruptArtifactError
from stagecraft.stages.raw_rows import REFERENCE_ROWS, RawRows
from stagecraft.stages.spaced_rows import PLACES, spaced_rows


def dataset(folder: Path, files: int, rows: int, group_rows: int) -> Dataset:
    """Rows numbered from 0 on, in files of equal size."""
    draft = Store(str(folder)).draft(Kind.DATASET, "1" * 32, lineage={"stage": "test"})
    for number in range(files):
        sink = io.BytesIO()
        table = pa.table({"row": np.arange(number * rows, (number + 1) * rows), "other": np.zeros(rows)})
        pq.write_table(table, sink, row_group_size=group_rows)
        draft.write(f"part-{number:05d}.parquet", sink.getvalue())
    draft.meta.update(columns={"row": "int64", "other": "double"}, rows=files * rows)
    made = draft.commit()
    assert isinstance(made, Dataset)
    return made


@pytest.mark.parametrize(("files", "group_rows"), [(1, 50), (3, 10), (8, 15)])
def test_rows_are_evenly_spaced_over_a_small_dataset(tmp_path: Path, files: int, group_rows: int) -> None:
    found = spaced_rows(dataset(tmp_path, files, 50, group_rows), ["row"], 20)
    assert found.column_names == ["row"]
    assert found["row"].to_pylist() == np.linspace(0, files * 50 - 1, 20).astype(int).tolist()


@pytest.mark.parametrize(("files", "rows", "group_rows"), [(1, 9000, 9000), (3, 4000, 700), (40, 500, 50)])
def test_the_rows_that_models_keep_are_from_all_over(
    tmp_path: Path, files: int, rows: int, group_rows: int
) -> None:
    """Whatever the files, so that nothing looks as if it had drifted since."""
    raw = RawRows.of(dataset(tmp_path, files, rows, group_rows), ["row"])
    found = raw.reference["row"].to_numpy()
    assert 500 <= len(found) == len(np.unique(found)) <= REFERENCE_ROWS
    tenths = np.histogram(found, 10, (0, files * rows))[0]
    assert tenths.min() > 0.5 * len(found) / 10
    assert len(raw.golden) == 64


def test_few_rows_are_all_taken(tmp_path: Path) -> None:
    made = dataset(tmp_path, 2, 5, 2)
    assert spaced_rows(made, ["row"], 20)["row"].to_pylist() == list(range(10))
    assert RawRows.of(made, ["row"]).reference["row"].to_pylist() == list(range(10))


def test_of_many_files_some_are_read(tmp_path: Path) -> None:
    made = dataset(tmp_path, 2 * PLACES, 10, 10)
    size = made.store.size(made.files[-1])
    assert size
    made.store.write(made.files[-2], bytes(size))
    rows = spaced_rows(made, ["row"], 64)["row"].to_numpy()
    assert len(rows) == 64
    assert (rows[0], rows[-1]) == (0, 20 * PLACES - 1)
    assert len(set(rows // 10)) == PLACES
    assert (np.diff(rows // 10) <= 3).all()
    made.store.write(made.files[0], b"less")
    with pytest.raises(CorruptArtifactError, match=r"part-00000.*its size differs"):
        spaced_rows(made, ["row"], 64)


def test_of_many_row_groups_some_are_read(tmp_path: Path) -> None:
    rows = spaced_rows(dataset(tmp_path, 1, 1000, 2), ["row"], 40)["row"].to_numpy()
    assert len(set(rows // 2)) == PLACES
    assert (rows[0], rows[-1]) == (0, 999)
