"""The driver: epochs, rounds, checkpoints, and what happens when an actor is lost."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ray.exceptions import RayError, RayTaskError

from stagecraft.errors import JobFailedError
from stagecraft.parameter_server.checkpoint import Checkpoint, Checkpoints
from stagecraft.parameter_server.crew import Crew, Plan, reserved
from stagecraft.parameter_server.ledger import Ledger
from stagecraft.parameter_server.units import deal

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)

RECOVERIES = 5
ROUNDS_AHEAD = 2


class Progress(NamedTuple):
    """What a round has come to.

    :param loss: its mean progressive loss
    :param fraction: of the rows of all epochs, 0 … 1
    """

    step: int
    loss: float
    rows_per_second: float
    fraction: float


class Trained(NamedTuple):
    """The model's weights, float32, one a feature; and how the run went."""

    weights: np.ndarray
    ledger: Ledger
    recoveries: int


def train(
    plan: Plan,
    checkpoints: Checkpoints,
    *,
    checkpoint_seconds: float = 10.0,
    on_round: Callable[[Progress], None] = lambda progress: None,
    on_epoch: Callable[[Ledger, np.ndarray], None] = lambda ledger, weights: None,
) -> Trained:
    """Train on the Ray that is connected, from the latest checkpoint on if there is one.

    Every step waits for all workers (bulk synchronous), so the weights are a function of the plan: the same
    bits each time, whatever was killed on the way. Where an actor is lost, all go back to the latest
    checkpoint and go on.

    :param checkpoint_seconds: time between checkpoints; the result does not depend on it
    :param on_round: called after each round; a round may come again after a fault
    :param on_epoch: called after each epoch with the ledger and the weights
    :raises JobFailedError: actors were lost :data:`RECOVERIES` times without a checkpoint in between
    """
    recoveries, failures, reached = 0, 0, -1
    with reserved(plan) as place, Crew(plan, place, checkpoints) as crew:
        while True:
            start = checkpoints.latest()
            ledger = start.ledger if start else Ledger()
            if start:
                log.info("Parameter server: going on from the checkpoint at step %d", ledger.step)
            failures = failures + 1 if ledger.step == reached else 0
            reached = ledger.step
            try:
                crew.restore(start)
                done = _run(plan, crew, checkpoints, ledger, checkpoint_seconds, on_round, on_epoch)
                return Trained(*done, recoveries)
            except RayError as error:
                cause = _cause(error)
                if not isinstance(cause, RayError):
                    raise cause from error
                recoveries += 1
                if failures == RECOVERIES:
                    raise JobFailedError(
                        f"ps_train: shards or workers were lost {RECOVERIES + 1} times without a checkpoint "
                        f"in between, at last: {cause}; what would do: look at the nodes' memory and Ray's "
                        "logs, or a smaller checkpoint_seconds"
                    ) from error
                log.warning("Parameter server: an actor was lost (%s); back to the checkpoint", cause)


def _run(
    plan: Plan,
    crew: Crew,
    checkpoints: Checkpoints,
    ledger: Ledger,
    checkpoint_seconds: float,
    on_round: Callable[[Progress], None],
    on_epoch: Callable[[Ledger, np.ndarray], None],
) -> tuple[np.ndarray, Ledger]:
    """Train from ``ledger`` to the end; return the weights and the last ledger."""
    began, rows_before = time.monotonic(), ledger.rows
    saved = began
    while ledger.epoch < plan.epochs:
        rounds = deal(plan.groups, epoch=ledger.epoch, seed=plan.seed, workers=plan.workers)
        waiting = deque(rounds[ledger.rounds :])
        running: deque[tuple[int, int, list[Any]]] = deque()
        step = ledger.step
        while waiting or running:
            due = time.monotonic() - saved >= checkpoint_seconds
            # A checkpoint holds no half-done round, so what runs is let run out first.
            while waiting and len(running) < ROUNDS_AHEAD and not (due and running):
                units = waiting.popleft()
                steps, rows = plan.steps(units), sum(unit.rows for unit in units if unit)
                running.append((steps, rows, crew.begin(units, epoch=ledger.epoch, step=step, steps=steps)))
                step += steps
                if due:
                    break
            steps, rows, futures = running.popleft()
            loss = crew.end(futures)
            ledger = ledger.finish_round(steps=steps, rows=rows, loss=loss)
            speed = (ledger.rows - rows_before) / max(time.monotonic() - began, 1e-9)
            on_round(Progress(ledger.step, loss, speed, ledger.rows / (plan.rows * plan.epochs)))
            if due and not running:
                checkpoints.commit(Checkpoint(ledger=ledger, parts=crew.save()))
                saved = time.monotonic()
        ledger = ledger.finish_epoch()
        on_epoch(ledger, crew.weights())
    return crew.weights(), ledger


def _cause(error: BaseException) -> BaseException:
    """Return what an actor's error came from: a :class:`RayError` where an actor or its node was lost."""
    while isinstance(error, RayTaskError):
        error = error.cause
    return error
