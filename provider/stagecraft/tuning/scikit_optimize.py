"""Bayesian optimisation with scikit-optimize's models."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.space import Choice, Parameters


class GaussianProcess(Searcher):
    """Models the loss over the space by a Gaussian process, and asks where it promises most.

    The first trials are drawn at random, two more than the space has dimensions. A pending trial stands in
    with the best loss so far (a "constant liar"), a failed one with the worst, so that neither is asked
    again. The process is fitted anew for each trial: a fraction of a second at tens of trials, so it suits
    trials of seconds and more.

    Source: scikit-optimize's ``Optimizer``; Ginsbourger et al., Kriging Is Well-Suited to Parallelize
    Optimization, 2010, for the liar.
    """

    name = "gaussian_process"
    model: ClassVar[str] = "GP"
    redraws = 3  # Each fits the model anew.

    @property
    def initial(self) -> int:
        """How many trials are drawn at random."""
        return len(self.space) + 2

    def propose(self, number: int, pending: Sequence[Parameters], source: random.Random) -> Parameters:
        told = self.losses(source)
        losses = [loss for loss in told if loss is not None]
        if number < self.initial or not losses:
            return self.space.sample(source)
        points = [self._encode(seen.parameters) for seen in self.observations]
        values = [max(losses) if loss is None else loss for loss in told]
        points += [self._encode(parameters) for parameters in pending]
        values += [min(losses)] * len(pending)
        return self._decode(self._best(points, values, source.getrandbits(32)))

    def _best(self, points: list[list[Any]], values: list[float], seed: int) -> list[Any]:
        from sklearn.exceptions import ConvergenceWarning
        from skopt import Optimizer
        from skopt.space import Categorical, Real
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        dimensions = [
            Categorical([str(index) for index in range(len(dimension.options))])
            if isinstance(dimension, Choice)
            else Real(0.0, 1.0)
            for dimension in self.space.dimensions.values()
        ]
        optimizer = Optimizer(
            dimensions, base_estimator=self.model, acq_func="EI", n_initial_points=0, random_state=seed
        )
        # Threads cost six times the CPU on matrices this small, and change the last bits.
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", "The objective has been evaluated at", UserWarning)
            optimizer.tell(points, values)
            return list(optimizer.ask())

    def _encode(self, parameters: Parameters) -> list[Any]:
        """Numbers as their place in the unit interval, a choice as its number in the list."""
        return [
            str(min(int(unit * len(dimension.options)), len(dimension.options) - 1))
            if isinstance(dimension, Choice)
            else min(max(unit, 0.0), 1.0)
            for dimension, unit in zip(
                self.space.dimensions.values(), self.space.to_unit(parameters), strict=True
            )
        ]

    def _decode(self, point: list[Any]) -> Parameters:
        return self.space.from_unit(
            [
                (int(value) + 0.5) / len(dimension.options) if isinstance(dimension, Choice) else float(value)
                for dimension, value in zip(self.space.dimensions.values(), point, strict=True)
            ]
        )


class ExtraTrees(GaussianProcess):
    """As :class:`GaussianProcess`, with extremely randomised trees in its place."""

    name = "extra_trees"
    model = "ET"


class RandomForest(GaussianProcess):
    """As :class:`GaussianProcess`, with a random forest in its place."""

    name = "random_forest"
    model = "RF"
