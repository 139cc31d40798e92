"""Anomalies, found by an isolation forest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.hashing import stable_hash
from stagecraft.stages.keyed import HASHES, ColumnNames
from stagecraft.stages.quoting import quoted
from stagecraft.stages.raw_rows import GOLDEN_ROWS, REFERENCE_ROWS, RawRows
from stagecraft.transforms.predictor import SCORE
from stagecraft.transforms.scored import PREDICTION
from stagecraft.transforms.types import check_numeric

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Engine, Relation
    from stagecraft.transforms.isolation_forest import IsolationForest as FittedForest

POOL = 1 << 18
"""The trees draw their samples from at most so many rows."""

LABELS = [False, True]


class IsolationForest(Stage):
    """Finds anomalies without labels: rows that few random cuts set apart from the others.

    The output ``dataset`` has the rows with ``score`` (double in (0, 1), higher is more anomalous) and
    ``prediction`` (boolean: anomalous). The ``model`` gives both to any raw rows, in batch and in a server;
    where the rows are encoded, it encodes too.

    The trees draw from the rows whose key has the smallest hash, ``trees`` × ``sample_size`` of them (2^18 at
    most), so neither order, partitions nor engine matter. A missing value takes at each cut the side that
    more of the tree's rows took; infinities are cut off first.

    Source: Liu, Ting, Zhou, Isolation Forest, ICDM 2008.

    :param key: the columns that name a row: integers, strings or dates
    :param columns: numbers and booleans to look at; of encoded rows, the encoded columns where None
    :param trees: number of trees
    :param sample_size: rows that a tree is grown from
    :param contamination: the part of the rows that is anomalous: the threshold is that quantile of their
        scores; 0.5, which parts shorter from longer paths than average, where None
    :param seed: decides the samples and the cuts

    >>> IsolationForest(key="id", columns=["amount", "age"]).sample_size
    256
    """

    name: ClassVar[str] = "isolation_forest"
    inputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET, "model": Kind.MODEL}

    key: ColumnNames
    columns: list[str] | None = Field(default=None, min_length=1)
    trees: int = Field(default=100, ge=1, le=10_000)
    sample_size: int = Field(default=256, ge=2, le=4096)
    contamination: float | None = Field(default=None, gt=0, le=0.5)
    seed: int = Field(default=0, ge=0)

    @field_validator("columns")
    @classmethod
    def _each_once(cls, columns: list[str] | None) -> list[str] | None:
        if columns and len(set(columns)) < len(columns):
            raise ValueError("each column once")
        return columns

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.transforms.chain import Chain
        from stagecraft.transforms.scored import Scored

        engine = bench.engine
        dataset: Dataset = inputs["dataset"]
        encoder = bench.store.open(dataset.model) if dataset.model else None
        assert encoder is None or isinstance(encoder, Model)
        rows = engine.scan(dataset)
        columns = self._columns(dataset, engine.schema(rows), encoder)
        pool = self._pool(engine, rows, dataset.rows, columns)
        forest = self._grow(bench, pool, columns)
        threshold = 0.5
        if self.contamination is not None:
            threshold = self._threshold(engine, rows, forest)
        scored = Scored(Chain((forest,)), tuple(dataset.columns), (False, True), threshold)
        engine.write(engine.map_batches(rows, scored), drafts["dataset"])
        meta: dict[str, Any] = {"labels": LABELS, "threshold": threshold}
        if encoder is None:
            raw = RawRows(pool.slice(0, GOLDEN_ROWS), pool.slice(0, REFERENCE_ROWS))
        else:
            raw = RawRows.kept_by(encoder)
        chain = (encoder.chain if encoder else Chain(())).then(forest)
        fill_model(drafts["model"], chain, raw.golden, reference=raw.reference, **meta)
        if encoder:
            drafts["dataset"].meta["model"] = dataset.meta["model"]

    def _columns(self, dataset: Dataset, schema: pa.Schema, encoder: Model | None) -> list[str]:
        """The columns to look at, checked."""
        where = f"{self.name}.columns"
        columns = self.columns
        if columns is None:
            if encoder is None:
                raise InvalidInputError(
                    where, "the rows are not encoded, so their columns must be named", "a list of columns"
                )
            columns = encoder.chain.layout.columns
        dataset.require(where, *columns)
        dataset.require(f"{self.name}.key", *self.key)
        for column in columns:
            check_numeric(f"{where}.{column}", str(schema.field(column).type))
        if taken := {SCORE, PREDICTION} & set(map(str.lower, dataset.columns)):
            raise InvalidInputError(
                f"{self.name}.dataset", f"it has a column {min(taken)!r} already", "another name for it"
            )
        if dataset.rows < 2:
            raise InvalidInputError(f"{self.name}.dataset", f"it has {dataset.rows} rows", "two or more")
        return columns

    def _pool(self, engine: Engine, rows: Relation, count: int, columns: list[str]) -> pa.Table:
        """The rows that trees draw from, in the order of their keys' hashes."""
        size = min(max(self.trees * self.sample_size, GOLDEN_ROWS), POOL, count)
        kinds = {field.name: str(field.type) for field in engine.schema(rows)}
        hashed = stable_hash(self.seed, {name: kinds[name] for name in self.key}, where=f"{self.name}.key")
        keys = [f"k{number}" for number in range(len(self.key))]
        selected = [f"{quoted(name)} AS {key}" for name, key in zip(self.key, keys, strict=True)]
        selected += [f"{quoted(name)} AS c{number}" for number, name in enumerate(columns)]
        named = engine.sql(f"SELECT {hashed} AS hash, {', '.join(selected)} FROM rows", rows=rows)
        wanted = min(size + 1, count)  # One more shows whether the last one's key is another's too.
        margin = 8 * math.sqrt(wanted) + 64
        for share in ((wanted + margin) / count, 1.0):  # So seldom too few that the second is never seen.
            highest = min(int(share * HASHES), HASHES - 1) - HASHES // 2
            found = engine.collect(
                engine.sql(
                    f"SELECT * FROM named WHERE hash <= {highest} ORDER BY {', '.join(['hash', *keys])} "
                    f"LIMIT {wanted}",
                    named=named,
                )
            )
            if found.num_rows == wanted:
                break
        if repeated := found.num_rows - found.group_by(keys).aggregate([]).num_rows:
            raise InvalidInputError(
                f"{self.name}.key",
                f"{repeated} rows of a sample of {found.num_rows} have the key of another one",
                "columns that name one row",
            )
        table = found.select([f"c{number}" for number in range(len(columns))]).slice(0, size)
        return table.rename_columns(columns)

    def _grow(self, bench: Workbench, pool: pa.Table, columns: list[str]) -> FittedForest:
        from stagecraft.stages.isolation import grow
        from stagecraft.transforms.isolation_forest import IsolationForest as FittedForest
        from stagecraft.transforms.leaf_encode import feature_matrix

        def on_tree(number: int) -> None:
            if number % 10 == 0 or number == self.trees:
                bench.tracker.log(number, progress=number / self.trees)

        sample_size = min(self.sample_size, pool.num_rows)
        trees = grow(
            feature_matrix(pool, columns, "float64"),
            trees=self.trees,
            sample_size=sample_size,
            seed=self.seed,
            on_tree=on_tree,
        )
        if not trees["feature"].null_count < trees.num_rows:
            raise InvalidInputError(
                f"{self.name}.columns", f"{columns} have one value each in the sample", "columns that differ"
            )
        return FittedForest.of(trees, columns, sample_size)

    def _threshold(self, engine: Engine, rows: Relation, forest: FittedForest) -> float:
        """The score that the wanted part of the rows reaches."""
        from stagecraft.stages.quantiles import exact_quantiles
        from stagecraft.transforms.chain import Chain
        from stagecraft.transforms.scored import Scored

        assert self.contamination is not None
        scores = engine.materialize(engine.map_batches(rows, Scored(Chain((forest,)), ())))
        found = exact_quantiles(engine, scores, {SCORE: (SCORE, [1 - self.contamination])})
        engine.release(scores)
        threshold = found[SCORE][0]
        assert threshold is not None  # A score is never missing.
        return threshold
