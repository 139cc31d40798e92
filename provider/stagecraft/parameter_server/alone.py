"""Training in place without Ray: the crew of a run that one process can do by itself."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from stagecraft.parameter_server.fitted import Fitted
from stagecraft.parameter_server.in_place import InPlace

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.parameter_server.checkpoint import Checkpoint, Checkpoints, Part
    from stagecraft.parameter_server.plan import Plan
    from stagecraft.parameter_server.share import Stats
    from stagecraft.parameter_server.units import Done, Work


class Alone:
    """Threads of this process that update one model in its memory.

    The same threads as those of an actor, without the seconds that Ray takes to start. Nothing is lost here
    but all at once; the next run goes on from the latest checkpoint.
    """

    failures: tuple[type[Exception], ...] = ()
    """Nothing that can be gone on from."""

    def __init__(self, plan: Plan, checkpoints: Checkpoints) -> None:
        self._plan = plan
        self._model = InPlace(plan, checkpoints)
        self._threads = ThreadPoolExecutor(plan.workers, thread_name_prefix="worker")

    def lost(self, failure: BaseException) -> BaseException:
        """Raise what a thread raised."""
        raise failure

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Take the model of a checkpoint, or begin."""
        self._model.restore(checkpoint.parts[0] if checkpoint else None)

    def begin(self, work: list[Work]) -> list[Future[Done]]:
        """Give each worker its share of a round; return the futures for :meth:`end`."""
        return [self._threads.submit(self._model.run, share) for share in work]

    def end(self, futures: Sequence[Future[Done]]) -> list[Done]:
        """Wait for a round; return what each worker saw."""
        return [future.result() for future in futures]

    def snapshot(self, step: int) -> list[Future[Part]]:
        """Copy the state and write it in the background."""
        self._model.snapshot(step)
        assert self._model.writing is not None
        return [self._model.writing]

    def parts(self, futures: Sequence[Future[Part]], *, wait: bool) -> list[Part] | None:
        """Return the part that :meth:`snapshot` began; None where it is not written yet."""
        if wait or all(future.done() for future in futures):
            return [future.result() for future in futures]
        return None

    def stats(self) -> list[Stats]:
        """Ask the model what it looks like."""
        return [self._model.stats()]

    def pull(self, keys: np.ndarray) -> np.ndarray:
        """Return the weights of keys as they are, float32[keys, width]."""
        return self._model.pull(keys)

    def fitted(self) -> Fitted:
        """Return the model."""
        keys, state = self._model.states()
        return Fitted(keys, self._plan.objective.weights(state, keys), state)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
