"""The chain and the leaves on DuckDB and on Spark: every row compared."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from wide_rows import commit_rows

from stagecraft.artifacts.artifact import Artifact
from stagecraft.artifacts.store import Store
from stagecraft.engines.choose import open_engine
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill, Hash, Index, Standardize
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.sample import StratifiedSample
from stagecraft.tracking.writer import Tracker

KEY = "row_key"


def mismatches(rows: pa.Table, numeric: Sequence[str], categorical: Sequence[str], label: str) -> int:
    """Run sample → encode → leaves on both engines; return the number of rows and words that differ."""
    rows = rows.append_column(KEY, pa.array(np.arange(rows.num_rows)))
    stages = [
        StratifiedSample(strata=label, key=KEY, fraction=0.3),
        EncodeColumns(
            columns={
                tuple(numeric): Fill("median") | Standardize(),
                tuple(categorical[::2]): Index(),
                tuple(categorical[1::2]): Hash(bits=14),
            }
        ),
        GBDTEncode(label=label, boosting={"rounds": 10, "depth": 5}),
    ]
    found: dict[str, list[Artifact]] = {}
    with tempfile.TemporaryDirectory() as folder:
        source = commit_rows(Store(f"{folder}/source"), "source", rows)
        for engine in ("duckdb", "spark"):
            found[engine] = _run(engine, stages, source, Store(f"{folder}/{engine}"))
        sampled, encoded, _ = zip(found["duckdb"], found["spark"], strict=True)
        vocabularies = [bench["model"].chain.transforms[0].model_dump() for bench in encoded]
        return (
            _differing(*(made["dataset"].table() for made in sampled))
            + _differing(*(made["dataset"].table() for made in encoded))
            + (vocabularies[0] != vocabularies[1])
            + _leaves_differing(found)
        )


def _run(engine: str, stages: Sequence[Stage], source: Artifact, store: Store) -> list[dict[str, Artifact]]:
    made, dataset = [], source
    with open_engine(engine) as opened:
        bench = Workbench(opened, store, Tracker.nowhere())
        for stage in stages:
            made.append(stage.run(bench, dataset=dataset))
            dataset = made[-1]["dataset"]
    return made


def _differing(left: pa.Table, right: pa.Table) -> int:
    """Rows, by their key, that are not equal in every column."""
    left, right = (table.sort_by(KEY) for table in (left, right))
    if left.num_rows != right.num_rows or left.schema.names != right.schema.names:
        return max(left.num_rows, right.num_rows)
    same = np.ones(left.num_rows, dtype=bool)
    for name in left.schema.names:
        same &= _equal(left[name], right[name])
    return int((~same).sum())


def _equal(left: pa.ChunkedArray, right: pa.ChunkedArray) -> np.ndarray:
    """Whether values are the same; NULL and NULL, NaN and NaN are."""
    both_null = pc.and_(pc.is_null(left), pc.is_null(right))
    equal = pc.fill_null(pc.equal(left, right), False)
    if pa.types.is_floating(left.type):
        nan = pc.and_(pc.fill_null(pc.is_nan(left), False), pc.fill_null(pc.is_nan(right), False))
        equal = pc.or_(equal, nan)
    return np.asarray(pc.or_(equal, both_null))


def _leaves_differing(found: dict[str, list[dict[str, Artifact]]]) -> int:
    """The leaves that DuckDB's trees give to both engines' encoded rows, compared by key.

    Trees depend on the order of rows by the last bit of a sum, so each engine's own would be other trees.
    """
    leaf_encode = found["duckdb"][2]["model"].chain.transforms[-1]
    encoded = [found[engine][1]["dataset"].table().sort_by(KEY).combine_chunks() for engine in found]
    left, right = (
        leaf_encode.apply(table.to_batches()[0]).column(leaf_encode.output).flatten() for table in encoded
    )
    spark = found["spark"][2]["dataset"]
    assert spark.rows == encoded[0].num_rows
    return int(pc.sum(pc.cast(pc.not_equal(left, right), "int64")).as_py() or 0)


def kdd99(folder: Path) -> tuple[pa.Table, list[str], list[str], str]:
    """Return the KDD cup's training rows, their numeric and categorical columns, and the label's name.

    The label is whether a connection is an attack.
    """
    rows = pq.read_table(folder / "train.parquet")
    attack = pc.cast(pc.not_equal(rows["label"], "normal"), "int32")
    rows = rows.drop_columns(["label"])
    categorical = [name for name in rows.schema.names if pa.types.is_string(rows.schema.field(name).type)]
    numeric = [name for name in rows.schema.names if name not in categorical]
    return rows.append_column("attack", attack), numeric, categorical, "attack"
