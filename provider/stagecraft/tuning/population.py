"""Population based training: members train side by side, and the worst go on from copies of the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.dimensions import Choice, Dimension, Integer, LogUniform
from stagecraft.tuning.expression import Expression
from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.space import Parameters, Space, Value
from stagecraft.tuning.trial import Trial

WHERE = "study.population"


class Population(BaseModel):
    """How a population trains.

    :param members: how many train side by side
    :param interval: steps that a member trains before it is compared with the others; so often as the
        study's trials come to
    :param quantile: the share of the members that go on from a copy of one of the best, who are as many
    :param resample: the probability with which a copy's parameter is drawn anew
    :param factors: what it is multiplied by else, either one as likely; a choice is kept

    Source: Jaderberg et al., Population Based Training of Neural Networks, 2017 (arXiv:1711.09846).

    >>> [Population(members=4, interval=5).until(trial) for trial in (0, 3, 4)]
    [5, 5, 10]
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    members: int = Field(default=8, ge=2, le=1000)
    interval: int = Field(ge=1)
    quantile: float = Field(default=0.25, gt=0, le=0.5)
    resample: float = Field(default=0.25, ge=0, le=1)
    factors: tuple[float, float] = (0.8, 1.2)

    @model_validator(mode="after")
    def _sensible(self) -> Population:
        if not 0 < self.factors[0] < 1 < self.factors[1]:
            raise InvalidInputError(
                f"{WHERE}.factors", f"{self.factors}", "one between 0 and 1, and one above: (0.8, 1.2)"
            )
        return self

    def until(self, trial: int) -> int:
        """Return the step to which a trial trains, which is one member's work of one generation."""
        return (trial // self.members + 1) * self.interval


class PopulationBased(Searcher):
    """Says from which earlier trial each one goes on, and with which parameters.

    A trial is one member's work between two comparisons: trial ``n`` is that of member ``n % members`` in
    generation ``n // members``. A generation begins when the one before has ended, so equal studies make
    equal choices, whichever trial ends first. A member that failed counts among the worst.

    :param population: how it trains

    >>> from stagecraft.tuning.space import Uniform
    >>> space = Space({"rate": Uniform(0.1, 1)})
    >>> searcher = PopulationBased(space, population=Population(members=2, interval=1, resample=0))
    >>> for loss in (0.3, 0.1):
    ...     searcher.tell({"rate": 1 - loss}, [loss])
    >>> (searcher.parent(2), searcher.ask(2)), (searcher.parent(3), searcher.ask(3))
    ((1, {'rate': 1.0}), (1, {'rate': 0.9}))
    """

    name = "population"

    def __init__(
        self,
        space: Space,
        seed: int = 0,
        start: Sequence[Parameters] = (),
        effort: Expression | None = None,
        *,
        population: Population,
    ) -> None:
        super().__init__(space, seed, start, effort)
        self.population = population

    def known(self, number: int, concurrency: int) -> int:
        return number // self.population.members * self.population.members

    def parent(self, number: int) -> int | None:
        """Return the trial from whose checkpoint a trial goes on; None where it begins at the start.

        The trials of the generation before are told.
        """
        members = self.population.members
        begins = number // members * members - members
        if begins < 0:
            return None
        told = {
            trial: math.inf if losses is None else losses[0]
            for trial in range(begins, begins + members)
            for losses in [self.observations[trial].losses]
        }
        ranked = sorted(told, key=lambda trial: (told[trial], trial))
        count = min(math.ceil(members * self.population.quantile), members // 2)
        best = [trial for trial in ranked[:count] if told[trial] < math.inf]
        own = number - members
        if own in ranked[-count:] or told[own] == math.inf:
            return self.source(number).choice(best) if best else None
        return own

    def ask(self, number: int, pending: Sequence[Parameters] = ()) -> Parameters:
        parent = self.parent(number)
        if parent is None:
            return super().ask(number, pending)
        before = dict(self.observations[parent].parameters)
        if parent == number - self.population.members:
            return before
        for draw in range(1, self.redraws):
            changed = self._changed(before, self.source(number, draw))
            if self.space.feasible(changed):
                return changed
        return before

    def propose(self, number: int, pending: Sequence[Parameters], source: Random) -> Parameters:
        return self.space.sample(source)

    def _changed(self, parameters: Parameters, source: Random) -> Parameters:
        def change(name: str, dimension: Dimension) -> Value:
            if name not in parameters or source.random() < self.population.resample:
                return dimension.from_unit(source.random())
            return scaled(dimension, parameters[name], source.choice(self.population.factors))

        return self.space.choose(change)


class Perturbation(NamedTuple):
    """A member that went on from a copy of another one.

    :param step: where it was
    :param trial: its next trial, which goes on from the copy
    :param source: the trial that was copied
    :param replaced: the member's own trial before, which was given up
    :param before: the copied parameters
    :param parameters: what became of them
    """

    step: int
    trial: int
    source: int
    replaced: int
    before: Parameters
    parameters: Parameters


def perturbations(population: Population, trials: Sequence[Trial]) -> list[Perturbation]:
    """Return the history of a population, as its trials tell it.

    :param trials: the study's, from the first on
    """
    return [
        Perturbation(
            population.until(trial.parent), trial.number, trial.parent, own, before, dict(trial.parameters)
        )
        for trial in trials
        for own in [trial.number - population.members]
        if trial.parent is not None and trial.parent != own
        for before in [dict(trials[trial.parent].parameters)]
    ]


def scaled(dimension: Dimension, value: Value, factor: float) -> Value:
    """Return a value multiplied by a factor, within its dimension, and moved by a step of it at least.

    >>> scaled(Integer(1, 9), 2, 1.2), scaled(Integer(1, 9), 9, 1.2), scaled(Choice(["a", "b"]), "a", 1.2)
    (3, 9, 'a')
    """
    if isinstance(dimension, Choice) or not isinstance(value, int | float):
        return value
    change = value * (factor - 1)
    if not isinstance(dimension, LogUniform) and dimension.step:
        change = math.copysign(max(dimension.step, abs(change)), change or factor - 1)
    wanted = min(max(value + change, dimension.low), dimension.high)
    return dimension.from_unit(dimension.to_unit(round(wanted) if isinstance(dimension, Integer) else wanted))
