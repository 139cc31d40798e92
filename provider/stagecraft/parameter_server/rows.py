"""Training rows: row groups of Parquet as sparse rows with labels and weights."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stagecraft.errors import InvalidInputError
from stagecraft.transforms.layout import CSR, Layout
from stagecraft.transforms.sparse import INDICES, VALUES, csr_of

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store
    from stagecraft.parameter_server.units import RowGroup

CACHE_BYTES = 256 << 20


class Columns(NamedTuple):
    """Which columns make a training row.

    :param labels: the negative and the positive label; None where the label is a number to predict
    :param weight: the rows' weights, or None for 1
    :param sparse: whether the features are lists already
    """

    layout: Layout
    label: str
    labels: list[Any] | None
    weight: str | None
    sparse: bool = False

    @property
    def names(self) -> list[str]:
        features = [INDICES, VALUES] if self.sparse else self.layout.columns
        return [*features, self.label, *([self.weight] if self.weight else [])]


class Rows(NamedTuple):
    """Sparse rows with a label and a weight each, float32."""

    csr: CSR
    label: np.ndarray
    weight: np.ndarray

    @property
    def bytes(self) -> int:
        return sum(part.nbytes for part in (*self.csr, self.label, self.weight))


class RowReader:
    """Reads row groups, and keeps the latest ones in memory up to :data:`CACHE_BYTES`.

    :param groups: the dataset's row groups
    """

    def __init__(self, store: Store, columns: Columns, groups: list[RowGroup]) -> None:
        self._store, self._columns, self._groups = store, columns, groups
        self._cache: OrderedDict[int, Rows] = OrderedDict()

    def read(self, group: int) -> Rows:
        """Return the rows of a row group.

        :param group: its number in the dataset
        :raises InvalidInputError: a value is not finite, or a feature number lies outside the layout
        """
        if group in self._cache:
            self._cache.move_to_end(group)
            return self._cache[group]
        rows = self._load(self._groups[group])
        self._cache[group] = rows
        while len(self._cache) > 1 and sum(kept.bytes for kept in self._cache.values()) > CACHE_BYTES:
            self._cache.popitem(last=False)
        return rows

    def _load(self, group: RowGroup) -> Rows:
        columns, path = self._columns, self._store.strip(group.uri)
        with self._store.arrow_filesystem.open_input_file(path) as source:
            table = pq.ParquetFile(source).read_row_group(group.group, columns=columns.names)
        csr = csr_of(table) if columns.sparse else columns.layout.csr(table)
        self._check(group, csr)
        label = table[columns.label]
        if columns.labels is not None:
            label = pc.equal(label, pa.scalar(columns.labels[1], label.type))
        weight = table[columns.weight].to_numpy() if columns.weight else np.ones(len(label))
        return Rows(csr, label.to_numpy().astype(np.float32), weight.astype(np.float32))

    def _check(self, group: RowGroup, csr: CSR) -> None:
        """Refuse what the compiled kernel would choke on."""
        dimension = self._columns.layout.dimension
        for found, refused in (
            ("a value that is NaN or infinite", ~np.isfinite(csr.values)),
            (f"a feature number outside 0 … {dimension - 1}", (csr.indices < 0) | (csr.indices >= dimension)),
        ):
            if refused.any():
                row = int(np.searchsorted(csr.indptr, np.argmax(refused), side="right")) - 1
                raise InvalidInputError(
                    f"ps_train.dataset, {group.uri}, row group {group.group}, row {row}",
                    found,
                    "an encode stage that fills missing values, and the model that encoded these rows",
                )
