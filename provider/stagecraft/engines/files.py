"""Files that no stage made: the input of pipelines."""

from __future__ import annotations

import gzip
import zipfile
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.csv

from stagecraft.engines.types import canonical
from stagecraft.errors import InvalidInputError

WHERE = "read_files.uri"
CSV = (".csv", ".csv.gz", ".csv.zip")


def find(uri: str) -> tuple[Any, list[str]]:
    """Return the fsspec file system of ``uri`` and the paths of its files, sorted.

    :param uri: a file, or a pattern with ``*``
    :raises InvalidInputError: there is no such file, or files of different or unknown formats
    """
    filesystem, path = fsspec.core.url_to_fs(uri)
    paths = sorted(filesystem.glob(path)) if "*" in path else [path]
    paths = [path for path in paths if filesystem.isfile(path)]
    if not paths:
        raise InvalidInputError(WHERE, f"no file {uri}", "a file that exists, or a pattern that matches some")
    for suffixes in ((".parquet",), CSV):
        if all(path.lower().endswith(suffixes) for path in paths):
            return filesystem, paths
    raise InvalidInputError(WHERE, f"{uri} is of no known format", f"files *.parquet, or *{', *'.join(CSV)}")


def is_csv(paths: list[str]) -> bool:
    return paths[0].lower().endswith(CSV)


def read_csv(filesystem: Any, paths: list[str]) -> pa.Table:
    """Read CSV files into memory, so that every engine takes the same values and types.

    The files' values must fit in memory: convert what is larger to Parquet. A header is wanted. Types are
    inferred by Arrow; an empty field and ``NA`` are NULL, unless quoted.
    """
    options = pyarrow.csv.ConvertOptions(
        null_values=["", "NA"], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    tables = []
    for path in paths:
        with filesystem.open(path, "rb") as raw, _unpacked(path, raw) as file:
            try:
                tables.append(pyarrow.csv.read_csv(file, convert_options=options))
            except pa.ArrowInvalid as error:
                raise InvalidInputError(WHERE, f"{path} is not CSV: {error}", "a header and rows") from error
    table = pa.concat_tables(tables, promote_options="permissive")
    return table.cast(canonical(table.schema, "read_files"), safe=False)


def _unpacked(path: str, file: Any) -> Any:
    if path.lower().endswith(".gz"):
        return gzip.open(file)
    if not path.lower().endswith(".zip"):
        return file
    archive = zipfile.ZipFile(file)
    members = archive.namelist()
    if len(members) != 1:
        raise InvalidInputError(WHERE, f"{path} holds {len(members)} files", "an archive of one CSV file")
    return archive.open(members[0])
