"""What a searcher is: it is told what trials came to, and asked for the next one."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from stagecraft.tuning.expression import Expression
from stagecraft.tuning.space import Parameters, Space, Value


@dataclass(frozen=True)
class Observation:
    """A trial that ended.

    :param losses: one an objective, the lower the better; None where it failed
    :param cost: CPU seconds
    """

    parameters: Parameters
    losses: tuple[float, ...] | None
    cost: float = 0.0


class Searcher(ABC):
    """Proposes parameters; the lower a loss the better.

    A proposal depends on the seed, the trial's number, what was told, and what is pending, and on nothing
    else: not on how many times it was asked, nor on the process. So a searcher that is built anew and told
    the recorded trials goes on where the last one stopped. It satisfies the space's constraints, and repeats
    no earlier one where the space is not used up.

    :param space: what to search
    :param seed: decides every random draw
    :param start: what to try first, as a trainer's own defaults
    :param effort: what a trial costs by its parameters, in any unit, for searchers that weigh it
    :param steps: the parameter that trials themselves find, whatever is asked for
    """

    name: ClassVar[str]
    learns_steps: ClassVar[bool] = False
    """Whether it takes in how many steps were best for a trial."""

    redraws: ClassVar[int] = 20

    def __init__(
        self,
        space: Space,
        seed: int = 0,
        start: Sequence[Parameters] = (),
        effort: Expression | None = None,
        steps: str | None = None,
    ) -> None:
        self.space, self.seed, self.start = space, seed, [dict(given) for given in start]
        self.effort, self.steps = effort, steps
        self.observations: list[Observation] = []
        self._seen: set[str] = set()

    @property
    def limit(self) -> int | None:
        """How many trials there are to try; None where no bound is known."""
        return None

    def known(self, number: int, concurrency: int) -> int:
        """Return how many trials, from the first on, decide trial ``number``: their results are waited for.

        :param concurrency: trials at a time
        """
        return max(number - concurrency + 1, 0)

    def parent(self, number: int) -> int | None:
        """Return the trial from whose checkpoint trial ``number`` goes on; None where it begins anew."""
        return None

    def tell(self, parameters: Parameters, losses: Sequence[float] | None, cost: float = 0.0) -> None:
        """Take in the result of a trial.

        :param losses: one an objective; None says that it failed
        :param cost: CPU seconds
        """
        kept = None if losses is None else tuple(losses)
        self.observations.append(Observation(dict(parameters), kept, cost))
        self._seen.add(self.key(parameters))

    def ask(self, number: int, pending: Sequence[Parameters] = ()) -> Parameters:
        """Return the parameters of trial ``number``, as plain Python values.

        :param number: counts trials from 0
        :param pending: parameters of earlier trials whose results are not told yet
        """
        if number < len(self.start):
            return dict(self.start[number])
        seen = self._seen.union(map(self.key, pending))
        for draw in range(self.redraws):
            proposal = self.propose(number, pending, self.source(number, draw))
            if self.space.feasible(proposal) and self.key(proposal) not in seen:
                return proposal
        return self.space.sample(self.source(number))

    @abstractmethod
    def propose(self, number: int, pending: Sequence[Parameters], source: Random) -> Parameters:
        """Return parameters that promise well; :meth:`ask` draws again where they cannot be used.

        :param source: of all random draws
        """

    def key(self, parameters: Parameters) -> str:
        """Return a text that the parameters of equal trials share."""
        return key_of({name: value for name, value in parameters.items() if name != self.steps})

    def source(self, number: int, draw: int = 0) -> Random:
        """The source of random draws for one trial."""
        return Random(f"{self.seed}/{number}" + (f"/{draw}" if draw else ""))

    def losses(self, source: Random) -> list[float | None]:
        """Return one loss a trial that was told; None where it failed.

        Several objectives are weighed against each other by weights of this draw, so that many draws search
        the whole Pareto front. Source: Knowles, ParEGO, IEEE Transactions on Evolutionary Computation 10,
        2006.
        """
        told = [seen.losses for seen in self.observations]
        finished = [losses for losses in told if losses is not None]
        if not finished or len(finished[0]) == 1:
            return [None if losses is None else losses[0] for losses in told]
        lows, highs = map(min, zip(*finished, strict=True)), map(max, zip(*finished, strict=True))
        scales = [(low, (high - low) or 1.0) for low, high in zip(lows, highs, strict=True)]
        draws = [source.expovariate(1.0) for _ in scales]
        weights = [draw / sum(draws) for draw in draws]

        def weighed(losses: tuple[float, ...]) -> float:
            parts = [
                weight * (loss - low) / scale
                for weight, loss, (low, scale) in zip(weights, losses, scales, strict=True)
            ]
            return float(max(parts) + 0.05 * sum(parts))

        return [None if losses is None else weighed(losses) for losses in told]


def key_of(parameters: Mapping[str, Value]) -> str:
    """Return a text that equal parameters share."""
    return json.dumps(parameters, sort_keys=True)
