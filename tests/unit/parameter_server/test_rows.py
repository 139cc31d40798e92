"""Row groups become sparse rows; what cannot be trained on is refused by name, or skipped and counted."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.parameter_server.rows import Columns, RowReader
from stagecraft.parameter_server.units import RowGroup
from stagecraft.transforms.layout import Feature, Layout

LAYOUT = Layout.of([Feature("x"), Feature("slot", "slot", 3), Feature("leaves", "leaves", 4, 2)])
ROWS = 6
GROUP = 3
"""Rows of a row group."""


def encoded(**changed: Any) -> pa.Table:
    """Encoded rows: all sound, but for what is changed."""
    columns = {
        "late": pa.array(["no", "yes"] * 3),
        "w": pa.array([1.0, 2.0, 0.0, 1.0, 1.0, 0.5]),
        "x": pa.array([0.5, None, 2.0, -1.0, 0.0, 3.0], pa.float32()),
        "slot": pa.array([0, 1, 2, 0, 1, 2], pa.int8()),
        "leaves": pa.array([[0, 2], [1, 3], [0, 3], [1, 2], [0, 2], [1, 3]], pa.list_(pa.int16())),
    }
    return pa.table({**columns, **changed})


def sparse(indices: Any = None, values: Any = None, **changed: Any) -> pa.Table:
    """The same rows, sparse: as bytes, or as the lists that are given."""
    rows = [[0, 1, 2, 5, 7], [0, 3, 6, 8], [0, 1, 4, 5, 8], [0, 1, 2, 6, 7], [0, 3, 5, 7], [0, 1, 4, 6, 8]]
    numbers = [[1, 0.5, 1, 1, 1], [1] * 4, [1, 2, 1, 1, 1], [1, -1, 1, 1, 1], [1] * 4, [1, 3, 1, 1, 1]]
    if indices or values:
        indices = pa.array(
            [(indices or {}).get(at, row) for at, row in enumerate(rows)], pa.list_(pa.int32())
        )
        values = pa.array(
            [(values or {}).get(at, row) for at, row in enumerate(numbers)], pa.list_(pa.float32())
        )
    else:
        indices = pa.array([np.array(row, np.int32).tobytes() for row in rows])
        values = pa.array([np.array(row, np.float32).tobytes() for row in numbers])
    return (
        encoded(**changed)
        .select(["late", "w"])
        .append_column("indices", indices)
        .append_column("values", values)
    )


@pytest.fixture
def reader(tmp_path) -> Callable[..., RowReader]:
    """A reader of a table's rows, in row groups of three."""
    store = Store(str(tmp_path))

    def make(table: pa.Table, labels=("no", "yes"), lowest=None, layout=LAYOUT, **options) -> RowReader:
        sink = io.BytesIO()
        pq.write_table(table, sink, row_group_size=GROUP)
        store.write(store.uri("rows.parquet"), sink.getvalue())
        columns = Columns(
            layout,
            "late",
            list(labels) if labels else None,
            "w",
            sparse=bool({"indices", "packed"} & set(table.column_names)),
            lowest=lowest,
        )
        groups = [RowGroup(store.uri("rows.parquet"), at, GROUP) for at in range(table.num_rows // GROUP)]
        return RowReader(store, columns, groups, **options)

    return make


def matrix(rows: Any) -> np.ndarray:
    made = np.zeros((len(rows.label), LAYOUT.dimension))
    for row in range(len(made)):
        held = slice(rows.csr.indptr[row], rows.csr.indptr[row + 1])
        made[row, rows.csr.indices[held]] = rows.csr.values[held]
    return made


@pytest.mark.parametrize(
    "table", [encoded(), sparse(), sparse({0: [0, 1, 2, 5, 7]})], ids=["encoded", "bytes", "lists"]
)
def test_rows_are_those_of_the_file(reader, table):
    rows = reader(table).read(1)
    expected = np.zeros((3, 9))
    expected[0, [0, 1, 2, 6, 7]] = [1, -1, 1, 1, 1]
    expected[1, [0, 3, 5, 7]] = 1
    expected[2, [0, 1, 4, 6, 8]] = [1, 3, 1, 1, 1]
    assert np.array_equal(matrix(rows), expected)
    assert rows.label.tolist() == [1, 0, 1]
    assert rows.weight.tolist() == [1, 1, 0.5]
    assert {rows.label.dtype, rows.weight.dtype, rows.csr.values.dtype} == {np.dtype(np.float32)}


NAN, INF = float("nan"), float("inf")
BAD = {
    "a label of neither class": (
        encoded(late=["no", "maybe"] * 3),
        "label",
        1,
        "'late' holds 'maybe'",
        "one of",
    ),
    "a missing label": (
        sparse(late=["no", None, "yes", *["no"] * 3]),
        "label",
        1,
        "'late' holds None",
        "one of",
    ),
    "a weight below zero": (encoded(w=[1.0, 1, -1, 1, 1, 1]), "weight", 2, "'w' holds -1.0", "0 or more"),
    "a weight that is NaN": (sparse(w=[NAN, 1.0, 1, 1, 1, 1]), "weight", 0, "'w' holds nan", "0 or more"),
    "an infinite number": (
        encoded(x=pa.array([0, -INF, 0, 0, 0, 0], pa.float32())),
        "not_finite",
        1,
        "'x' holds -inf",
        "encode stage",
    ),
    "a slot beyond its column": (
        encoded(slot=pa.array([0, 0, 3, 0, 0, 0], pa.int8())),
        "outside",
        2,
        "'slot' holds 3",
        "0 … 2",
    ),
    "a slot below zero": (
        encoded(slot=pa.array([0, -1, 0, 0, 0, 0], pa.int8())),
        "outside",
        1,
        "'slot' holds -1",
        "0 … 2",
    ),
    "a missing slot": (
        encoded(slot=pa.array([0, None, 0, 0, 0, 0], pa.int8())),
        "outside",
        1,
        "'slot' holds None",
        "0 … 2",
    ),
    "a leaf beyond the trees": (
        encoded(leaves=[[0, 1], [1, 4], *[[0, 2]] * 4]),
        "outside",
        1,
        r"\[1, 4\]",
        "0 … 3",
    ),
    "too few leaves": (
        encoded(leaves=[[0, 1, 2], [1, 3], *[[0, 2]] * 4]),
        "malformed",
        0,
        r"\[0, 1, 2\]",
        "2 leaves",
    ),
    "no leaves": (encoded(leaves=[None, *[[0, 2]] * 5]), "malformed", 0, "holds None", "2 leaves"),
    "a leaf twice": (
        encoded(leaves=[[0, 1], [2, 2], *[[0, 2]] * 4]),
        "order",
        1,
        "the feature 7 a second time",
        "once",
    ),
    "leaves that descend": (
        encoded(leaves=[[0, 1], [3, 2], *[[0, 2]] * 4]),
        "order",
        1,
        "7 after a larger",
        "ascend",
    ),
    "a feature beyond the dimension": (
        sparse({1: [0, 3, 6, 9]}),
        "outside",
        1,
        "feature 9 outside 0 … 8",
        "encoded",
    ),
    "a feature below zero": (
        sparse({2: [-1, 1, 4, 5, 8]}),
        "outside",
        2,
        "feature -1 outside 0 … 8",
        "encoded",
    ),
    "a feature twice": (sparse({1: [0, 3, 3, 8]}), "order", 1, "the feature 3 a second time", "once"),
    "features that do not ascend": (
        sparse({1: [0, 6, 3, 8]}),
        "order",
        1,
        "feature 3 after a larger",
        "ascending",
    ),
    "a value that is NaN": (
        sparse(values={2: [1, NAN, 1, 1, 1]}),
        "not_finite",
        2,
        "the value nan",
        "finite",
    ),
    "an infinite value": (sparse(values={0: [1, INF, 1, 1, 1]}), "not_finite", 0, "the value inf", "finite"),
    "a missing value": (
        sparse(values={0: [1, None, 1, 1, 1]}),
        "malformed",
        0,
        "'values' holds",
        "SparseRows",
    ),
    "too few values": (sparse(values={1: [1, 1]}), "malformed", 1, "4 indices and 2 values", "each feature"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_refused_by_name(reader, name):
    table, _, row, found, remedy = BAD[name]
    with pytest.raises(
        InvalidInputError, match=f"row group 0, row {row}: .*{found}.*{remedy}.*skip"
    ) as caught:
        reader(table).read(0)
    assert "rows.parquet" in caught.value.where


@pytest.mark.parametrize("name", BAD)
def test_or_it_is_skipped_and_counted(reader, name):
    table, reason, row, *_ = BAD[name]
    tolerant = reader(table, bad_rows="skip")
    rows = tolerant.read(0)
    assert rows.csr.indptr[row] == rows.csr.indptr[row + 1], "it touches no feature"
    assert rows.weight[row] == rows.label[row] == 0
    others = [at for at in range(GROUP) if at != row]
    whole = reader(encoded(late=table["late"], w=table["w"]), bad_rows="skip").read(0)
    assert rows.label[others].tolist() == whole.label[others].tolist()
    assert [rows.csr.indptr[at + 1] > rows.csr.indptr[at] for at in others] == [True] * 2
    tolerant.read(1)
    assert tolerant.skipped[0] == {reason: 1}


SLOTS = Layout.of([Feature("a", "slot", 3), Feature("b", "slot", 5)])
LEAVES = Layout.of([Feature("a", "slot", 3), Feature("leaves", "leaves", 4, 2)])


def packed(rows: list[int | None], width: int = 8, **changed: Any) -> pa.Table:
    """Packed rows: the first column in the lowest two bits, and what follows above."""
    column = [None if row is None else row.to_bytes(width, "little") for row in rows]
    return (
        encoded(**changed).select(["late", "w"]).append_column("packed", pa.array(column, pa.binary(width)))
    )


@pytest.mark.parametrize(
    ("layout", "rows", "features"),
    [
        (SLOTS, [0, 1 | 1 << 2, 2 | 4 << 2], [0, 1, 4, 0, 2, 5, 0, 3, 8]),
        (LEAVES, [1 << 4, 1 | 1 << 2 | 3 << 4, 2 | 2 << 4], [0, 1, 4, 5, 0, 2, 5, 7, 0, 3, 4, 6]),
    ],
)
def test_packed_rows_are_unpacked(reader, layout, rows, features):
    found = reader(packed(rows * 2), layout=layout).read(1)
    assert found.csr.indptr.tolist() == [0, layout.width, 2 * layout.width, 3 * layout.width]
    assert found.csr.indices.tolist() == features
    assert found.csr.values.tolist() == [1.0] * len(features)
    assert found.label.tolist() == [1, 0, 1]


PACKED_BAD = {
    "a slot beyond its column": (SLOTS, packed([0, 3, *[0] * 4]), "outside", 1, "feature -1 outside 0 … 8"),
    "of another column's features": (SLOTS, packed([0, 0, 7 << 2, *[0] * 3]), "outside", 2, "feature -1"),
    "leaves that descend": (
        LEAVES,
        packed([1 << 4, 2 << 2 | 1 << 4, *[1 << 4] * 4]),
        "order",
        1,
        "after a larger",
    ),
    "a leaf twice": (LEAVES, packed([0, *[1 << 4] * 5]), "order", 0, "the feature 4 a second time"),
    "a missing row": (SLOTS, packed([0, 0, None, *[0] * 3]), "malformed", 2, "'packed' holds None"),
}


@pytest.mark.parametrize("name", PACKED_BAD)
def test_a_bad_packed_row_is_refused_or_skipped(reader, name):
    layout, table, reason, row, found = PACKED_BAD[name]
    with pytest.raises(InvalidInputError, match=f"row group 0, row {row}: .*{found}"):
        reader(table, layout=layout).read(0)
    tolerant = reader(table, layout=layout, bad_rows="skip")
    sizes = np.diff(tolerant.read(0).csr.indptr).tolist()
    assert sizes == [0 if at == row else layout.width for at in range(GROUP)]
    assert tolerant.skipped[0] == {reason: 1}


def test_rows_packed_for_another_layout_are_refused(reader):
    table = packed([0] * 6, width=9)
    with pytest.raises(InvalidInputError, match=r"row group 0, row 0: .*'packed' holds.*SparseRows"):
        reader(table, layout=SLOTS).read(0)
    assert len(reader(table, layout=SLOTS, bad_rows="skip").read(0).csr.indices) == 0


def test_a_row_that_is_bad_in_two_ways_counts_once(reader):
    table = sparse({1: [0, 3, 3, 8]}, late=["no", "never", "yes", *["no"] * 3], w=[1.0, -1, -1, 1, 1, 1])
    tolerant = reader(table, bad_rows="skip")
    assert tolerant.read(0).weight.tolist() == [1, 0, 0]
    assert tolerant.skipped == {0: {"label": 1, "weight": 1}}


def test_numbers_and_many_classes_as_labels(reader):
    counts = encoded(late=pa.array([0, 3, 1, 2, 0, 7]))
    assert reader(counts, labels=None, lowest=0.0).read(1).label.tolist() == [2, 0, 7]
    assert reader(counts, labels=[0, 1, 2, 3, 7]).read(1).label.tolist() == [2, 0, 4]
    with pytest.raises(InvalidInputError, match=r"row 1: column 'late' holds -3.*0 or more"):
        reader(encoded(late=[0.0, -3.0, 1, 2, 0, 7]), labels=None, lowest=0.0).read(0)
    with pytest.raises(InvalidInputError, match=r"row 1: column 'late' holds nan.*a finite number"):
        reader(encoded(late=[0.0, NAN, 1, 2, 0, 7]), labels=None).read(0)
    with pytest.raises(InvalidInputError, match="row group 1, row 2: column 'late' holds 7"):
        reader(counts, labels=[0, 1, 2, 3]).read(1)


@pytest.mark.parametrize(
    "spoil", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"x" * 99]
)
def test_a_file_that_cannot_be_read(reader, tmp_path, spoil):
    made, path = reader(encoded()), tmp_path / "rows.parquet"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(CorruptArtifactError, match=r"rows\.parquet, row group 1: it cannot be read"):
        made.read(1)


def test_a_page_that_cannot_be_decoded(reader, tmp_path):
    made, path = reader(sparse()), tmp_path / "rows.parquet"
    data = bytearray(path.read_bytes())
    data[8:200] = b"\xff" * 192
    path.write_bytes(data)
    with pytest.raises(CorruptArtifactError, match="row group 0: it cannot be read"):
        made.read(0)


def test_a_page_that_is_not_what_was_written(reader, tmp_path):
    made, path = reader(sparse()), tmp_path / "rows.parquet"
    pq.write_table(sparse(), path, GROUP, compression="none", use_dictionary=False, write_page_checksum=True)
    data, weights = path.read_bytes(), np.array([1, 1, 0.5])
    assert data.count(weights.tobytes()) == 1
    path.write_bytes(data.replace(weights.tobytes(), (2 * weights).tobytes()))
    assert made.read(0).weight.tolist() == [1, 2, 0]
    with pytest.raises(CorruptArtifactError, match=r"row group 1: it cannot be read.*CRC"):
        made.read(1)


def test_any_store_will_do():
    import fsspec

    store = Store("memory://rows-test")
    with fsspec.open("memory://rows-test/rows.parquet", "wb") as file:
        pq.write_table(sparse(), file, row_group_size=GROUP)
    columns = Columns(LAYOUT, "late", ["no", "yes"], None, sparse=True)
    made = RowReader(store, columns, [RowGroup(store.uri("rows.parquet"), at, GROUP) for at in (0, 1)])
    made.expect([0, 1])
    assert [made.read(at).csr.indices.tolist()[:3] for at in (0, 1)] == [[0, 1, 2], [0, 1, 2]]
    assert made.read(0).weight.tolist() == [1, 1, 1]
