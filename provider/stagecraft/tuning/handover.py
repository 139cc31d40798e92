"""How a trial's checkpoint comes to the trials that go on from it, in population based training."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Store
    from stagecraft.tuning.study import Study
    from stagecraft.tuning.trial import Trial


@dataclass(frozen=True)
class Handover:
    """Copies checkpoints between a trial's folder and the store, on whichever machine the trial runs.

    :param source: the folder in the store that the trial goes on from, or None
    :param target: the folder in the store that is to hold what it came to; None for the last training
    :param until: the step that it is to come to
    """

    store: Store
    source: str | None
    target: str | None
    until: float

    def begin(self, checkpoint: Path) -> None:
        """Fill a trial's checkpoint folder, whatever an interrupted attempt has left there."""
        shutil.rmtree(checkpoint, ignore_errors=True)
        checkpoint.mkdir(parents=True)
        if self.source is not None:
            self.store.filesystem.get(f"{_path(self.store, self.source)}/", f"{checkpoint}/", recursive=True)

    def end(self, checkpoint: Path) -> None:
        """Keep what a trial came to, if it left anything."""
        if self.target is None:
            return
        _remove(self.store, self.target)
        if any(checkpoint.iterdir()):
            target = _path(self.store, self.target)
            self.store.filesystem.makedirs(target, exist_ok=True)
            self.store.filesystem.put(f"{checkpoint}/", f"{target}/", recursive=True)


class Handovers:
    """The checkpoints that a study's population keeps in the store."""

    def __init__(self, study: Study) -> None:
        self.study, self.store = study, study.store
        self.population = study.spec.population
        self._folder = f"checkpoints/{study.folder}/kept"

    def of(self, trial: Trial) -> Handover | None:
        """Return what a trial goes on from and comes to; None where the study has no population."""
        if self.population is None:
            return None
        source = None if trial.parent is None else self.folder(trial.parent)
        return Handover(self.store, source, self.folder(trial.number), self.population.until(trial.number))

    def folder(self, number: int) -> str:
        """Return the folder in the store of a trial's checkpoint."""
        return f"{self._folder}/trial-{number:03d}"

    def check(self, trial: Trial) -> None:
        """Refuse a trainer that keeps no checkpoints, once its first trial has ended well.

        :raises InvalidInputError: there is none
        """
        if self.population is not None and not _exists(self.store, self.folder(trial.number)):
            raise InvalidInputError(
                "study.population",
                f"the trainer left nothing in attempt.checkpoint when {trial.name} ended",
                "a trainer that writes there what it can go on from before each attempt.report(), and reads "
                "it when it begins; or a searcher in place of the population",
            )

    def tidy(self, trial: Trial) -> None:
        """Remove what no trial will go on from, once a generation has ended; the best ones' stay."""
        if self.population is None:
            return
        members = self.population.members
        begins = trial.number // members * members
        settled = {each.number for each in self.study.settled}
        if not settled.issuperset(range(begins, begins + members)):
            return
        best = self.study.records
        for number in range(begins):
            if number not in best:
                _remove(self.store, self.folder(number))

    def last(self, best: Trial) -> Handover | None:
        """Return how the best trial is trained for the last time: an interval further."""
        if self.population is None:
            return None
        until = self.population.until(best.number) + self.population.interval
        return Handover(self.store, self.folder(best.number), None, until)


def _path(store: Store, folder: str) -> str:
    return store.strip(store.uri(folder))


def _exists(store: Store, folder: str) -> bool:
    return bool(store.filesystem.exists(_path(store, folder)))


def _remove(store: Store, folder: str) -> None:
    if _exists(store, folder):
        store.filesystem.rm(_path(store, folder), recursive=True)
