"""A study: the record of a sweep in the store, from which the sweep goes on after any crash."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.tuning.best_step import best_step
from stagecraft.tuning.journal import Journal
from stagecraft.tuning.population import PopulationBased
from stagecraft.tuning.rounds import Round, narrowed, within
from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.searchers import make_searcher
from stagecraft.tuning.space import Space
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.trial import Cause, Trial, TrialState
from stagecraft.tuning.trials import Trials
from stagecraft.tuning.warm_start import WarmStart

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store

STUDY_FILE = "study.json"
ATTEMPTS = 3


class Study(Trials):
    """The truth about a sweep: ``study.json`` says what it searches, and a journal has a line a change.

    A trial is written down when it is handed out and when it has ended, before the next one is asked for.
    Opening a study again tells its ended trials to the searcher; a trial that was running is handed out again
    with the same parameters, up to three times, and so are the failed ones while nothing has finished yet.
    One process at a time works on a study.

    :param folder: relative to the store's root, as ``studies/<fingerprint>``
    :raises InvalidInputError: the folder holds a study with another specification
    :raises CorruptArtifactError: a file of the study is unreadable

    >>> import tempfile
    >>> from stagecraft.artifacts.store import Store
    >>> from stagecraft.tuning.space import Uniform
    >>> spec = StudySpec(space={"x": Uniform(0, 1)}, objectives={"loss": "minimize"})
    >>> study = Study(Store(tempfile.mkdtemp()), "studies/example", spec)
    >>> trial = study.ask()
    >>> study.finish(trial, {"loss": trial.parameters["x"] ** 2}, seconds=0.1).state
    <TrialState.FINISHED: 'finished'>
    """

    def __init__(self, store: Store, folder: str, spec: StudySpec) -> None:
        super().__init__(spec, [], [])
        self.store, self.folder = store, folder
        self._journal = Journal(store, folder)
        self.warm_start: WarmStart | None = None
        self._sessions: list[float] = []
        self._began, self._begun = time.monotonic(), False
        self._open()
        self._space = Space(self.rounds[-1].space, spec.constraints) if self.rounds else spec.searched
        self._searcher = self._new_searcher()
        self._told = 0
        self._running: set[int] = set()
        self._queue = [trial for trial in self.trials if trial.state is TrialState.RUNNING]
        if self.trials and not any(trial.state is TrialState.FINISHED for trial in self.trials):
            self._queue = list(self.trials)

    @classmethod
    def opened(cls, store: Store, folder: str) -> Study:
        """Open a study that is there, to look at it or to go on.

        :raises FileNotFoundError: there is none
        """
        return cls(store, folder, StudySpec.model_validate_json(store.read(store.uri(folder, STUDY_FILE))))

    def begin_warm(self, found: WarmStart) -> None:
        """Record what the study takes over from earlier ones, before its first trial."""
        self._journal.append({"warm_start": found.model_dump(mode="json")})
        self.warm_start = found
        self._searcher = self._new_searcher()

    def begin(self) -> None:
        """Record that a sweep begins to work on the study, once; its wall time counts from here."""
        if self._begun:
            return
        self._begun = True
        self._began = time.monotonic()
        self._journal.append({"session": time.time()})

    @property
    def wall(self) -> float:
        """Seconds that sweeps worked on the study, up to now."""
        return sum(self._sessions) + time.monotonic() - self._began

    @property
    def notes(self) -> list[str]:
        """What a page says of the study beside its trials, in words."""
        return [f"Earlier sweeps: {self.warm_start}"] if self.warm_start else []

    def limit(self, trials: int | None) -> int | None:
        """How many trials the study comes to: no more than there are to try."""
        bounds = [bound for bound in (trials, self._searcher.limit) if bound is not None]
        return min(bounds, default=None)

    def remaining(self, trials: int) -> int:
        """How many of ``trials`` are still to be run to their end."""
        wanted = self.limit(trials) or 0
        queued = sum(trial.number < wanted for trial in self._queue) + len(self._running)
        return max(wanted - len(self.trials), 0) + queued

    def ask(self, trials: int | None = None) -> Trial | None:
        """Hand out the next trial to run, recorded as running.

        :param trials: how many the study shall have in all; no bound where None
        :returns: None where the next one waits for the result of an earlier one, or all are handed out
        """
        wanted = self.limit(trials)
        while self._queue and (wanted is None or self._queue[0].number < wanted):
            old = self._queue.pop(0)
            if old.state is TrialState.RUNNING and old.attempt >= ATTEMPTS:
                self.fail(old, Cause.DIED, f"it was interrupted {old.attempt} times", seconds=0.0)
                continue
            kept = {"number": old.number, "parameters": old.parameters, "round": old.round}
            return self._hand_out(Trial(**kept, attempt=old.attempt + 1, parent=old.parent))
        number = len(self.trials)
        if wanted is not None and number >= wanted:
            return None
        known = self._searcher.known(number, self.spec.concurrency)
        if any(earlier in self._running for earlier in range(known)):
            return None
        self._turn(number, known)
        self._tell(known)
        pending = [self.spec.seen(trial.parameters) for trial in self.trials[known:]]
        parameters = self.spec.whole(self._searcher.ask(number, pending))
        chosen = {"parameters": parameters, "parent": self._searcher.parent(number)}
        return self._hand_out(Trial(number=number, round=len(self.rounds), **chosen))

    def finish(
        self,
        trial: Trial,
        metrics: Mapping[str, Any],
        *,
        seconds: float,
        cpu: float = 0.0,
        curve: Sequence[tuple[float, float]] = (),
        said: Sequence[Mapping[str, Any]] = (),
        stopped: bool = False,
    ) -> Trial:
        """Record a trial's metrics; without a finite value of every objective the trial has failed.

        Where the study names the steps, its best step is recorded.

        :param said: the metrics of each point of the curve
        :param stopped: whether it was ended early, as it promised too little
        """
        for name in self.spec.objectives:
            value = metrics.get(name)
            if value is None:
                found = f"no metric {name!r}: it returned {', '.join(sorted(metrics)) or 'nothing'}"
                return self.fail(trial, Cause.NO_METRIC, found, seconds=seconds, cpu=cpu)
            if not isinstance(value, int | float) or not math.isfinite(value):
                found = f"the metric {name!r} is {value!r}"
                return self.fail(trial, Cause.NOT_FINITE, found, seconds=seconds, cpu=cpu)
        parameters = trial.parameters
        if self.spec.steps is not None:
            best = best_step(self.spec, parameters, metrics, said, curve, stopped)
            if best is not None:
                (parameters, metrics), stopped = best, False
        kept = {
            name: float(number)
            for name, number in metrics.items()
            if isinstance(number, int | float) and math.isfinite(number)
        }
        told = [(step, value) for step, value in curve if math.isfinite(step) and math.isfinite(value)]
        state = TrialState.STOPPED if stopped else TrialState.FINISHED
        ended = {"metrics": kept, "curve": told, "seconds": seconds, "cpu": cpu}
        return self._settle(trial.model_copy(update={"parameters": parameters, "state": state, **ended}))

    def fail(self, trial: Trial, cause: Cause, message: str, *, seconds: float, cpu: float = 0.0) -> Trial:
        """Record that a trial failed, and why."""
        ended = {"cause": cause, "message": message, "seconds": seconds, "cpu": cpu}
        return self._settle(trial.model_copy(update={"state": TrialState.FAILED, **ended}))

    def _new_searcher(self) -> Searcher:
        spec = self.spec
        given = [*spec.start, *(self.warm_start.start if self.warm_start else [])]
        start = [spec.seen(parameters) for parameters in given]
        if spec.population is not None:
            return PopulationBased(self._space, spec.seed, start, population=spec.population)
        return make_searcher(
            spec.searcher, self._space, spec.seed, start, spec.weighed(self._space), spec.steps
        )

    def _turn(self, number: int, known: int) -> None:
        """Begin the next round where its first trial is asked for."""
        rounds = self.spec.rounds
        if rounds is None or number // rounds.trials <= len(self.rounds):
            return
        best = self.first(known).best
        if best is not None and rounds.narrow < 1 and within(self._space, self.spec.seen(best.parameters)):
            self._space = narrowed(self._space, best.parameters, rounds.narrow)
        turned = Round(
            number=len(self.rounds) + 1,
            begins=number,
            space=dict(self._space.dimensions),
            best=best.parameters if best else None,
        )
        self._journal.append({"round": turned.model_dump(mode="json")})
        self.rounds.append(turned)
        self._searcher = self._new_searcher()
        self._told = 0

    def _tell(self, known: int) -> None:
        for trial in self.trials[self._told : known]:
            parameters = self.spec.seen(trial.parameters)
            if not self.rounds or within(self._space, parameters):
                failed = trial.state is TrialState.FAILED
                losses = None if failed else self.spec.losses(trial.metrics)
                self._searcher.tell(parameters, losses, trial.cpu)
        self._told = known

    def _hand_out(self, trial: Trial) -> Trial:
        self._journal.append({"trial": trial.model_dump(mode="json", exclude_defaults=True)}, durable=False)
        self._running.add(trial.number)
        self.trials[trial.number : trial.number + 1] = [trial]
        return trial

    def _settle(self, trial: Trial) -> Trial:
        ended = trial.model_copy(update={"ended": time.time()})
        self._journal.append({"trial": ended.model_dump(mode="json", exclude_defaults=True)})
        self._running.discard(ended.number)
        self.trials[ended.number] = ended
        return ended

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
        self._read()

    def _read(self) -> None:
        trials: dict[int, Trial] = {}
        clock: list[float] = []
        for number, record in enumerate(self._journal.read(), 1):
            try:
                match record:
                    case {"trial": trial}:
                        read = Trial.model_validate(trial)
                        trials[read.number] = read
                        if clock and read.ended:
                            clock[-1] = max(clock[-1], read.ended)
                    case {"round": turned}:
                        self.rounds.append(Round.model_validate(turned))
                    case {"warm_start": found}:
                        self.warm_start = WarmStart.model_validate(found)
                    case {"session": float(began)}:
                        self._sessions += _length(clock)
                        clock = [began, began]
                    case _:
                        raise ValueError("it is neither a trial nor a round")
            except ValueError as error:
                raise CorruptArtifactError(
                    f"{self.folder}: record {number} of the journal is unreadable ({error})"
                ) from error
        self._sessions += _length(clock)
        if sorted(trials) != list(range(len(trials))):
            raise CorruptArtifactError(
                f"{self.folder}: trials are missing; what would do: remove the study's folder"
            )
        self.trials = [trials[number] for number in sorted(trials)]


def _length(clock: list[float]) -> list[float]:
    """Return how long a session was, that had a beginning and an end."""
    return [clock[1] - clock[0]] if clock else []
