"""What a sweep tunes: a trainer, with what it knows before any trial."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from stagecraft.tuning.space import Parameters, Space

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.stages.base import Workbench
    from stagecraft.tuning.attempt import Attempt


class Trainer(BaseModel, ABC):
    """How a sweep's trials train. Trials run in processes of their own, several at a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoints: ClassVar[bool] = False
    """Whether trials report steps, and can go on from another one's checkpoint, as a population's members."""

    @property
    def helpers(self) -> int:
        """How many cores of Ray a trial takes beside its own process."""
        return 0

    def check(self, space: Space, metric: str) -> None:
        """Refuse what is known to be wrong before the rows are.

        :raises InvalidInputError: a parameter is unknown or does not take its values, or there is no such
            metric
        """

    @abstractmethod
    def own(self) -> Mapping[str, Any]:
        """The trainer's own values of what may be tuned, which a sweep tries first."""

    def effort(self, space: Space) -> str | None:
        """Return what a trial costs, as an expression over parameters; None where nothing is known."""
        return None

    def chosen(self, parameters: Parameters) -> dict[str, Any]:
        """Return what the report notes of the best trial beside its parameters."""
        return {}

    def fill(self) -> dict[str, float]:
        """Columns of the training rows that validation rows may lack → their value there."""
        return {}

    @abstractmethod
    def prepare(self, bench: Workbench, datasets: Mapping[str, Dataset], metric: str) -> TrainerTrial:
        """Return what runs trials; it is copied to their processes.

        :param datasets: ``train``, to learn from, and ``validation``, to be judged on; in the last training
            there may be ``test`` beside them
        :param metric: what the sweep looks at
        :raises InvalidInputError: the trainer cannot work with the rows
        """


class TrainerTrial(Protocol):
    """Runs one trial of a trainer."""

    def __call__(self, parameters: Parameters, attempt: Attempt) -> Mapping[str, Any]:
        """Train, and return the metrics of the rows ``validation``."""

    def finish(self, parameters: Parameters, attempt: Attempt, draft: Draft) -> Mapping[str, Any]:
        """Train for the last time, fill the draft of the model, and return the metrics of the rows ``test``.

        Nothing that the model depends on sees these rows. Where there are none, what is returned is not
        used.
        """


def judged_on(datasets: Mapping[str, Dataset]) -> Dataset:
    """Return the rows that decide nothing any more where there are such rows, else those for validation."""
    return datasets.get("test", datasets["validation"])


def keep_files(
    attempt: Attempt, draft: Draft, parameters: Mapping[str, Any], metrics: Mapping[str, Any]
) -> None:
    """Make a model of the files that a trainer left in the attempt's folder for it."""
    for path in sorted(attempt.model.rglob("*")):
        if path.is_file():
            draft.write(path.relative_to(attempt.model).as_posix(), path.read_bytes())
    draft.write_json("parameters.json", dict(parameters))
    numbers = {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}
    draft.meta.update(parameters=dict(parameters), metrics=numbers)
