"""Trials of a study, to look at."""

from __future__ import annotations

from stagecraft.tuning.rounds import Round
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.trial import Trial, TrialState


class Trials:
    """The trials of a study, or its first ones."""

    def __init__(self, spec: StudySpec, trials: list[Trial], rounds: list[Round]) -> None:
        self.spec, self.trials, self.rounds = spec, trials, rounds

    @property
    def finished(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state is TrialState.FINISHED]

    @property
    def failed(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state is TrialState.FAILED]

    @property
    def stopped(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state is TrialState.STOPPED]

    @property
    def settled(self) -> list[Trial]:
        """The trials that ended, in whatever way."""
        return [trial for trial in self.trials if trial.state is not TrialState.RUNNING]

    @property
    def best(self) -> Trial | None:
        """The finished trial with the best first objective; the earlier one of equals."""
        return min(
            self.finished, key=lambda trial: (self.spec.losses(trial.metrics), trial.number), default=None
        )

    @property
    def records(self) -> set[int]:
        """The numbers of the trials that were the best of all up to them: those of all shorter sweeps."""
        found: set[int] = set()
        lowest = None
        for trial in self.finished:
            losses = self.spec.losses(trial.metrics)
            if lowest is None or losses < lowest:
                lowest = losses
                found.add(trial.number)
        return found

    @property
    def front(self) -> list[Trial]:
        """The Pareto front: the finished trials that none beats in one objective and equals in the others."""
        finished = [(self.spec.losses(trial.metrics), trial) for trial in self.finished]
        front: list[tuple[float, ...]] = []
        for own in sorted({losses for losses, _ in finished}):  # What beats one comes before it.
            if not any(
                all(theirs <= ours for theirs, ours in zip(other, own, strict=True)) for other in front
            ):
                front.append(own)
        kept = set(front)
        return [trial for losses, trial in finished if losses in kept]

    def first(self, number: int) -> Trials:
        """The first trials: those of an equal study of so many, whatever came after them."""
        rounds = [each for each in self.rounds if each.begins < number]
        return Trials(self.spec, self.trials[:number], rounds)
