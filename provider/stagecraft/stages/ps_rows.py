"""What is looked at of the training rows before anything heavy starts: labels and weights, file by file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError
from stagecraft.stages.labels import MAX_CLASSES, numeric_label, row_weights
from stagecraft.stages.ps_model import loss_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.stages.ps_train import PSTrain
    from stagecraft.transforms.layout import Layout


def check_rows(stage: PSTrain, dataset: Dataset, layout: Layout) -> list[Any] | None:
    """Refuse bad labels and weights, unless bad rows are skipped; return the labels, or None for numbers.

    :raises InvalidInputError: a column is missing, there are no rows, or a label or weight is refused
    :raises CorruptArtifactError: a file is missing or not of its size; what it holds is checked page by page,
        as it is read
    """
    dataset.require("ps_train.label", stage.label)
    dataset.require("ps_train.dataset", *([] if dataset.is_sparse else layout.columns))
    if not dataset.rows:
        raise InvalidInputError("ps_train.dataset", "it has no rows", "a dataset with rows")
    if stage.weight is not None:
        dataset.require("ps_train.weight", stage.weight)
    dataset.verify_sizes()
    if stage.weight is not None and stage.bad_rows == "refuse":
        _check_weights(dataset, stage.weight)
    loss, where = loss_of(stage.model), "ps_train.label"
    if loss in ("logistic", "softmax"):
        return _classes(stage, dataset, most=2 if loss == "logistic" else MAX_CLASSES)
    for first, label in _column(dataset, stage.label):
        if stage.bad_rows == "refuse":
            numeric_label(where, label, low=0.0 if loss == "poisson" else None, first=first)
        else:
            numeric_label(where, label.slice(0, 0))
    return None


def _check_weights(dataset: Dataset, column: str) -> None:
    where, some = "ps_train.weight", False
    for first, weights in _column(dataset, column):
        some |= bool(row_weights(where, weights, first=first).any())
    if not some:
        raise InvalidInputError(where, "every weight is 0", "weights above 0")


def _classes(stage: PSTrain, dataset: Dataset, most: int) -> list[Any]:
    """Return the label's values as they sort."""
    where, found, missing = "ps_train.label", set[Any](), 0
    for values, lacking in _values(dataset, stage.label):
        found |= values
        missing += lacking
    if missing and stage.bad_rows == "refuse":
        raise InvalidInputError(
            where, f"{missing} of {dataset.rows} labels are missing", "drop those rows in the query"
        )
    if not 2 <= len(found) <= most:
        shown = ", ".join(map(repr, sorted(found)[:5]))
        wanted = "SoftmaxRegression(), or a label with two classes" if most == 2 else f"2 … {most} classes"
        raise InvalidInputError(where, f"the label has {len(found)} class(es): {shown}", wanted)
    return sorted(found)


def _values(dataset: Dataset, column: str) -> Iterator[tuple[set[Any], int]]:
    """Yield the distinct values of each row group, and how many are missing."""
    import pyarrow.parquet as pq

    for uri in dataset.files:
        with dataset.store.arrow_filesystem.open_input_file(dataset.store.strip(uri)) as source:
            file = pq.ParquetFile(source)
            names = [file.schema.column(place).path for place in range(len(file.schema))]
            for number in range(file.num_row_groups):
                group = file.metadata.row_group(number)
                known = column in names and _bounds(group.column(names.index(column)))
                yield known or _found(file.read_row_group(number, columns=[column]).column(0))


def _bounds(column: pq.ColumnChunkMetaData) -> tuple[set[Any], int] | None:
    """Return the values that a row group's bounds tell of: those of whole numbers of which no two are apart.

    Training looks at each label all the same, as it reads it.
    """
    bounds = column.statistics if column.is_stats_set else None
    if bounds is None or not bounds.has_min_max or not bounds.has_null_count or bounds.null_count:
        return None
    low, high = bounds.min, bounds.max
    return ({low, high}, 0) if isinstance(low, int) and high - low <= 1 else None


def _found(label: pa.ChunkedArray) -> tuple[set[Any], int]:
    import pyarrow.compute as pc

    missing = pc.sum(pc.is_null(label, nan_is_null=True)).as_py() or 0
    return {value for value in pc.unique(label).to_pylist() if value is not None and value == value}, missing


def _column(dataset: Dataset, column: str) -> Iterator[tuple[int, pa.Array]]:
    """Yield a column in pieces, each with the number of its first row in the dataset."""
    import pyarrow.parquet as pq

    first = 0
    for uri in dataset.files:
        with dataset.store.arrow_filesystem.open_input_file(dataset.store.strip(uri)) as source:
            for batch in pq.ParquetFile(source).iter_batches(columns=[column]):
                yield first, batch.column(0)
                first += batch.num_rows
