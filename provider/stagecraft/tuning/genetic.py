"""A genetic algorithm."""

from __future__ import annotations

import random
from collections.abc import Sequence

from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.space import Choice, Parameters

SURVIVORS = 8
SHARE = 0.4
CROSSED = 0.7
WIDEST, NARROWEST, SHRINKING = 0.25, 0.04, 40


class Genetic(Searcher):
    """Breeds each trial from two of the best so far: their parameters mixed, and some of them mutated.

    It costs next to nothing, so it suits trials of milliseconds. There are no generations: whatever is told
    may be a parent of the next, so trials that run at a time do not wait for each other. The first trials are
    spread evenly over the space, or around what the study starts with. Mutations get smaller as trials go on.

    Source: Whitley, The GENITOR Algorithm and Selection Pressure, ICGA 1989, for the steady state.

    >>> from stagecraft.tuning.space import Space, Uniform
    >>> searcher = Genetic(Space({"x": Uniform(-1, 1)}), seed=1)
    >>> for number in range(60):
    ...     parameters = searcher.ask(number)
    ...     searcher.tell(parameters, [(parameters["x"] - 0.3) ** 2])
    >>> min(seen.losses[0] for seen in searcher.observations) < 1e-3
    True
    """

    name = "genetic"

    @property
    def initial(self) -> int:
        """How many trials are spread evenly."""
        return len(self.space) + 2

    def propose(self, number: int, pending: Sequence[Parameters], source: random.Random) -> Parameters:
        losses = self.losses(source)
        ranked = sorted((loss, place) for place, loss in enumerate(losses) if loss is not None)
        if number < self.initial or len(ranked) < 2:
            return self.first(number, source)
        best = [
            self.space.to_unit(self.observations[place].parameters)
            for _, place in ranked[: max(SURVIVORS, len(ranked) // 5)]
        ]
        return self.space.from_unit(self._child(best, number, source))

    def first(self, number: int, source: random.Random) -> Parameters:
        """Return one of the evenly spread trials; nearer to what the study starts with, where there is that.

        A trainer's own parameters are seldom far from good ones. Options of a choice are as near as any.
        """
        point = spread(number, len(self.space), self.seed, source)
        if self.start:
            begun = self.space.to_unit(self.start[number % len(self.start)])
            point = [
                far if isinstance(dimension, Choice) else near + SHARE * (far - near)
                for near, far, dimension in zip(begun, point, self.space.dimensions.values(), strict=True)
            ]
        return self.space.from_unit(point)

    def _child(self, best: list[list[float]], number: int, source: random.Random) -> list[float]:
        """Return a point between two parents, the better ones chosen more often."""
        first, second = (best[min(source.randrange(len(best)) for _ in range(2))] for _ in range(2))
        width = max(WIDEST * 0.5 ** (number / SHRINKING), NARROWEST)
        mutated = source.randrange(len(first))
        child = []
        for place, dimension in enumerate(self.space.dimensions.values()):
            unit = first[place]
            if source.random() < CROSSED:
                unit += source.uniform(-0.25, 1.25) * (second[place] - unit) if source.random() < 0.5 else 0.0
            if place == mutated or source.random() < 2 / len(first):
                unit = source.random() if isinstance(dimension, Choice) else unit + source.gauss(0.0, width)
            child.append(reflected(unit))
        return child


def reflected(unit: float) -> float:
    """Return a place within the unit interval, mirrored at its ends."""
    unit = abs(unit) % 2
    return 2 - unit if unit > 1 else unit


def spread(number: int, dimensions: int, seed: int, source: random.Random) -> list[float]:
    """Return one of the points that lie evenly in the unit cube.

    Source: Roberts, The Unreasonable Effectiveness of Quasirandom Sequences, 2018; shifted by the seed.
    """
    golden = 2.0
    for _ in range(30):
        golden = (1 + golden) ** (1 / (dimensions + 1))
    shifts = random.Random(f"{seed}/shift")
    return [(shifts.random() + (number + 1) * golden ** -(place + 1)) % 1 for place in range(dimensions)]
