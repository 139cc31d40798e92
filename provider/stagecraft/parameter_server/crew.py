"""The shards and workers of one run: their actors on Ray."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import ray
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from stagecraft.errors import UnreachableError
from stagecraft.parameter_server.fitted import Fitted
from stagecraft.parameter_server.in_place import InPlace
from stagecraft.parameter_server.pair import Pair
from stagecraft.parameter_server.shard import Shard
from stagecraft.parameter_server.units import Work
from stagecraft.parameter_server.wire import TOKEN_BYTES, Severed
from stagecraft.parameter_server.worker import Worker

if TYPE_CHECKING:
    from stagecraft.parameter_server.checkpoint import Checkpoint, Checkpoints, Part
    from stagecraft.parameter_server.plan import Plan
    from stagecraft.parameter_server.share import Stats
    from stagecraft.parameter_server.units import Done

PLACEMENT_SECONDS = 120


@contextmanager
def reserved(plan: Plan) -> Iterator[PlacementGroup]:
    """Reserve a core for each shard and worker: close together where one node has enough, else spread out.

    A shard and the worker of its number are on one node, unless nodes have one core each.

    :return: with a bundle for each actor: those of shards first
    :raises UnreachableError: the cluster has too few
    """
    wanted = plan.shards + plan.workers
    largest = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
    if plan.shards:
        pairs = min(plan.shards, plan.workers) if largest >= 2 else 0
        bundles = [{"CPU": 2}] * pairs + [{"CPU": 1}] * (wanted - 2 * pairs)
        group = placement_group(bundles, strategy="PACK" if wanted <= largest else "SPREAD")
    else:
        group = placement_group([{"CPU": wanted}], strategy="STRICT_PACK")
    try:
        if not group.wait(PLACEMENT_SECONDS):
            where = "cores" if plan.shards else "cores on one node"
            raise UnreachableError(
                f"ps_train: Ray gave no {wanted} {where} for {plan.workers} workers and {plan.shards} shards "
                f"within {PLACEMENT_SECONDS} s; it has {ray.cluster_resources().get('CPU', 0):g}; what would "
                "do: fewer workers and shards, or a larger cluster"
            )
        yield group
    finally:
        remove_placement_group(group)


class Crew:
    """The actors that train together. The loss of one stops all, until :meth:`restore`."""

    failures = (RayError, Severed)
    """What calls raise where an actor is lost, or where it raised."""

    def __init__(self, plan: Plan, place: PlacementGroup, checkpoints: Checkpoints) -> None:
        self._plan, self._place, self._checkpoints = plan, place, checkpoints
        self._token = secrets.token_bytes(TOKEN_BYTES)
        self._incarnation = 0
        self._running: list[Any] = []
        self._pairs = plan.shards + plan.workers - place.bundle_count if plan.shards else 0
        self._watches: dict[int, Any] = {}
        self._shards = [self._new_shard(shard) for shard in range(max(plan.shards, 1))]
        others = range(plan.workers - self._pairs) if plan.shards else ()
        self._others = [self._new_other(worker) for worker in others]

    @property
    def _workers(self) -> list[Any]:
        """The actors that work, by rank: those with a shard, then the others."""
        if not self._plan.shards:
            return self._shards * self._plan.workers
        return [*self._shards[: self._pairs], *self._others]

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Bring all actors to a checkpoint, or to the beginning; new ones take the place of lost ones."""
        self._incarnation += 1
        parts = checkpoint.parts if checkpoint else [None] * len(self._shards)
        step = checkpoint.ledger.step if checkpoint else 0
        # The shards first: that releases the workers that wait for a step of the incarnation before.
        self._ask(self._shards, self._new_shard, "begin", [(part, step, self._incarnation) for part in parts])
        for future in self._running:
            with suppress(RayError):
                ray.get(future)
        self._running.clear()
        if self._plan.shards:
            joined = (ray.get([_control(shard, "open") for shard in self._shards]), self._incarnation)
            pairs = [_control(shard, "join", *joined) for shard in self._shards[: self._pairs]]
            self._ask(self._others, self._new_other, "join", [joined] * len(self._others))
            ray.get(pairs)

    def lost(self, failure: BaseException) -> BaseException:
        """Return what tells that an actor or its node was lost.

        :raises BaseException: the actor is there, and raised this
        """
        cause = failure
        while isinstance(cause, RayTaskError):
            cause = cause.cause
        if not isinstance(cause, self.failures):
            raise cause from failure
        return cause

    def _ask(
        self, actors: list[Any], new: Callable[[int], Any], method: str, arguments: Sequence[tuple[Any, ...]]
    ) -> None:
        """Call a method of every actor; a lost one is replaced and called again."""

        def ask(at: int) -> Any:
            return _control(actors[at], method, *arguments[at])

        again = []
        for at, call in enumerate([ask(at) for at in range(len(actors))]):
            try:
                ray.get(call)
            except RayActorError:
                ray.kill(actors[at])
                actors[at] = new(at)
                again.append(ask(at))
        ray.get(again)

    def _new_shard(self, shard: int) -> Any:
        plan, given = self._plan, self._checkpoints
        if not plan.shards:
            actor = self._actor(InPlace, 0, plan.workers, calls=plan.workers).remote(plan, given)
        elif shard < self._pairs:
            actor = self._actor(Pair, shard, cores=2).remote(plan, shard, given, self._token)
        else:
            actor = self._actor(Shard, shard).remote(plan, shard, given, self._token)
        self._watches[shard] = _control(actor, "watch")
        return actor

    def _new_other(self, worker: int) -> Any:
        made = self._actor(Worker, self._plan.shards + worker)
        return made.remote(self._plan, self._pairs + worker, self._token)

    def _actor(self, kind: type, bundle: int, cores: int = 1, *, calls: int = 1) -> Any:
        """Make an actor that works on so many calls at a time, beside those that look after it."""
        where = PlacementGroupSchedulingStrategy(self._place, placement_group_bundle_index=bundle)
        actor = ray.remote(concurrency_groups={"control": 4}, max_concurrency=calls)(kind)
        return actor.options(num_cpus=cores, max_restarts=0, scheduling_strategy=where)

    def begin(self, work: list[Work]) -> list[Any]:
        """Give each worker its share of a round; return the futures for :meth:`end`."""
        futures = [worker.run.remote(share) for worker, share in zip(self._workers, work, strict=True)]
        self._running += futures
        return futures

    def end(self, futures: list[Any]) -> list[Done]:
        """Wait for a round; return what each worker saw."""
        waiting = futures
        while waiting:
            ready, _ = ray.wait([*waiting, *self._watches.values()], num_returns=1)
            ray.get(ready)  # Raises where an actor is lost, whether others wait for it or not.
            waiting = [future for future in waiting if future not in ready]
        done: list[Done] = ray.get(futures)
        del self._running[: len(futures)]
        return done

    def snapshot(self, step: int) -> list[Any]:
        """Let every shard copy its state and write it in the background; return futures of the parts."""
        ray.get([_control(shard, "snapshot", step) for shard in self._shards])
        return [_control(shard, "written") for shard in self._shards]

    def parts(self, futures: list[Any], *, wait: bool) -> list[Part] | None:
        """Return the parts that :meth:`snapshot` began; None where they are not written yet."""
        ready, _ = ray.wait(futures, num_returns=len(futures), timeout=None if wait else 0)
        parts: list[Part] | None = ray.get(futures) if len(ready) == len(futures) else None
        return parts

    def stats(self) -> list[Stats]:
        """Ask every shard what it looks like."""
        stats: list[Stats] = ray.get([_control(shard, "stats") for shard in self._shards])
        return stats

    def pull(self, keys: np.ndarray) -> np.ndarray:
        """Return the weights of keys as they are, float32[keys, width].

        :param keys: int64
        """
        split = self._plan.partition.split(keys)
        calls = [
            _control(shard, "pull", split.numbers[split.of(at)]) for at, shard in enumerate(self._shards)
        ]
        weights = np.empty((len(keys), self._plan.objective.width), np.float32)
        weights[split.source] = np.concatenate(ray.get(calls))
        return weights

    def fitted(self) -> Fitted:
        """Return the model."""
        shares = ray.get([_control(shard, "states") for shard in self._shards])
        keys, state = (np.concatenate(parts) for parts in zip(*shares, strict=True))
        order = np.argsort(keys, kind="stable")
        keys, state = keys[order], state[order]
        return Fitted(keys, self._plan.objective.weights(state, keys), state)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for actor in [*self._others, *self._shards]:
            ray.kill(actor)


def _control(actor: Any, method: str, *arguments: Any) -> Any:
    """Call a method beside those that train."""
    return getattr(actor, method).options(concurrency_group="control").remote(*arguments)
