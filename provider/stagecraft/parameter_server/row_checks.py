"""Which rows cannot be trained on, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa  # noqa: TID253
import pyarrow.compute as pc  # noqa: TID253
import pyarrow.types as is_  # noqa: TID253

from stagecraft.parameter_server.kernels.compiled import frozen
from stagecraft.parameter_server.kernels.soundness import (
    NOT_FINITE,
    OUTSIDE,
    TWICE,
    UNSORTED,
    classify,
    is_sound,
)
from stagecraft.transforms.arrays import to_numpy
from stagecraft.transforms.packed import Packing
from stagecraft.transforms.sparse import INDICES, PACKED, VALUES

if TYPE_CHECKING:
    from stagecraft.parameter_server.rows import Columns
    from stagecraft.transforms.layout import CSR, Block, Layout

AS_WRITTEN = "what the stage SparseRows writes"


class Fault(NamedTuple):
    """Rows that are refused for one reason.

    :param reason: in a word, under which skipped rows are counted: ``label``, ``weight``, ``outside`` (a
        feature beyond the dimension), ``order`` (unsorted or twice), ``not_finite``, ``malformed``
    :param refused: bool, one a row of the row group
    :param found: what the first of them holds
    :param remedy: what would do
    """

    reason: str
    refused: np.ndarray
    found: str
    remedy: str


def column_faults(table: pa.Table, columns: Columns, label: np.ndarray) -> Iterator[Fault]:
    """Yield what is wrong with labels and weights, and with features before they are laid out.

    :param label: as :func:`label_numbers` returns it
    """
    yield from _label_faults(table[columns.label], columns, label)
    if columns.weight is not None:
        weight = numbers(table[columns.weight])
        refused = ~(np.isfinite(weight) & (weight >= 0))
        yield from _fault("weight", refused, table, columns.weight, "a finite weight of 0 or more")
    if columns.sparse:
        if PACKED in table.column_names:
            yield from _packed_faults(table, columns.layout)
        else:
            yield from _sparse_faults(table, np.dtype(columns.layout.index_type).itemsize)
        return
    for block in columns.layout.blocks:
        yield from _block_faults(table, block)


def csr_faults(csr: CSR, dimension: int, *, ones: bool) -> Iterator[Fault]:
    """Yield what is wrong with sparse rows: one pass over them where nothing is.

    :param ones: whether all values are 1 and need no look
    """
    arrays = tuple(map(frozen, (csr.indptr, csr.indices, csr.values[:0] if ones else csr.values)))
    if is_sound(*arrays, dimension):
        return
    codes, places = classify(*arrays, dimension)
    for code, reason, what, remedy in (
        (OUTSIDE, "outside", f"outside 0 … {dimension - 1}", "rows of the model that encoded them"),
        (TWICE, "order", "a second time", "each feature once in a row"),
        (UNSORTED, "order", "after a larger one", "each row's features in ascending order"),
        (NOT_FINITE, "not_finite", "", "finite values: an encode stage that fills missing ones"),
    ):
        refused = codes == code
        if refused.any():
            at = places[np.argmax(refused)]
            held = f"the value {csr.values[at]}" if code == NOT_FINITE else f"the feature {csr.indices[at]}"
            yield Fault(reason, refused, f"it holds {held} {what}".rstrip(), remedy)


def label_numbers(column: pa.ChunkedArray, columns: Columns) -> np.ndarray:
    """Return labels as they are trained on, float32; NaN where one is missing or unknown."""
    return numbers(column) if columns.labels is None else _class_numbers(column, columns.labels)


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return a numeric column as float32, NaN where a value is missing."""
    return np.asarray(to_numpy(column.cast(pa.float32(), safe=False)), dtype=np.float32)


def _class_numbers(column: pa.ChunkedArray, classes: list[Any]) -> np.ndarray:
    """Return the place of each label among the classes, float32; NaN where it is none of them."""
    kind = column.type
    if len(classes) > 2:
        return numbers(pc.index_in(column, pa.array(classes, kind)))
    if is_.is_integer(kind) and not column.null_count:
        values = to_numpy(column)
        known = [values == value for value in classes]
    else:
        known = [pc.equal(column, pa.scalar(value, kind)).fill_null(False).to_numpy() for value in classes]
    made: np.ndarray = known[1].astype(np.float32)
    made[~(known[0] | known[1])] = np.nan
    return made


def _label_faults(column: pa.ChunkedArray, columns: Columns, label: np.ndarray) -> Iterator[Fault]:
    classes = columns.labels
    refused = ~np.isfinite(label)
    remedy = f"one of {classes[:5]!r}" if classes is not None else "a finite number"
    if columns.lowest is not None:
        refused |= label < columns.lowest
        remedy = f"a finite number of {columns.lowest:g} or more"
    if refused.any():
        yield from _fault("label", refused, pa.table({columns.label: column}), columns.label, remedy)


def _packed_faults(table: pa.Table, layout: Layout) -> Iterator[Fault]:
    """What would keep bytes from being the layout's rows."""
    column = table[PACKED]
    if column.type != pa.binary(Packing.of(layout).width):
        yield from _fault("malformed", np.ones(len(column), dtype=bool), table, PACKED, AS_WRITTEN)
    elif column.null_count:
        yield from _fault("malformed", _array(column.is_null()), table, PACKED, AS_WRITTEN)


def _sparse_faults(table: pa.Table, index_bytes: int) -> Iterator[Fault]:
    """What would keep Arrow's memory from being a CSR matrix."""
    sizes = []
    words = {INDICES: index_bytes, VALUES: np.dtype(np.float32).itemsize}
    for name in [name for name in words if name in table.column_names]:
        column, word = table[name], words[name]
        if is_.is_list(column.type):
            size = pc.list_value_length(column)
            missing = _holds_null(column)
        elif is_.is_fixed_size_binary(column.type):
            size, missing = pa.repeat(column.type.byte_width // word, len(column)), column.is_null()
        else:
            length = pc.binary_length(column)
            size = pc.divide(length, word)
            missing = pc.not_equal(pc.multiply(size, word), length)
        if column.null_count:
            missing = pc.or_(missing.fill_null(True), column.is_null())
        yield from _fault("malformed", _array(missing), table, name, AS_WRITTEN)
        sizes.append(_array(size))
    if len(sizes) == 2 and (sizes[0] != sizes[1]).any():
        refused = sizes[0] != sizes[1]
        at = int(np.argmax(refused))
        found = f"there are {sizes[0][at]} {INDICES} and {sizes[1][at]} {VALUES}"
        yield Fault("malformed", refused, found, "a value for each feature")


def _holds_null(column: pa.ChunkedArray) -> pa.Array:
    """Return whether each list has a missing element."""
    array = column.combine_chunks()
    held = np.zeros(len(array), dtype=bool)
    if array.flatten().null_count:
        held[array.value_parent_indices().filter(array.flatten().is_null()).to_numpy()] = True
    return pa.array(held)


def _block_faults(table: pa.Table, block: Block) -> Iterator[Fault]:
    """What is wrong with an encoded column. A missing number is none: it counts as 0, as in the server."""
    column = table[block.column]
    if block.kind == "numeric":
        remedy = "numbers as an encode stage makes them"
        yield from _fault("not_finite", np.isinf(numbers(column)), table, block.column, remedy)
        return
    remedy = f"whole numbers 0 … {block.size - 1}, of the model that encoded the rows"
    if block.kind == "slot":
        bounds = pc.min_max(column)
        if not column.null_count and _within(bounds, block.size):
            return
        slots = np.asarray(column.fill_null(-1).to_numpy())
        yield from _fault("outside", (slots < 0) | (slots >= block.size), table, block.column, remedy)
        return
    sizes = pc.fill_null(pc.list_value_length(column), -1).to_numpy()
    refused = (sizes != block.width) | _array(_holds_null(column))
    yield from _fault("malformed", refused, table, block.column, f"{block.width} leaves in each row")
    leaves = column.combine_chunks()
    if not _within(pc.min_max(leaves.flatten()), block.size):
        entries = leaves.flatten().fill_null(0).to_numpy()
        outside = (entries < 0) | (entries >= block.size)
        refused = np.zeros(len(column), dtype=bool)
        refused[leaves.value_parent_indices().to_numpy()[outside]] = True
        yield from _fault("outside", refused, table, block.column, remedy)


def _array(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return np.asarray(
        column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(zero_copy_only=False)
    )


def _within(bounds: pa.StructScalar, size: int) -> bool:
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    return low is None or bool(low >= 0 and high < size)


def _fault(reason: str, refused: np.ndarray, table: pa.Table, column: str, remedy: str) -> Iterator[Fault]:
    """Yield a fault where a row is refused."""
    if refused.any():
        found = table[column][int(np.argmax(refused))].as_py()
        yield Fault(reason, refused, f"column {column!r} holds {found!r:.60}", remedy)
