"""What a searcher is: it is told what trials came to, and asked for the next one."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from stagecraft.tuning.space import Parameters, Space


@dataclass(frozen=True)
class Observation:
    """A trial that ended: its parameters, and its loss, or None where it failed."""

    parameters: Parameters
    loss: float | None


class Searcher(ABC):
    """Proposes parameters; the lower a loss the better.

    A proposal depends on the seed, the trial's number, what was told, and what is pending, and on nothing
    else: not on how many times it was asked, nor on the process. So a searcher that is built anew and told
    the recorded trials goes on where the last one stopped.

    :param space: what to search
    :param seed: decides every random draw
    """

    name: ClassVar[str]

    def __init__(self, space: Space, seed: int = 0) -> None:
        self.space, self.seed = space, seed
        self.observations: list[Observation] = []

    def tell(self, parameters: Parameters, loss: float | None) -> None:
        """Take in the result of a trial; a loss of None says that it failed."""
        self.observations.append(Observation(dict(parameters), loss))

    @abstractmethod
    def ask(self, number: int, pending: Sequence[Parameters] = ()) -> Parameters:
        """Return the parameters of trial ``number``, as plain Python values.

        :param number: counts trials from 0
        :param pending: parameters of earlier trials whose results are not told yet
        """

    def random(self, number: int) -> random.Random:
        """The source of random draws for one trial."""
        return random.Random(f"{self.seed}/{number}")

    def sample(self, number: int) -> Parameters:
        """Draw parameters uniformly from the space."""
        source = self.random(number)
        return self.space.from_unit([source.random() for _ in range(len(self.space))])
