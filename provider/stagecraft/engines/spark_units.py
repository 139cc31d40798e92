"""Row groups that Spark's Python workers read, map and write themselves: no row goes through the JVM.

Between the JVM and Python, rows cost more than most maps do. So what maps the files of a shared file system
and is written to one takes this way; the bits are the same.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from stagecraft.engines.contract import BatchMap
from stagecraft.engines.parquet import ROW_GROUP, write_batches

GROUPS_PER_TASK = 8
Groups = list[tuple[str, int]]
"""The files and the numbers of the row groups that one task reads."""

WRITTEN = pa.schema([("task", pa.int64()), ("path", pa.string()), ("rows", pa.int64())])


@dataclass(frozen=True)
class Step:
    """A map and the canonical columns that it makes."""

    function: BatchMap
    schema: pa.Schema


@dataclass(frozen=True)
class Units:
    """Parquet files below a shared folder, and the maps that their rows go through.

    :param schema: the rows' canonical columns before the first map
    """

    paths: list[str]
    schema: pa.Schema
    steps: tuple[Step, ...] = ()

    def then(self, function: BatchMap, schema: pa.Schema) -> Units:
        return Units(self.paths, self.schema, (*self.steps, Step(function, schema)))

    def write(self, session: SparkSession, folder: str, stored: pa.Schema) -> int:
        """Write the mapped rows, in their order, as parts of ``folder``; return the number of rows.

        A task that runs twice writes two files, of which one is taken.

        :param stored: the columns' types in the files
        """
        tasks = self._tasks()
        prefix = os.path.join(folder, f"_task-{uuid.uuid4().hex}")
        run = _writer(self, tasks, stored, prefix)
        frame = session.range(0, len(tasks), 1, len(tasks)).mapInArrow(
            run, "task LONG, path STRING, rows LONG"
        )
        written = {row["task"]: row for row in frame.toArrow().to_pylist()}
        for task in range(len(tasks)):
            os.replace(written[task]["path"], os.path.join(folder, f"part-{task:05d}.parquet"))
        for name in os.listdir(folder):
            if name.startswith(os.path.basename(prefix)):
                os.remove(os.path.join(folder, name))
        return sum(row["rows"] for row in written.values())

    def collect(self, session: SparkSession, columns: str) -> pa.Table:
        """Return the mapped rows, which are few.

        :param columns: their names and types, as Spark writes them
        """
        tasks = self._tasks()
        frame = session.range(0, len(tasks), 1, len(tasks)).mapInArrow(_reader(self, tasks), columns)
        return frame.toArrow()

    def mapped(self, groups: Groups) -> Iterator[pa.RecordBatch]:
        """Read row groups, and map their rows."""
        for path, group in groups:
            with pq.ParquetFile(path) as file:
                names = self.schema.names
                for batch in file.iter_batches(ROW_GROUP, row_groups=[group], columns=names):
                    batch = batch.select(names).cast(self.schema)
                    for step in self.steps:
                        batch = step.function.apply(batch).cast(step.schema)
                    yield batch

    def _tasks(self) -> list[Groups]:
        """Row groups in their order, some a task, no task across files."""
        tasks = []
        for path in self.paths:
            groups = [(path, group) for group in range(pq.read_metadata(path).num_row_groups)]
            tasks += [groups[at : at + GROUPS_PER_TASK] for at in range(0, len(groups), GROUPS_PER_TASK)]
        return tasks or [[]]


def _writer(
    units: Units, tasks: list[Groups], stored: pa.Schema, prefix: str
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What Spark's Python workers run to write a file a task."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.column(0).to_pylist():
                path = f"{prefix}-{task}-{uuid.uuid4().hex}.parquet"
                local = pyarrow.fs.LocalFileSystem()
                rows = write_batches(units.mapped(tasks[task]), stored, local, path)
                yield pa.RecordBatch.from_pylist([{"task": task, "path": path, "rows": rows}], WRITTEN)

    return run


def _reader(
    units: Units, tasks: list[Groups]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What Spark's Python workers run to hand rows over."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.column(0).to_pylist():
                yield from units.mapped(tasks[task])

    return run
