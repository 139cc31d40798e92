"""What to train, and how: all that the actors of a run have to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from stagecraft.parameter_server.consistency import BSP, AnyConsistency
from stagecraft.parameter_server.units import Work

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.artifacts.store import Store
    from stagecraft.parameter_server.kernels.objective import Objective
    from stagecraft.parameter_server.models import AnyModel
    from stagecraft.parameter_server.optimizer import AnyOptimizer
    from stagecraft.parameter_server.partition import Partition
    from stagecraft.parameter_server.rows import Columns, RowReader
    from stagecraft.parameter_server.units import Round, RowGroup

ROUNDS_AHEAD = 2
"""Rounds that workers have before them."""
FEWEST_ROWS, MOST_ROWS, STEPS = 256, 16384, 512


class WarmStart(NamedTuple):
    """What an earlier training left, to go on from: a row for each key that it touched.

    :param keys: int64, distinct
    :param state: float32[keys, width, 2], the optimizer's state, of the same model and optimizer; or None
    :param weights: float32[keys, width]; read where there is no state
    :param root: the √n that a key with weights begins with: as if gradients of that size together had come.
        The larger, the less they move
    """

    keys: np.ndarray
    state: np.ndarray | None = None
    weights: np.ndarray | None = None
    root: float = 1.0

    def states(self, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        """Return the keys, int64, and the states that they begin with, float32[keys, width, 2]."""
        import numpy as np

        from stagecraft.parameter_server.kernels.table import Table
        from stagecraft.parameter_server.warm import state_of

        if self.state is not None:
            return self.keys, self.state
        objective = plan.objective
        assert self.weights is not None
        assert isinstance(objective, Table)
        state = np.empty((*self.weights.shape, 2), np.float32)
        for table, part in objective.parts(self.keys):
            state[part] = state_of(table, self.weights[part], self.root)
        return self.keys, state


@dataclass(frozen=True)
class Plan:
    """What to train, and how.

    :param groups: the dataset's row groups
    :param classes: the number of labels, for softmax regression
    :param fields: int64, where the keys of each field begin, and their end; for field-aware machines
    :param batch_rows: rows in flight, over all workers, at most; see :mod:`~.consistency`
    :param workers: with shards, actors; without, threads of one actor
    :param bad_rows: whether a row that cannot be trained on ends the training, or is left out and counted
    :param shards: actors that hold the model; with 0 the workers update one model in place, row by row
    :param grows: whether a key takes memory when it first comes, not from the beginning
    """

    store: Store
    columns: Columns
    groups: list[RowGroup]
    model: AnyModel
    optimizer: AnyOptimizer
    epochs: int
    batch_rows: int
    workers: int
    shards: int
    classes: int = 2
    fields: np.ndarray | None = None
    consistency: AnyConsistency = field(default_factory=BSP)
    seed: int = 0
    bad_rows: Literal["refuse", "skip"] = "refuse"
    warm_start: WarmStart | None = None
    grows: bool = False

    @property
    def objective(self) -> Objective:
        from stagecraft.parameter_server.kernels.objective import objective_of

        return objective_of(
            self.model, self.optimizer, classes=self.classes, fields=self.fields, seed=self.seed
        )

    @property
    def reader(self) -> RowReader:
        from stagecraft.parameter_server.rows import CACHE_BYTES, RowReader

        return RowReader(
            self.store,
            self.columns,
            self.groups,
            bad_rows=self.bad_rows,
            # Rows that come once are not kept: memory that is used again at once costs nothing to take.
            cache_bytes=CACHE_BYTES if self.epochs > 1 else 0,
            threads=1 if self.shards else self.workers,
        )

    @property
    def partition(self) -> Partition:
        from stagecraft.parameter_server.partition import Partition

        return Partition(self.dimension, max(self.shards, 1))

    @property
    def dimension(self) -> int:
        """The keys of the model: the features, and those that all rows share."""
        return self.columns.layout.dimension + self.objective.common

    @property
    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """The keys that the training begins with, int64, and their states, float32[keys, width, 2]."""
        return self.objective.start() if self.warm_start is None else self.warm_start.states(self)

    @property
    def worker_rows(self) -> int:
        """Rows a step for one worker."""
        return self.consistency.worker_rows(self.batch_rows, self.workers)

    @property
    def rows(self) -> int:
        return sum(group.rows for group in self.groups)

    def steps(self, units: Round) -> int:
        """The steps that a round takes: those of its largest unit. In place a round is one."""
        if not self.shards:
            return 1
        return -(-max(unit.rows for unit in units if unit is not None) // self.worker_rows)


def share_out(plan: Plan, rounds: list[Round], number: int, *, epoch: int, step: int) -> list[Work]:
    """Return each worker's share of a round, with the row groups that it will need after that one's."""
    units, steps = rounds[number], plan.steps(rounds[number])
    later = rounds[number : number + ROUNDS_AHEAD + 2]
    work = []
    for rank in range(plan.workers):
        # Workers in place read through one reader, which keeps to what it was told last.
        ranks = slice(rank, rank + 1) if plan.shards else slice(None)
        following = tuple(unit.group for entry in later for unit in entry[ranks] if unit)
        unit = units[rank] if rank < len(units) else None
        work.append(Work(unit, epoch, step, steps, tuple(dict.fromkeys(following))))
    return work


def default_batch_rows(rows: int) -> int:
    """Return the rows in flight for a dataset: few enough that an epoch has some hundred steps.

    >>> default_batch_rows(1_000_000)
    1954
    """
    return min(MOST_ROWS, max(FEWEST_ROWS, -(-rows // STEPS)))
