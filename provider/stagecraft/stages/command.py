"""The trainer of a sweep that tunes a command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, JsonValue, field_validator

from stagecraft.errors import InvalidInputError
from stagecraft.stages.trainer import Trainer, judged_on
from stagecraft.tuning.space import Space

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.stages.base import Workbench
    from stagecraft.stages.command_trial import CommandTrial

PLACE = re.compile(r"\{([\w.-]+)\}")
GIVEN = ("parameters", "metrics", "train", "validation", "model", "checkpoint", "seed", "final")
"""What a command is told beside its parameters: as ``{name}``, and in the environment."""


class Command(Trainer):
    """Runs a command, which trains and tells its metrics.

    In its arguments ``{depth}`` stands for the parameter ``depth``; an argument that names a parameter which
    a trial has not is left out. These stand for themselves, and are in the environment as
    ``STAGECRAFT_TRAIN`` and so on: ``{parameters}`` (a JSON file of them all), ``{train}`` and
    ``{validation}`` (folders of Parquet files), ``{metrics}`` (the JSON file to write metrics to),
    ``{model}`` (a folder to leave the model in), ``{checkpoint}`` (a folder that outlives a crash),
    ``{seed}``, and ``{final}`` (1 in the last training, else 0). The last training has the best parameters;
    the files that it leaves in ``{model}`` are the sweep's model. Its ``{validation}`` is the sweep's test
    rows, so it must not choose anything by them, as when to stop.

    Metrics are read from JSON lines on its standard output, ``{"auc": 0.8}``, and from the file. A line that
    has a ``step`` tells how far it has come: ``{"step": 10, "auc": 0.7}``. It runs in the trial's folder, and
    ends with all that it started when the trial ends or takes more than it may.

    :param argv: the program and its arguments; no shell reads them
    :param arguments: parameters that the space does not decide; one that it does decide is tried first
    :param environment: variables beside those of the job
    :param version: counts up with changes of the program, so that what an earlier one did is not taken for
        its own

    >>> Command(argv=["python", "train.py", "--depth={depth}"]).argv[-1]
    '--depth={depth}'
    """

    checkpoints: ClassVar[bool] = True

    type: Literal["command"] = "command"
    argv: list[str] = Field(min_length=1)
    arguments: dict[str, JsonValue] = {}
    environment: dict[str, str] = {}
    version: int = 1

    @field_validator("argv", mode="before")
    @classmethod
    def _split(cls, argv: Any) -> Any:
        if isinstance(argv, str):
            raise ValueError('a list, as ["python", "train.py"]: no shell splits the text')
        return argv

    def own(self) -> Mapping[str, Any]:
        return self.arguments

    def check(self, space: Space, metric: str) -> None:
        if taken := sorted({*space.dimensions, *self.arguments} & {*GIVEN}):
            raise InvalidInputError(
                "sweep.space",
                f"the parameter {taken[0]!r}, which the command is told already",
                "another name",
            )
        known = {*space.dimensions, *self.arguments, *GIVEN}
        named = {name for argument in self.argv for name in PLACE.findall(argument)}
        if unknown := sorted(named - known):
            raise InvalidInputError(
                "sweep.trainer.argv",
                f"no parameter {', '.join(map(repr, unknown))}",
                f"one of {', '.join(sorted(known))}",
            )

    def prepare(self, bench: Workbench, datasets: Mapping[str, Dataset], metric: str) -> CommandTrial:
        import shutil

        from stagecraft.stages.command_trial import CommandTrial

        if not PLACE.search(self.argv[0]) and shutil.which(self.argv[0]) is None:
            raise InvalidInputError(
                "sweep.trainer.argv", f"there is no program {self.argv[0]!r}", "one that this machine has"
            )
        folders = {"train": datasets["train"].folder_uri, "validation": judged_on(datasets).folder_uri}
        return CommandTrial(self, folders, metric)
