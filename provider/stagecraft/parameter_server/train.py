"""The driver: epochs, rounds, checkpoints, and what happens when an actor is lost."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from stagecraft.errors import InvalidInputError, JobFailedError
from stagecraft.jobs.ray_session import connected, in_task
from stagecraft.parameter_server.alone import Alone
from stagecraft.parameter_server.checkpoint import Checkpoints
from stagecraft.parameter_server.fitted import Fitted
from stagecraft.parameter_server.ledger import Ledger
from stagecraft.parameter_server.monitor import EarlyStopping, Monitor, Progress, Pull
from stagecraft.parameter_server.plan import ROUNDS_AHEAD, share_out
from stagecraft.parameter_server.saver import Saver
from stagecraft.parameter_server.units import Done, Work, deal

if TYPE_CHECKING:
    from stagecraft.parameter_server.crew import Crew
    from stagecraft.parameter_server.plan import Plan

log = logging.getLogger(__name__)

RECOVERIES = 5

OnRound = Callable[[Progress], None]
OnEpoch = Callable[[Ledger, Fitted], Mapping[str, float] | None]


class Trained(NamedTuple):
    """The model, and how the run went.

    :param recoveries: for each loss of an actor, the seconds until all went on
    """

    fitted: Fitted
    ledger: Ledger
    recoveries: list[float]


class Running(NamedTuple):
    """A round that the workers are at."""

    work: list[Work]
    futures: list[Any]

    def finished(self, ledger: Ledger, done: list[Done]) -> Ledger:
        """Return the ledger with what the workers saw."""
        units = [share.unit for share in self.work]
        return ledger.finish_round(
            steps=self.work[0].steps,
            rows=sum(unit.rows for unit in units if unit),
            loss=sum(seen.loss for seen in done),
            weight=sum(seen.weight for seen in done),
            skipped={
                unit.group: seen.skipped
                for unit, seen in zip(units, done, strict=True)
                if unit and seen.skipped
            },
        )


def train(
    plan: Plan,
    checkpoints: Checkpoints,
    *,
    checkpoint_seconds: float = 10.0,
    on_round: OnRound = lambda progress: None,
    on_epoch: OnEpoch = lambda ledger, fitted: None,
    validate: Callable[[Pull], Mapping[str, float]] | None = None,
    early_stopping: EarlyStopping | None = None,
) -> Trained:
    """Train from the latest checkpoint on if there is one, on the Ray that is connected.

    Where none is, a training in place (a plan without shards) runs on threads of this process.

    Where workers wait for each other (bulk synchronous), or one worker trains in place, the model is a
    function of the plan: the same bits each time, whatever was killed on the way. Where an actor is lost, all
    go back to the latest checkpoint and go on.

    :param checkpoint_seconds: time between checkpoints; the result does not depend on it
    :param on_round: called after each round; a round may come again after a fault
    :param on_epoch: called after each epoch with the ledger and the model; what it returns is added to the
        epoch's metrics in the ledger
    :param validate: measures the model between rounds, as often as that takes a hundredth of the time
    :param early_stopping: ends the training by the epochs' metrics
    :raises JobFailedError: actors were lost :data:`RECOVERIES` times without a checkpoint in between
    """
    failures, reached, lost = 0, -1, None
    recoveries: list[float] = []
    with crew_of(plan, checkpoints) as crew:
        monitor = Monitor(plan.rows * plan.epochs, crew.stats, crew.pull, validate)
        while True:
            start = checkpoints.latest()
            ledger = start.ledger if start else Ledger()
            if start:
                log.info("Parameter server: going on from the checkpoint at step %d", ledger.step)
            failures = failures + 1 if ledger.step == reached else 0
            reached = ledger.step
            try:
                crew.restore(start)
                if lost is not None:
                    recoveries.append(time.monotonic() - lost)
                    log.info("Parameter server: all actors are back after %.1f s", recoveries[-1])
                saver = Saver(crew, checkpoints, checkpoint_seconds)
                run = Run(plan, crew, saver, monitor, on_round, on_epoch, early_stopping)
                return Trained(*run.to_the_end(ledger), recoveries)
            except crew.failures as error:
                cause = crew.lost(error)
                lost = time.monotonic()
                if failures == RECOVERIES:
                    raise JobFailedError(
                        f"ps_train: shards or workers were lost {RECOVERIES + 1} times without a checkpoint "
                        f"in between, at last: {cause}; what would do: look at the nodes' memory and Ray's "
                        "logs, or a smaller checkpoint_seconds"
                    ) from error
                log.warning("Parameter server: an actor was lost (%s); back to the checkpoint", cause)


@contextmanager
def crew_of(plan: Plan, checkpoints: Checkpoints) -> Iterator[Crew | Alone]:
    """Bring together what a plan is trained by, for the time of a run."""
    # A process of Ray's own is on the cluster already.
    if plan.shards == 0 and (not connected() or in_task()):
        with Alone(plan, checkpoints) as alone:
            yield alone
        return
    from stagecraft.parameter_server.crew import Crew, reserved

    with reserved(plan) as place, Crew(plan, place, checkpoints) as crew:
        yield crew


class Run:
    """A training from a ledger on, as far as no actor is lost."""

    def __init__(
        self,
        plan: Plan,
        crew: Crew | Alone,
        saver: Saver,
        monitor: Monitor,
        on_round: OnRound,
        on_epoch: OnEpoch,
        early_stopping: EarlyStopping | None,
    ) -> None:
        self._plan, self._crew, self._saver, self._monitor = plan, crew, saver, monitor
        self._on_round, self._on_epoch, self._early_stopping = on_round, on_epoch, early_stopping

    def to_the_end(self, ledger: Ledger) -> tuple[Fitted, Ledger]:
        """Train; return the model and the last ledger."""
        self._monitor.begin(ledger)
        fitted = None
        while ledger.epoch < self._plan.epochs and not self._stops(ledger):
            ledger = self._epoch(ledger)
            fitted = self._crew.fitted()
            self._check_finite(ledger.epoch, "largest weight", float(abs(fitted.weights).max(initial=0)))
            metrics = self._on_epoch(ledger, fitted)
            ledger = ledger.finish_epoch(metrics or {})
        return fitted or self._crew.fitted(), ledger

    def _check_finite(self, epoch: int, name: str, value: float) -> None:
        """Refuse to go on with a training that has diverged.

        :raises InvalidInputError: names the epoch, and what would do
        """
        if math.isfinite(value):
            return
        optimizer = self._plan.optimizer
        if optimizer.type == "ftrl":
            rate = f"alpha than {optimizer.alpha:g}"
        else:
            rate = f"learning_rate than {optimizer.learning_rate:g}"
        raise InvalidInputError(
            "ps_train.optimizer",
            f"the training diverged in epoch {epoch + 1}: its {name} is {value}",
            f"a smaller {rate}, Standardize() in the encode stage for columns of large numbers, or fewer "
            "batch_rows",
        )

    def _stops(self, ledger: Ledger) -> bool:
        return self._early_stopping is not None and self._early_stopping.ends(ledger.epochs)

    def _epoch(self, ledger: Ledger) -> Ledger:
        """Train the rounds that the epoch still has."""
        plan, saver = self._plan, self._saver
        rounds = deal(plan.groups, epoch=ledger.epoch, seed=plan.seed, workers=plan.workers)
        waiting = deque(range(ledger.rounds, len(rounds)))
        running: deque[Running] = deque()
        step = ledger.step
        while waiting or running:
            due = saver.due
            # A checkpoint holds no half-done round, so what runs is let run out first.
            while waiting and len(running) < ROUNDS_AHEAD and not (due and running):
                work = share_out(plan, rounds, waiting.popleft(), epoch=ledger.epoch, step=step)
                running.append(Running(work, self._crew.begin(work)))
                step += work[0].steps
                if due:
                    break
            first = running.popleft()
            ledger = first.finished(ledger, self._crew.end(first.futures))
            self._check_finite(ledger.epoch, "loss", ledger.loss)
            self._on_round(self._monitor.progress(ledger))
            saver.commit()
            if due and not running:
                saver.save(ledger)
        return ledger
