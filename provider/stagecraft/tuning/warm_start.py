"""Where a new study begins: at what did well in earlier studies of similar tasks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.experience import APART, Experience, Lesson, Task, apart
from stagecraft.tuning.space import Dimension, Parameters, Space

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store
    from stagecraft.tuning.spec import StudySpec
    from stagecraft.tuning.study import Study

log = logging.getLogger(__name__)

AT_MOST = 2
SIMILAR = 0.3
SHARED = 0.75
TOLD = 10
BLIND = ("grid", "random")


class Considered(BaseModel):
    """An earlier study, and what became of it.

    :param distance: of its task, 0 for an equal one
    :param used: the configurations that the new study begins with
    :param why: why there is none, or not more
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    distance: float | None
    used: list[dict[str, Any]] = []
    why: str | None = None


class WarmStart(BaseModel):
    """What a study takes over from earlier ones, as its journal has it.

    :param start: parameters to try after the study's own
    :param considered: the nearest studies
    :param why: why none was looked for
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: list[dict[str, Any]] = []
    considered: list[Considered] = []
    why: str | None = None

    def __str__(self) -> str:
        if self.why is not None:
            return self.why
        if not self.considered:
            return "no earlier study of this trainer and metric"
        used = [
            f"{each.study} gave {', '.join(map(str, each.used))}" for each in self.considered if each.used
        ]
        nearest = self.considered[0]
        return "; ".join(used) or f"no earlier study fits: the nearest, {nearest.study}, {nearest.why}"


def begin(study: Study, task: Task) -> WarmStart:
    """Let a new study begin at what similar ones found best, and record so; return what it does.

    A study that has begun keeps what it began with, whatever the store has learnt since.
    """
    if study.warm_start is None and not study.trials:
        study.begin_warm(chosen(study.store, task, study.spec))
    found = study.warm_start or WarmStart()
    log.info("Warm start of %s: %s", study.folder, found)
    return found


def remember(study: Study, task: Task) -> Lesson | None:
    """Keep what the study has taught for later ones; None where that is nothing."""
    if study.spec.population is not None:  # Its members' parameters changed on their way.
        return None
    lesson = Lesson.of(study, study.folder, task)
    if lesson is not None:
        Experience(study.store).add(lesson)
    return lesson


def chosen(store: Store, task: Task, spec: StudySpec) -> WarmStart:
    """Return one or two configurations of the studies with the most similar tasks, unlike each other."""
    if spec.searcher in BLIND:
        return WarmStart(why=f"the searcher {spec.searcher} takes nothing over")
    if spec.population is not None:
        return WarmStart(why="a population takes nothing over")
    space = Space(spec.space, spec.constraints)
    own = spec.start[0] if spec.start else {}
    start: list[Parameters] = []
    considered: list[Considered] = []
    for far, lesson in Experience(store).of(task, spec.metric)[:TOLD]:
        used: list[Parameters] = []
        why = None
        if far > SIMILAR:
            why = f"is unlike: {far:.2f} away, above {SIMILAR}"
        elif len(start) == AT_MOST:
            why = f"is further than the {AT_MOST} that are used"
        else:
            why, used = _taken(lesson, space, own, [*spec.start, *start])
            start += used
        finite = far if far < float("inf") else None
        considered.append(Considered(study=lesson.study, distance=finite, used=used, why=why))
    return WarmStart(start=start, considered=considered)


def _taken(
    lesson: Lesson, space: Space, own: Mapping[str, Any], known: list[Parameters]
) -> tuple[str | None, list[Parameters]]:
    """Return the lesson's best configuration that is new here, or why there is none."""
    why = "has no good configuration"
    for configuration in lesson.best:
        try:
            parameters = adapted(configuration.parameters, lesson.space, space, own)
        except InvalidInputError as error:
            why = f"does not fit: {error}"
            continue
        if all(apart(space, parameters, other) > APART for other in known):
            return None, [parameters]
        why = "says what is tried already"
    return why, []


def adapted(
    parameters: Mapping[str, Any],
    theirs: Mapping[str, Dimension],
    space: Space,
    own: Mapping[str, Any],
) -> Parameters:
    """Return another study's parameters as parameters of a space.

    Three quarters of the space must be what theirs was: a dimension of the same name and kind that holds the
    value, or one that neither uses. The rest is taken from ``own``.

    :raises InvalidInputError: too little is shared, ``own`` lacks a parameter, or the outcome breaks a
        constraint

    >>> from stagecraft.tuning.space import Integer, Uniform
    >>> old = {"x": Uniform(0, 1), "depth": Integer(1, 9)}
    >>> adapted({"x": 0.25, "depth": 3}, old, Space({"x": Uniform(0, 0.5), "depth": Integer(2, 6)}), {})
    {'depth': 3, 'x': 0.25}
    """
    values: dict[str, Any] = {}
    for name, dimension in space.dimensions.items():
        same = name in theirs and type(theirs[name]) is type(dimension)
        if same and (name not in parameters or dimension.contains(parameters[name])):
            values[name] = parameters.get(name)
    if len(values) < SHARED * len(space):
        found = f"{len(values)} of {len(space)} dimensions hold an earlier study's values"
        raise InvalidInputError("study.space", found, f"{SHARED:.0%} of them")
    whole = {name: values[name] if name in values else own.get(name) for name in space.dimensions}
    return space.check(space.active(whole), "study.warm_start")
