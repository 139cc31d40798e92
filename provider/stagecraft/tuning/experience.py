"""What finished studies have taught: a record a study, beside the studies in the store."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from stagecraft.artifacts.fingerprint import fingerprint
from stagecraft.tuning.meta_features import distance
from stagecraft.tuning.space import Dimension, Parameters, Space

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store
    from stagecraft.tuning.trials import Trials

log = logging.getLogger(__name__)

FOLDER = "experience"
TRIALS, KEPT = 10, 3
GOOD, APART = 0.8, 0.1


class Task(BaseModel):
    """What a study tunes, and for what kind of data.

    :param trainer: its name and version; studies of one trainer learn from each other
    :param features: what the data are like, as :func:`~stagecraft.tuning.meta_features.meta_features` says
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    trainer: str
    features: dict[str, float]


class Configuration(BaseModel):
    """Parameters that did well.

    :param score: 1 for the study's best, 0 for its median trial
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    parameters: dict[str, Any]
    score: float


class Lesson(BaseModel):
    """What a study has taught.

    :param study: its folder
    :param metric: that it judged by, its first objective
    :param trials: how many had finished
    :param best: its good configurations that are unlike each other, the best one first
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    task: Task
    metric: str
    space: dict[str, Dimension]
    trials: int
    best: list[Configuration]

    @classmethod
    def of(cls, study: Trials, folder: str, task: Task) -> Lesson | None:
        """Return what a study has taught; None where fewer than ten trials finished, or all were equal."""
        finished = sorted((study.spec.losses(trial.metrics)[0], trial.number) for trial in study.finished)
        if len(finished) < TRIALS:
            return None
        least, median = finished[0][0], statistics.median(loss for loss, _ in finished)
        if not least < median:
            return None
        space = Space(study.spec.space)
        best: list[Configuration] = []
        for loss, number in finished:
            score = (median - loss) / (median - least)
            parameters = study.trials[number].parameters
            if score < GOOD or len(best) == KEPT:
                break
            if all(apart(space, parameters, other.parameters) > APART for other in best):
                best.append(Configuration(parameters=parameters, score=score))
        return cls(
            study=folder,
            task=task,
            metric=study.spec.metric,
            space=study.spec.space,
            trials=len(finished),
            best=best,
        )


class Experience:
    """The lessons of a store, a small file a study: ``experience/<trainer>/<study>.json``.

    Each is written in one step, and again when its study went on; so any number of studies may end at a time.

    >>> import tempfile
    >>> from stagecraft.artifacts.store import Store
    >>> experience = Experience(Store(tempfile.mkdtemp()))
    >>> task = Task(trainer="trees 1", features={"rows": 4.0})
    >>> lesson = Lesson(study="studies/1", task=task, metric="auc", space={}, trials=20, best=[])
    >>> experience.add(lesson)
    >>> [(round(apart, 1), lesson.study) for apart, lesson in experience.of(task, "auc")]
    [(0.0, 'studies/1')]
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(self, lesson: Lesson) -> None:
        """Keep a lesson, in place of an earlier one of the same study.

        :raises UnwritableStoreError: the store refuses
        """
        name = fingerprint("study", 1, {"study": lesson.study}, {})
        uri = self.store.uri(self._folder(lesson.task), f"{name}.json")
        self.store.write(uri, lesson.model_dump_json(indent=1).encode())

    def of(self, task: Task, metric: str) -> list[tuple[float, Lesson]]:
        """Return the lessons of the task's trainer, each with how unlike its task is; the nearest first."""
        told = [
            (distance(task.features, lesson.task.features), lesson)
            for lesson in self._lessons(task)
            if lesson.metric == metric and lesson.task.trainer == task.trainer
        ]
        return sorted(told, key=lambda pair: (pair[0], pair[1].study))

    def _lessons(self, task: Task) -> Iterator[Lesson]:
        folder = self.store.strip(self.store.uri(self._folder(task)))
        if not self.store.filesystem.exists(folder):
            return
        for path in sorted(self.store.filesystem.find(folder)):
            if not path.endswith(".json"):
                continue
            try:
                yield Lesson.model_validate_json(self.store.filesystem.cat_file(path))
            except ValueError as error:  # An earlier study's fault is none of the new one's.
                log.warning("%s: the lesson is unreadable, and left out (%s)", path, error)

    @staticmethod
    def _folder(task: Task) -> str:
        return f"{FOLDER}/{fingerprint('trainer', 1, {'trainer': task.trainer}, {})}"


def apart(space: Space, one: Parameters, other: Parameters) -> float:
    """Return how far apart two configurations are: 0 for equal ones, 1 for opposite corners of the space."""
    pairs = zip(space.to_unit(one), space.to_unit(other), strict=True)
    return float((sum((left - right) ** 2 for left, right in pairs) / len(space)) ** 0.5)
