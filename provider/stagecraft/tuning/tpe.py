"""Optuna's tree-structured Parzen estimator."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.space import Choice, Dimension, Integer, LogUniform, Parameters, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


class TreeParzen(Searcher):
    """Models where good trials lie and where bad ones, and asks where the first outweigh the second.

    The first ten trials are drawn at random. It takes several objectives as they are.

    Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011; Optuna's
    ``TPESampler``.
    """

    name = "tpe"

    def propose(self, number: int, pending: Sequence[Parameters], source: random.Random) -> Parameters:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        objectives = next((len(seen.losses) for seen in self.observations if seen.losses), 1)
        sampler = optuna.samplers.TPESampler(seed=source.getrandbits(32), constant_liar=bool(pending))
        study = optuna.create_study(sampler=sampler, directions=["minimize"] * objectives)
        study.add_trials(
            [frozen(self.space, seen.parameters, seen.losses) for seen in self.observations]
            + [frozen(self.space, parameters, None, running=True) for parameters in pending]
        )
        trial = study.ask()
        return self.space.choose(
            lambda name, dimension: _suggested(trial._suggest(name, distribution(dimension)), dimension)
        )


def distribution(dimension: Dimension) -> BaseDistribution:
    """Return a dimension as Optuna knows it: a choice by its number in the list."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    match dimension:
        case Choice(options):
            return CategoricalDistribution(list(range(len(options))))
        case Integer(low, high):
            return IntDistribution(low, high, log=dimension.log, step=dimension.step)
        case LogUniform(low, high):
            return FloatDistribution(low, high, log=True)
    return FloatDistribution(dimension.low, dimension.high, step=dimension.step)


def frozen(
    space: Space,
    parameters: Mapping[str, Any],
    losses: Sequence[float] | None,
    *,
    running: bool = False,
    **more: Any,
) -> FrozenTrial:
    """Return a trial as Optuna records it.

    :param losses: None where it failed, or runs
    """
    from optuna.trial import TrialState, create_trial

    state = TrialState.RUNNING if running else TrialState.FAIL if losses is None else TrialState.COMPLETE
    return create_trial(
        state=state,
        values=None if losses is None else list(losses),
        params={name: _inner(space.dimensions[name], value) for name, value in parameters.items()},
        distributions={name: distribution(space.dimensions[name]) for name in parameters},
        **more,
    )


def _inner(dimension: Dimension, value: Any) -> Any:
    if not isinstance(dimension, Choice):
        return value
    return [(type(option), option) for option in dimension.options].index((type(value), value))


def _suggested(value: Any, dimension: Dimension) -> Any:
    return dimension.options[int(value)] if isinstance(dimension, Choice) else value
