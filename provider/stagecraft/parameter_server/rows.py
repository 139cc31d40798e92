"""Training rows: row groups of Parquet as sparse rows with labels and weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.files import Files
from stagecraft.parameter_server.prefetch import Prefetcher
from stagecraft.parameter_server.row_checks import Fault, column_faults, csr_faults, label_numbers, numbers
from stagecraft.parameter_server.sparse import COLUMNS, csr_of, unpacked
from stagecraft.transforms.layout import CSR, Layout
from stagecraft.transforms.sparse import PACKED, VALUES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stagecraft.artifacts.store import Store
    from stagecraft.parameter_server.units import RowGroup

CACHE_BYTES = 256 << 20


class Columns(NamedTuple):
    """Which columns make a training row.

    :param labels: the labels in the order of their numbers 0, 1 …; None where the label is a number
    :param weight: the rows' weights, or None for 1
    :param sparse: whether the features are sparse already
    :param lowest: the least label that there may be, where it is a number; Poisson's is 0
    """

    layout: Layout
    label: str
    labels: list[Any] | None
    weight: str | None
    sparse: bool = False
    lowest: float | None = None

    @property
    def names(self) -> list[str]:
        features = COLUMNS if self.sparse else self.layout.columns
        return [*features, self.label, *([self.weight] if self.weight else [])]


class Rows(NamedTuple):
    """Sparse rows with a label and a weight each, float32; nobody writes into them."""

    csr: CSR
    label: np.ndarray
    weight: np.ndarray

    @property
    def bytes(self) -> int:
        return sum(part.nbytes for part in (self.csr.indptr, self.csr.indices, self.label, self.weight))


class RowReader:
    """Reads row groups, ahead of their use where it is told, and keeps the latest ones in memory.

    Threads may share a reader; what it was told is given up when it is told anew.

    :param groups: the dataset's row groups
    :param bad_rows: ``refuse`` ends the training at a row that cannot be trained on; ``skip`` leaves it out.
        Such a row stays in its place, without features and with the weight 0, so that units keep their sizes
    :param cache_bytes: memory for row groups that were read, if it holds them all; else the latest stay
    :param threads: how many share it
    """

    def __init__(
        self,
        store: Store,
        columns: Columns,
        groups: Sequence[RowGroup],
        *,
        bad_rows: Literal["refuse", "skip"] = "refuse",
        cache_bytes: int = CACHE_BYTES,
        threads: int = 1,
    ) -> None:
        self._columns, self._groups, self._bad_rows = columns, groups, bad_rows
        self._files = Files(store)
        self._prefetcher = Prefetcher(self._load, cache_bytes, threads)
        self.skipped: dict[int, dict[str, int]] = {}
        """Row group → reason → rows that were skipped; see :class:`~.row_checks.Fault` for the reasons."""

    def expect(self, groups: Sequence[int]) -> None:
        """Say which row groups will be read next, in this order; a thread reads the first ones ahead."""
        self._prefetcher.expect(groups)

    def read(self, group: int) -> Rows:
        """Return the rows of a row group.

        :param group: its number in the dataset
        :raises InvalidInputError: a row cannot be trained on: a feature lies outside the layout, features do
            not ascend or come twice, a value is not finite, the label or the weight is none
        :raises CorruptArtifactError: the file is missing or unreadable
        """
        return self._prefetcher.get(group)

    def _load(self, number: int) -> Rows:
        group, columns = self._groups[number], self._columns
        table = self._files.read(group, columns.names)
        counts = Counter[str]()
        label = label_numbers(table[columns.label], columns)
        kept = self._sound(group, table.num_rows, column_faults(table, columns, label), counts)
        if not kept.all():
            table, label = table.filter(pa.array(kept)), label[kept]
        csr, faults = self._csr(table)
        sound = self._sound(group, table.num_rows, faults, counts)
        made = Rows(
            csr,
            label,
            numbers(table[columns.weight]) if columns.weight else np.ones(len(label), dtype=np.float32),
        )
        if counts:
            made = _spread(made, sound, kept)
        self.skipped[number] = dict(counts)
        return made

    def _csr(self, table: pa.Table) -> tuple[CSR, Iterator[Fault]]:
        """Return the rows, and what is wrong with them."""
        layout = self._columns.layout
        if not self._columns.sparse:
            csr, ones = layout.csr(table), layout.is_binary
        elif PACKED in table.column_names:
            csr, within = unpacked(table[PACKED], layout)
            if within and layout.width == 1 + len(layout.blocks):
                return csr, iter(())  # One feature of each column: they ascend as the columns do.
            ones = True
        else:
            csr, ones = csr_of(table, layout), VALUES not in table.column_names
        return csr, csr_faults(csr, layout.dimension, ones=ones)

    def _sound(self, group: RowGroup, rows: int, faults: Iterator[Fault], counts: Counter[str]) -> np.ndarray:
        """Return whether each row is without a fault.

        :param counts: what is added of those that are skipped
        """
        sound = np.ones(rows, dtype=bool)
        for fault in faults:
            row = int(np.argmax(fault.refused))
            if self._bad_rows == "refuse":
                raise InvalidInputError(
                    f"ps_train.dataset, {group.uri}, row group {group.group}, row {row}",
                    fault.found,
                    f'{fault.remedy}; or bad_rows="skip"',
                )
            counts[fault.reason] += int((sound & fault.refused).sum())
            sound &= ~fault.refused
        return sound


def _spread(rows: Rows, sound: np.ndarray, kept: np.ndarray) -> Rows:
    """Put the ``sound`` ones of the ``kept`` rows into their places; the others are empty, of weight 0.

    :param sound: bool, one a row of ``rows``
    :param kept: bool, one a row of the result
    """
    indptr, indices, values = rows.csr
    places, sizes = np.flatnonzero(kept)[sound], np.diff(indptr)
    lengths = np.zeros(len(kept), dtype=np.int64)
    lengths[places] = sizes[sound]
    held = np.repeat(sound, sizes)
    label, weight = np.zeros((2, len(kept)), dtype=np.float32)
    label[places], weight[places] = rows.label[sound], rows.weight[sound]
    csr = CSR(np.concatenate([[0], np.cumsum(lengths)]), indices[held], values[held])
    return Rows(csr, label, weight)
