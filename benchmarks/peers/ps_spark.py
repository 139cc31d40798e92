"""Spark ML's logistic regression, at several settings: ``python ps_spark.py ROWS TARGET SETTINGS``.

ROWS is Parquet of ``label`` and ``features`` (as :func:`write_vectors` makes it), SETTINGS is JSON: pairs of
iterations and regularization. Rows are in memory before anything counts; of each fit the CPU seconds are
printed, and its coefficients (the intercept first) are written below TARGET.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cost import Cost, cost_of, in_process

from stagecraft.engines import spark_install

UDT = {
    "type": "udt",
    "class": "org.apache.spark.ml.linalg.VectorUDT",
    "pyClass": "pyspark.ml.linalg.VectorUDT",
    "sqlType": {
        "type": "struct",
        "fields": [
            {"name": "type", "type": "byte", "nullable": False, "metadata": {}},
            {"name": "size", "type": "integer", "nullable": True, "metadata": {}},
            *(
                {
                    "name": name,
                    "type": {"type": "array", "elementType": kind, "containsNull": False},
                    "nullable": True,
                    "metadata": {},
                }
                for name, kind in (("indices", "integer"), ("values", "double"))
            ),
        ],
    },
}
SCHEMA = {
    "type": "struct",
    "fields": [
        {"name": "label", "type": "double", "nullable": True, "metadata": {}},
        {"name": "features", "type": UDT, "nullable": True, "metadata": {}},
    ],
}


def write_vectors(batches: Any, dimension: int, path: Path) -> None:
    """Write rows as Spark's own vectors, without feature 0, the bias: Spark has an intercept.

    :param batches: of :class:`~stagecraft.parameter_server.rows.Rows`
    """
    kind = pa.struct(
        [
            ("type", pa.int8()),
            ("size", pa.int32()),
            ("indices", pa.list_(pa.int32())),
            ("values", pa.list_(pa.float64())),
        ]
    )
    schema = pa.schema(
        [("label", pa.float64()), ("features", kind)],
        metadata={"org.apache.spark.sql.parquet.row.metadata": json.dumps(SCHEMA)},
    )
    with pq.ParquetWriter(path, schema) as writer:
        for rows in batches:
            held = rows.csr.indices != 0
            before = np.concatenate([[0], np.cumsum(held)])
            offsets = pa.array(before[rows.csr.indptr].astype(np.int32))
            indices = pa.ListArray.from_arrays(offsets, pa.array(rows.csr.indices[held] - 1))
            values = pa.array(rows.csr.values[held].astype(np.float64))
            count = len(rows.label)
            fields = [
                pa.array(np.zeros(count, np.int8)),
                pa.array(np.full(count, dimension - 1, np.int32)),
                indices,
                pa.ListArray.from_arrays(offsets, values),
            ]
            vectors = pa.StructArray.from_arrays(fields, fields=list(kind))
            label = pa.array(rows.label.astype(np.float64))
            writer.write_table(pa.Table.from_arrays([label, vectors], schema=schema))


def fits(
    batches: Any, dimension: int, folder: Path, settings: list[tuple[int, float]]
) -> dict[str, tuple[Cost, np.ndarray]]:
    """Fit at each setting; return what each fit costs, and its weights, one a feature."""
    folder.mkdir(exist_ok=True)
    rows = folder / "rows.parquet"
    write_vectors(batches, dimension, rows)
    command = [sys.executable, __file__, str(rows), str(folder), json.dumps(settings)]
    cost_of(command, {**spark_install.environment(), "PYTHONPATH": str(Path(__file__).parent.parent)})
    found = {}
    for number, (iterations, regularization) in enumerate(settings):
        fit = Cost(**json.loads((folder / f"{number}.json").read_text()))
        name = f"Spark, {iterations} iterations, {regularization:g}"
        found[name] = (fit, np.load(folder / f"{number}.npy"))
    return found


def main(rows: str, target: str, settings: str) -> None:
    from pyspark.ml.classification import LogisticRegression
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", "6g")
    session = builder.config("spark.ui.enabled", "false").getOrCreate()
    data = session.read.parquet(rows).persist()
    data.count()
    LogisticRegression(maxIter=1).fit(data.limit(1000))  # The JVM is warm.
    for number, (iterations, regularization) in enumerate(json.loads(settings)):
        fitted: list[Any] = []
        # Standardized, one-hot columns that are rare outweigh all others: AUC .60 in place of .77.
        algorithm = LogisticRegression(maxIter=iterations, regParam=regularization, standardization=False)
        fit = in_process(lambda algorithm=algorithm, fitted=fitted: fitted.append(algorithm.fit(data)))
        model = fitted[0]
        weights = np.concatenate([[model.intercept], model.coefficients.toArray()])
        np.save(Path(target) / f"{number}.npy", weights)
        (Path(target) / f"{number}.json").write_text(json.dumps(fit._asdict()))
    session.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
