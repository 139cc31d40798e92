"""Reading Parquet files as batches; texts stay codes into a dictionary where the files have one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import pyarrow.types as is_

from stagecraft.engines.parquet import ROW_GROUP

LARGE = 4
"""A row group of so many times our rows is read piece by piece."""


@dataclass(frozen=True)
class ParquetRows:
    """The rows of files of one schema.

    :param columns: those wanted; all where None
    """

    filesystem: pyarrow.fs.FileSystem
    paths: Sequence[str]
    columns: list[str] | None = None

    def select(self, columns: list[str]) -> ParquetRows:
        return replace(self, columns=columns)

    def batches(self, *, dictionaries: bool) -> Iterator[pa.RecordBatch]:
        """Yield the rows in the files' order.

        :param dictionaries: whether texts may come as a dictionary and codes, which costs a fraction
        """
        coded = self._coded() if dictionaries else None
        for path in self.paths:
            with self.filesystem.open_input_file(path) as source:
                file = pq.ParquetFile(source, read_dictionary=coded)
                for group in range(file.num_row_groups):
                    if file.metadata.row_group(group).num_rows > LARGE * ROW_GROUP:
                        yield from file.iter_batches(ROW_GROUP, row_groups=[group], columns=self.columns)
                    else:
                        table = file.read_row_group(group, columns=self.columns)
                        yield from table.to_batches(max_chunksize=ROW_GROUP)

    def _coded(self) -> list[str]:
        """The text columns that have a dictionary in every row group of every file."""
        found: list[set[str]] = []
        texts: set[str] = set()
        for path in self.paths:
            with self.filesystem.open_input_file(path) as source:
                file = pq.ParquetFile(source)
            texts = {field.name for field in file.schema_arrow if is_.is_string(field.type)}
            for number in range(file.num_row_groups):
                group = file.metadata.row_group(number)
                columns = [group.column(at) for at in range(group.num_columns)]
                found.append({each.path_in_schema for each in columns if each.has_dictionary_page})
        return sorted(texts.intersection(*found)) if found else []
