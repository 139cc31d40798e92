"""Columns of a dataset as the feature vectors of Spark ML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict

from stagecraft.errors import InvalidInputError
from stagecraft.stages.quoting import quoted
from stagecraft.transforms.layout import Block, Feature, Layout
from stagecraft.transforms.types import check_numeric

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.engines.contract import Engine
    from stagecraft.engines.spark import Rows

CATEGORIES = 4096
"""The most values that a tree takes in one column."""
LARGEST = 3.4e38
"""Features are float32."""
FEATURES = "features"


class Features(BaseModel):
    """The columns that a Spark model reads, in their order.

    Numbers are float32. A slot is one-hot, and leaves are, as on the parameter server; or a category, for
    trees, which split categories as they are (Fisher's ordering by mean response).

    :param layout: how columns become features; its bias is left out, since Spark has its own
    :param categories: whether slots are categories
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Layout
    categories: bool = False

    @classmethod
    def of(
        cls,
        where: str,
        dataset: Dataset,
        encoded: Layout | None,
        names: list[str] | None,
        *,
        categories: bool = False,
    ) -> Self:
        """Lay out the columns ``names``, or all encoded ones.

        :param where: the stage and field that ask, for the message
        :param encoded: how the dataset's encoded columns become features, or None where it has none
        :raises InvalidInputError: a column is unknown or no feature, or there are too many features
        """
        known = {} if encoded is None else {b.column: _feature(b) for b in encoded.blocks}
        if names is None and not known:
            raise InvalidInputError(
                where,
                "the rows are not encoded, so nothing says which columns are features",
                'features=["…"] of numeric columns, or the dataset of an encode stage',
            )
        if dataset.is_sparse:
            raise InvalidInputError(
                where,
                "the rows are sparse lists",
                "the dataset of the encode stage, which Spark makes sparse",
            )
        chosen = list(known) if names is None else names
        dataset.require(where, *chosen)
        features = []
        for name in chosen:
            if name not in known:
                check_numeric(f"{where}.{name}", dataset.columns[name])
            feature = known.get(name, Feature(name))
            if categories:
                _check_category(f"{where}.{name}", feature, dataset.rows)
            features.append(feature)
        layout = Layout.of(features)
        layout.check_held(where, "Hash() of fewer bits in the encode stage, or features=[…] without it")
        return cls(layout=layout, categories=categories)

    @property
    def columns(self) -> list[str]:
        return self.layout.columns

    @property
    def largest_category(self) -> int:
        """The most values of a category, 0 where there is none."""
        sizes = [block.size for block in self.layout.blocks if block.kind == "slot"]
        return max(sizes) if self.categories and sizes else 0

    def check(self, stage: str, engine: Engine, rows: Rows, names: list[str] | None = None) -> None:
        """Refuse missing and infinite values, which Spark ML cannot take. One query.

        :param names: the columns' names in ``rows``, where they have others
        :raises InvalidInputError: names the column, and how many of its values are none
        """
        conditions = {}
        for block, column in zip(self.layout.blocks, names or self.columns, strict=True):
            name = quoted(column)
            conditions[block.column] = f"{name} IS NULL"
            if block.kind == "numeric":
                number = f"CAST({name} AS DOUBLE)"
                conditions[block.column] += f" OR isnan({number}) OR abs({number}) > {LARGEST}"
        check_none(engine, rows, conditions, f"{stage}.features", "Fill() for it in the encode stage")

    def vectors(self, frame: Any, kept: int) -> Any:
        """The frame's first ``kept`` columns, and the others, which are this layout's, as ``features``."""
        from pyspark.ml.linalg import VectorUDT
        from pyspark.sql import functions as F
        from pyspark.sql.types import StructField, StructType

        schema = StructType([*frame.schema.fields[:kept], StructField(FEATURES, VectorUDT(), nullable=False)])
        made = frame.mapInArrow(_vectorized(self, kept), schema)
        if not self.categories:
            return made
        return made.withColumn(FEATURES, F.col(FEATURES).alias(FEATURES, metadata=self._attributes()))

    def arrays(self, batch: pa.RecordBatch) -> pa.StructArray:
        """The vectors of encoded rows, in the form that Spark's vectors have in memory."""
        import numpy as np
        import pyarrow as pa

        rows, blocks = batch.num_rows, self.layout.blocks
        dense = self.categories or all(block.kind == "numeric" for block in blocks)
        if dense:
            columns = [np.asarray(batch.column(b.column).to_numpy(zero_copy_only=False)) for b in blocks]
            values = np.column_stack(columns).astype(np.float32) if rows else np.empty((0, len(blocks)))
            starts = np.arange(rows + 1) * len(blocks)
            indices = pa.nulls(rows, pa.list_(pa.int32()))
        else:
            starts, numbers, values = self.layout.csr(batch)
            stored = (numbers != 0) & (values != 0)  # Spark's factorization machine fails on a stored zero.
            starts = np.concatenate([[0], np.cumsum(stored)])[starts]
            values = values[stored]
            indices = _lists(starts, numbers[stored] - 1, pa.int32())
        size = None if dense else self.layout.dimension - 1
        return pa.StructArray.from_arrays(
            [
                pa.array(np.full(rows, int(dense), dtype=np.int8)),
                pa.array([size] * rows, pa.int32()),
                indices,
                _lists(starts, values.reshape(-1), pa.float64()),
            ],
            names=["type", "size", "indices", "values"],
        )

    def _attributes(self) -> dict[str, Any]:
        """What tells Spark's trees which features are categories, and of how many values."""
        blocks = list(enumerate(self.layout.blocks))
        nominal = [{"idx": i, "num_vals": b.size, "name": f"f{i}"} for i, b in blocks if b.kind == "slot"]
        numeric = [{"idx": i, "name": f"f{i}"} for i, b in blocks if b.kind == "numeric"]
        kinds = {"nominal": nominal, "numeric": numeric}
        return {
            "ml_attr": {
                "attrs": {kind: entries for kind, entries in kinds.items() if entries},
                "num_attrs": len(blocks),
            }
        }


def check_none(engine: Engine, rows: Rows, conditions: dict[str, str], where: str, remedy: str) -> None:
    """Refuse columns of which a value is missing or no number, in one query.

    :param conditions: column → SQL that holds where its value is refused
    :raises InvalidInputError: names the first such column
    """
    counts = [f"count(CASE WHEN {sql} THEN 1 END) AS c{i}" for i, sql in enumerate(conditions.values())]
    found = engine.collect(engine.sql(f"SELECT {', '.join(counts)} FROM rows", rows=rows)).to_pylist()[0]
    for column, count in zip(conditions, found.values(), strict=True):
        if count:
            raise InvalidInputError(
                f"{where}.{column}", f"{count} values are missing or infinite (NULL, NaN, inf)", remedy
            )


def _feature(block: Block) -> Feature:
    return Feature(block.column, block.kind, block.size, block.width)


def _check_category(where: str, feature: Feature, rows: int) -> None:
    """Refuse what trees cannot take as one column."""
    if feature.kind not in ("numeric", "slot"):
        raise InvalidInputError(
            where, "leaves are no single column for a tree to split", "features=[…] without it"
        )
    if feature.kind == "slot" and feature.size > CATEGORIES:
        raise InvalidInputError(
            where,
            f"{feature.size} slots, more than the {CATEGORIES} that trees take as categories",
            "Index(top=…) or Hash(bits=12) for it in the encode stage, or features=[…] without it",
        )
    if feature.kind == "slot" and feature.size > rows:
        raise InvalidInputError(
            where, f"{feature.size} slots and {rows} rows", "more rows than slots, or Index(top=…)"
        )


def _lists(starts: Any, values: Any, kind: pa.DataType) -> pa.ListArray:
    import numpy as np
    import pyarrow as pa

    return pa.ListArray.from_arrays(pa.array(np.asarray(starts, np.int32)), pa.array(values).cast(kind))


def _vectorized(features: Features, kept: int) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """What Spark's Python workers run."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            inputs = pa.RecordBatch.from_arrays(batch.columns[kept:], names=features.columns)
            yield pa.RecordBatch.from_arrays(
                [*batch.columns[:kept], features.arrays(inputs)],
                names=[*batch.schema.names[:kept], FEATURES],
            )

    return run
