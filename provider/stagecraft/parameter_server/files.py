"""Row groups of a store's Parquet files."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import pyarrow as pa  # noqa: TID253
import pyarrow.parquet as pq  # noqa: TID253

from stagecraft.errors import CorruptArtifactError

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store
    from stagecraft.parameter_server.units import RowGroup

OPEN = 8
"""Files that are kept open: reading the footer of a large one again for each row group would cost."""


class Files:
    """Reads columns of row groups, of local files or through fsspec; for one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: OrderedDict[str, pq.ParquetFile] = OrderedDict()

    def read(self, group: RowGroup, columns: list[str]) -> pa.Table:
        """Return columns of a row group, those that the file has.

        :raises CorruptArtifactError: the file is missing, truncated or unreadable
        """
        try:
            # In this thread: the workers have the cores.
            return self._file(group.uri).read_row_group(group.group, columns=columns, use_threads=False)
        except (pa.ArrowInvalid, OSError, IndexError) as error:
            self._open.pop(group.uri, None)
            raise CorruptArtifactError(
                f"ps_train.dataset, {group.uri}, row group {group.group}: it cannot be read ({error}); what "
                "would do: the file as it was committed"
            ) from error

    def _file(self, uri: str) -> pq.ParquetFile:
        if uri not in self._open:
            source = self._store.arrow_filesystem.open_input_file(self._store.strip(uri))
            self._open[uri] = pq.ParquetFile(
                source, pre_buffer=not self._store.is_local, page_checksum_verification=True
            )
            while len(self._open) > OPEN:
                self._open.popitem(last=False)[1].close(force=True)
        self._open.move_to_end(uri)
        return self._open[uri]
