"""The searcher that is used where none is named."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from stagecraft.tuning.genetic import Genetic
from stagecraft.tuning.space import Parameters

if TYPE_CHECKING:
    import numpy as np
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    from stagecraft.tuning.cube import Cube

CHEAP, MANY = 0.02, 300
ELITE, REFINED = 6, 4
BRED = 4
COOLING = 20
"""After so many trials an effort counts by its root, and less and less from there."""


class Default(Genetic):
    """Picks by the cost of a trial: a genetic algorithm for short ones, a small Gaussian process else.

    The first trials are spread evenly over the space, or around what the study starts with. Then, where a
    trial costs more than a fiftieth of a CPU second, each is the one of many candidates (anywhere in the
    space, near the best so far, and mixed from them) that a Gaussian process expects to improve most on the
    best. The process sees the losses by their ranks and is fitted anew for each trial, in about a hundredth
    of a second; so it ends at 300 trials, and the genetic algorithm goes on. Every fourth trial is the
    genetic algorithm's in any case, so that a wrong model does not lead astray. Where the study states the
    effort of a trial, what it promises is divided by a power of that which falls as trials go on: cheap ones
    come first, and dear ones once these have little more to tell.

    Source: Jones et al., Efficient Global Optimization of Expensive Black-Box Functions, Journal of Global
    Optimization 13, 1998; Eriksson et al., Scalable Global Optimization via Local Bayesian Optimization,
    NeurIPS 2019, for candidates near the best; Snoek et al., Practical Bayesian Optimization of Machine
    Learning Algorithms, NeurIPS 2012, for the effort; Lee et al., Cost-aware Bayesian Optimization, ICML
    AutoML workshop 2020, for its power.
    """

    name = "default"
    learns_steps = True

    @property
    def initial(self) -> int:
        return len(self.space) // 2 + 2

    def propose(self, number: int, pending: Sequence[Parameters], source: random.Random) -> Parameters:
        if number < self.initial:
            return self.first(number, source)
        told = self.losses(source)
        bred = number % BRED == BRED - 1
        if bred or len(told) - told.count(None) < 3 or len(told) > MANY or self._cheap():
            return super().propose(number, pending, source)
        return self._modelled(told, pending, source)

    @cached_property
    def _cube(self) -> Cube:
        from stagecraft.tuning.cube import Cube

        return Cube(self.space, self.effort)

    @cached_property
    def _units(self) -> list[list[float]]:
        """The places of the observations in the unit cube, as far as they were asked for."""
        return []

    @cached_property
    def _threads(self) -> ThreadpoolController:
        import scipy.linalg  # noqa: F401 - what is loaded later is not limited
        from threadpoolctl import ThreadpoolController

        return ThreadpoolController()

    def _cheap(self) -> bool:
        costs = [seen.cost for seen in self.observations]
        return statistics.median(costs) < CHEAP

    def _modelled(
        self, told: list[float | None], pending: Sequence[Parameters], source: random.Random
    ) -> Parameters:
        import numpy as np

        from stagecraft.tuning.kriging import Kriging, expected_improvement

        draw = np.random.default_rng(source.getrandbits(64))
        self._units += [self.space.to_unit(s.parameters) for s in self.observations[len(self._units) :]]
        cube, units = self._cube, np.array(self._units)
        values, power = transformed(told), 1 / (1 + len(told) / COOLING)
        with self._threads.limit(limits=1):
            model = Kriging.fit(cube.features(units), values)
            if pending:  # what runs is believed to come to what the model says
                waiting = np.array([self.space.to_unit(parameters) for parameters in pending])
                values = np.append(values, model.predict(cube.features(waiting))[0])
                units = np.vstack([units, waiting])
                model = Kriging.fit(cube.features(units), values)
            goal = float(model.predict(cube.features(units))[0].min())

            def promise(points: np.ndarray) -> np.ndarray:
                expected = expected_improvement(*model.predict(cube.features(points)), model.noise, goal)
                each: np.ndarray = expected - power * cube.efforts(points)
                return each

            points = cube.candidates(units[np.argsort(values, kind="stable")[:ELITE]], draw)
            best = points[np.argsort(-promise(points), kind="stable")[:REFINED]]
            points = np.vstack([points, cube.finer(best, draw)])
            order = np.argsort(-promise(points), kind="stable")
        known = self._seen.union(map(self.key, pending))
        for place in order:
            parameters = self.space.from_unit(points[place].tolist())
            if self.space.feasible(parameters) and self.key(parameters) not in known:
                return parameters
        return self.space.sample(source)


def transformed(told: list[float | None]) -> np.ndarray:
    """Return losses as the model takes them: the normal quantiles of their ranks; the failed are worst."""
    import numpy as np
    from scipy.special import ndtri
    from scipy.stats import rankdata

    finished = [loss for loss in told if loss is not None]
    losses = np.array([max(finished) if loss is None else loss for loss in told])
    values: np.ndarray = ndtri((rankdata(losses) - 0.5) / len(losses))
    return values
