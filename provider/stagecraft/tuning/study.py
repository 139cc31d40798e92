"""A study: the record of a sweep in the store, from which the sweep goes on after any crash."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.tuning.searchers import SearcherName, make_searcher
from stagecraft.tuning.space import Dimension, Space
from stagecraft.tuning.trial import Trial, TrialState

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store

STUDY_FILE = "study.json"


class StudySpec(BaseModel):
    """What decides which parameters a study's trials get.

    :param space: name → dimension
    :param metric: what the objective returns and the study watches
    :param direction: whether the metric is to fall or to rise
    :param seed: decides every random draw
    :param concurrency: trials at a time: trial ``n`` is chosen by the results of trials up to
        ``n - concurrency``, whichever ended meanwhile, so equal studies choose equal trials
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    space: dict[str, Dimension]
    metric: str
    direction: Literal["minimize", "maximize"]
    searcher: SearcherName = "random"
    seed: int = 0
    concurrency: int = Field(default=1, ge=1)


class Trials:
    """The trials of a study, or its first ones."""

    def __init__(self, spec: StudySpec, trials: list[Trial]) -> None:
        self.spec, self.trials = spec, trials

    @property
    def finished(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state is TrialState.FINISHED]

    @property
    def failed(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state is TrialState.FAILED]

    @property
    def settled(self) -> list[Trial]:
        """The trials that ended, either way."""
        return [trial for trial in self.trials if trial.state is not TrialState.RUNNING]

    @property
    def best(self) -> Trial | None:
        """The finished trial with the best metric; the earlier one of equals."""
        return min(self.finished, key=lambda trial: (self._loss(trial), trial.number), default=None)

    def first(self, number: int) -> Trials:
        """The first trials: those of an equal study of so many, whatever came after them."""
        return Trials(self.spec, self.trials[:number])

    def _loss(self, trial: Trial) -> float:
        value = trial.metrics[self.spec.metric]
        return value if self.spec.direction == "minimize" else -value


class Study(Trials):
    """The truth about a sweep: every trial is one file in the store, written in one step when it changes.

    Opening a study again tells its finished trials to the searcher; a trial that was running is handed out
    again with the same parameters, and so are the failed ones while nothing has finished yet. One process at
    a time works on a study.

    :param folder: relative to the store's root, as ``studies/<fingerprint>``
    :raises InvalidInputError: the folder holds a study with another specification
    :raises CorruptArtifactError: a file of the study is unreadable

    >>> import tempfile
    >>> from stagecraft.artifacts.store import Store
    >>> from stagecraft.tuning.space import Uniform
    >>> spec = StudySpec(space={"x": Uniform(0, 1)}, metric="loss", direction="minimize")
    >>> study = Study(Store(tempfile.mkdtemp()), "studies/example", spec)
    >>> trial = study.ask()
    >>> study.finish(trial, {"loss": trial.parameters["x"] ** 2}, seconds=0.1).state
    <TrialState.FINISHED: 'finished'>
    """

    def __init__(self, store: Store, folder: str, spec: StudySpec) -> None:
        super().__init__(spec, [])
        self.store, self.folder = store, folder
        self._searcher = make_searcher(spec.searcher, Space(spec.space), spec.seed)
        self._told = 0
        self._open()
        self._queue = [trial for trial in self.trials if trial.state is TrialState.RUNNING]
        if not any(trial.state is TrialState.FINISHED for trial in self.trials):
            self._queue = list(self.trials)
        self._running: set[int] = set()

    def remaining(self, trials: int) -> int:
        """How many of ``trials`` are still to be run to their end."""
        queued = sum(trial.number < trials for trial in self._queue) + len(self._running)
        return max(trials - len(self.trials), 0) + queued

    def ask(self, trials: int | None = None) -> Trial | None:
        """Hand out the next trial to run, recorded as running.

        :param trials: how many the study shall have in all; no bound where None
        :returns: None where the next one waits for the result of an earlier one, or all are handed out
        """
        if self._queue and (trials is None or self._queue[0].number < trials):
            old = self._queue.pop(0)
            again = Trial(number=old.number, parameters=old.parameters, attempt=old.attempt + 1)
            return self._hand_out(again)
        number = len(self.trials)
        if trials is not None and number >= trials:
            return None
        known = max(number - self.spec.concurrency + 1, 0)
        if any(earlier in self._running for earlier in range(known)):
            return None
        for trial in self.trials[self._told : known]:
            finished = trial.state is TrialState.FINISHED
            self._searcher.tell(trial.parameters, self._loss(trial) if finished else None)
        self._told = known
        pending = [trial.parameters for trial in self.trials[known:]]
        return self._hand_out(Trial(number=number, parameters=self._searcher.ask(number, pending)))

    def finish(self, trial: Trial, metrics: Mapping[str, Any], *, seconds: float) -> Trial:
        """Record a trial's metrics; without a finite value of the study's metric the trial has failed."""
        value = metrics.get(self.spec.metric)
        if value is None:
            found = f"it returned {', '.join(sorted(metrics)) or 'nothing'}"
            return self.fail(trial, f"no metric {self.spec.metric!r}: {found}", seconds=seconds)
        if not isinstance(value, int | float) or not math.isfinite(value):
            return self.fail(trial, f"the metric {self.spec.metric!r} is {value!r}", seconds=seconds)
        kept = {
            name: float(number)
            for name, number in metrics.items()
            if isinstance(number, int | float) and math.isfinite(number)
        }
        return self._settle(
            trial.model_copy(update={"state": TrialState.FINISHED, "metrics": kept, "seconds": seconds})
        )

    def fail(self, trial: Trial, message: str, *, seconds: float) -> Trial:
        """Record that a trial failed, and why."""
        return self._settle(
            trial.model_copy(update={"state": TrialState.FAILED, "message": message, "seconds": seconds})
        )

    def _hand_out(self, trial: Trial) -> Trial:
        self._write(trial)
        self._running.add(trial.number)
        self.trials[trial.number : trial.number + 1] = [trial]
        return trial

    def _settle(self, trial: Trial) -> Trial:
        self._write(trial)
        self._running.discard(trial.number)
        self.trials[trial.number] = trial
        return trial

    def _write(self, trial: Trial) -> None:
        uri = self.store.uri(self.folder, "trials", f"{trial.number:05d}.json")
        self.store.write(uri, trial.model_dump_json(indent=1).encode())

    def _open(self) -> None:
        uri = self.store.uri(self.folder, STUDY_FILE)
        try:
            found = json.loads(self.store.read(uri))
        except FileNotFoundError:
            self.store.write(uri, self.spec.model_dump_json(indent=1).encode())
            return
        except ValueError as error:
            raise CorruptArtifactError(f"{uri}: the study is unreadable ({error})") from error
        wanted = self.spec.model_dump(mode="json")
        for name in sorted(wanted.keys() | found.keys()):
            if found.get(name) != wanted.get(name):
                raise InvalidInputError(
                    f"study.{name}",
                    f"{wanted.get(name)!r}, but the study {self.folder} was begun with {found.get(name)!r}",
                    "what it was begun with, or another study",
                )
        self.trials = self._read_trials()

    def _read_trials(self) -> list[Trial]:
        trials = []
        folder = self.store.strip(self.store.uri(self.folder, "trials"))
        paths = self.store.filesystem.find(folder) if self.store.filesystem.exists(folder) else []
        for path in sorted(path for path in paths if path.endswith(".json")):
            try:
                trials.append(Trial.model_validate_json(self.store.filesystem.cat_file(path)))
            except ValueError as error:
                raise CorruptArtifactError(f"{path}: the trial is unreadable ({error})") from error
        if [trial.number for trial in trials] != list(range(len(trials))):
            raise CorruptArtifactError(
                f"{folder}: trials are missing; what would do: remove the study's folder"
            )
        return trials
