"""What decides which parameters a study's trials get."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.expression import Expression
from stagecraft.tuning.population import Population
from stagecraft.tuning.rounds import Rounds
from stagecraft.tuning.searchers import SEARCHERS, SearcherName
from stagecraft.tuning.space import Dimension, Integer, Parameters, Space

Direction = Literal["minimize", "maximize"]
Value = TypeVar("Value")


class StudySpec(BaseModel):
    """What decides which parameters a study's trials get.

    :param space: name → dimension
    :param constraints: name → expression over parameters that must hold
    :param objectives: metric → whether it is to fall or to rise. The first one is watched; of several, the
        trials that no other one beats in all of them make the Pareto front
    :param seed: decides every random draw
    :param concurrency: trials at a time: trial ``n`` is chosen by the results of trials up to
        ``n - concurrency``, whichever ended meanwhile, so equal studies choose equal trials
    :param start: parameters to try first, as the trainer's own defaults
    :param effort: what a trial costs, in any unit, as an expression over parameters that every trial has,
        ``"rounds * max_depth"``; the default searcher prefers what promises more for it
    :param steps: the parameter that says how many steps trials report, ``"rounds"``. Whatever is asked for, a
        trial may make the most of them, and its record is that of one which ends at its best step
    :param rounds: rounds that narrow the space; one round without end where None
    :param population: trains the trials as a population in place of searching, for trainers that keep
        checkpoints; its first trials are drawn at random
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    space: dict[str, Dimension]
    constraints: dict[str, str] = {}
    objectives: dict[str, Direction] = Field(min_length=1)
    searcher: SearcherName = "default"
    seed: int = 0
    concurrency: int = Field(default=1, ge=1)
    start: list[dict[str, Any]] = []
    effort: str | None = None
    steps: str | None = None
    rounds: Rounds | None = None
    population: Population | None = None

    @model_validator(mode="after")
    def _whole(self) -> StudySpec:
        space = Space(self.space, self.constraints)
        for number, given in enumerate(self.start):
            space.check(given, f"study.start[{number}]")
        if self.steps is not None:
            self._check_steps(self.steps)
        if self.effort is not None:
            self.weighed(self.searched)
        if self.population is not None:
            for field, value, instead in (
                ("searcher", self.searcher, "default"),
                ("rounds", self.rounds, None),
                ("steps", self.steps, None),
            ):
                if value != instead:
                    raise InvalidInputError(
                        f"study.{field}", f"{value} beside a population", f"{instead}, or no population"
                    )
        return self

    def _check_steps(self, name: str) -> None:
        dimension = self.space.get(name)
        if not isinstance(dimension, Integer) or dimension.when:
            found = f"{name!r} is {dimension or 'no parameter of the space'}"
            raise InvalidInputError("study.steps", found, "an Integer that every trial has")
        if len(self.objectives) > 1:
            found = f"steps beside the objectives {', '.join(self.objectives)}"
            raise InvalidInputError("study.steps", found, "one objective: what is best differs between them")
        for label, text in self.constraints.items():
            if name in Expression(text, f"study.constraints[{label}]").names:
                found = f"{text!r}, which asks for the steps {name}"
                raise InvalidInputError(f"study.constraints[{label}]", found, "one over other parameters")
        if len(self.space) == 1:
            raise InvalidInputError(
                "study.space", f"{name} alone, the steps", "a parameter beside it to search"
            )

    @property
    def searched(self) -> Space:
        """What the searcher sees: the steps only where it learns from them."""
        return Space(self.seen(self.space), self.constraints)

    @property
    def total(self) -> float:
        """How many steps a trial may come to; infinite where that is unknown."""
        dimension = self.space.get(self.steps or "")
        return dimension.from_unit(1.0) if isinstance(dimension, Integer) else math.inf

    def whole(self, searched: Parameters) -> Parameters:
        """Return a trial's parameters: those that were searched, and the most steps."""
        return searched if self.steps is None else {**searched, self.steps: int(self.total)}

    def seen(self, by_name: Mapping[str, Value]) -> dict[str, Value]:
        """Return what the searcher sees of something by the parameters' names."""
        hidden = None if SEARCHERS[self.searcher].learns_steps else self.steps
        return {name: value for name, value in by_name.items() if name != hidden}

    def weighed(self, space: Space) -> Expression | None:
        """Return the effort.

        :raises InvalidInputError: it asks for what not every trial has, or has no value
        """
        if self.effort is None:
            return None
        effort = Expression(self.effort, "study.effort")
        always = [name for name, dimension in space.dimensions.items() if not dimension.when]
        if unknown := sorted(effort.names - set(always)):
            found = f"no parameter {', '.join(unknown)} that every trial has"
            raise InvalidInputError("study.effort", found, f"an expression over {', '.join(always)}")
        float(effort.of(space.sample(Random(0))))
        return effort

    @property
    def metric(self) -> str:
        """The first objective."""
        return next(iter(self.objectives))

    @property
    def direction(self) -> Direction:
        """Of the first objective."""
        return self.objectives[self.metric]

    def losses(self, metrics: Mapping[str, float]) -> tuple[float, ...]:
        """Return the objectives' values, the lower the better."""
        return tuple(
            metrics[name] if direction == "minimize" else -metrics[name]
            for name, direction in self.objectives.items()
        )
