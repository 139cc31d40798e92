"""Units of work: which rows each worker trains on, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset

SMALLEST, LARGEST, ROUNDS = 1 << 16, 1 << 18, 64
"""Rows of a unit, and rounds of an epoch: a round costs some calls of actors, milliseconds each."""

RUN = 16
"""Rows that stay together when the rows of a row group are shuffled."""


class RowGroup(NamedTuple):
    """A row group of a Parquet file.

    :param uri: the file
    :param group: its number in the file
    """

    uri: str
    group: int
    rows: int


class Unit(NamedTuple):
    """A slice of a row group: positions ``start`` … ``stop`` - 1 of the epoch's order of its rows.

    :param group: the row group's number in the dataset
    """

    group: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        return self.stop - self.start


Round = list[Unit | None]
"""One unit a worker; None for a worker that has nothing to do."""


class Work(NamedTuple):
    """A worker's share of a round.

    :param unit: its rows; None where there are none, and the worker only keeps step
    :param step: the round's first step
    :param steps: the number of steps, equal for all workers
    :param following: row groups that come next
    """

    unit: Unit | None
    epoch: int
    step: int
    steps: int
    following: tuple[int, ...] = ()


class Done(NamedTuple):
    """What a worker saw in a round: the sum of its weighted losses, and of its weights.

    :param skipped: rows of its row group that were left out: reason → rows
    """

    loss: float
    weight: float
    skipped: dict[str, int] = {}


def row_groups(dataset: Dataset, files: list[str] | None = None) -> list[RowGroup]:
    """Return the row groups of a dataset's files, in their order, without the empty ones.

    :param files: some of them; all where None
    """
    found = []
    for uri in dataset.files if files is None else files:
        meta = pq.read_metadata(dataset.store.strip(uri), filesystem=dataset.store.arrow_filesystem)
        found += [
            RowGroup(uri, group, meta.row_group(group).num_rows) for group in range(meta.num_row_groups)
        ]
    return [entry for entry in found if entry.rows]


def unit_rows(rows: int, workers: int) -> int:
    """Return how many rows a unit may have, so that an epoch has some hundred rounds."""
    return min(LARGEST, max(SMALLEST, -(-rows // (workers * ROUNDS))))


def deal(groups: list[RowGroup], *, epoch: int, seed: int, workers: int) -> list[Round]:
    """Return an epoch's rounds: row groups in an order drawn from the seed, each cut into units.

    As long as there is a row group for every worker, each keeps to its own; the last ones are shared by all.
    """
    bound = unit_rows(sum(entry.rows for entry in groups), workers)
    order = [int(group) for group in np.random.default_rng([seed, epoch]).permutation(len(groups))]
    shared = len(order) - len(order) % workers
    rounds: list[Round] = []
    for at in range(0, shared, workers):
        queues = [_cut(group, groups[group].rows, bound, 1) for group in order[at : at + workers]]
        rounds += [list(entry) for entry in zip_longest(*queues)]
    for group in order[shared:]:
        units = list(_cut(group, groups[group].rows, bound, workers))
        rounds += [list(units[at : at + workers]) for at in range(0, len(units), workers)]
    return rounds


class Orders:
    """The order of each row group's rows in each epoch; the last ones drawn are kept.

    Runs of :data:`RUN` rows come in an order drawn at random, each in the order of the file: memory serves
    neighbours several times as fast, and a step takes rows of many runs all the same.
    """

    def __init__(self, groups: list[RowGroup], seed: int, kept: int = 4) -> None:
        self._groups, self._seed = groups, seed
        self._draw = lru_cache(kept)(self._drawn)

    def of(self, unit: Unit, epoch: int) -> np.ndarray:
        """Return the rows of a unit, int64, in the order in which an epoch takes them."""
        return self._draw(unit.group, epoch)[unit.start : unit.stop]

    def _drawn(self, group: int, epoch: int) -> np.ndarray:
        rows = self._groups[group].rows
        runs = np.random.default_rng([self._seed, epoch, 1 + group]).permutation(-(-rows // RUN))
        order = (runs[:, None] * RUN + np.arange(RUN)).reshape(-1)
        return order[order < rows]


def _cut(group: int, rows: int, bound: int, multiple: int) -> Iterator[Unit]:
    """Cut a row group into units of nearly equal size, a multiple in number; some may be empty."""
    count = -(-rows // (bound * multiple)) * multiple
    for part in range(count):
        yield Unit(group, rows * part // count, rows * (part + 1) // count)
