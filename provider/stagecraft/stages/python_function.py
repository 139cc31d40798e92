"""The trainer of a sweep that tunes the user's own Python function."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, JsonValue

from stagecraft.errors import InvalidInputError
from stagecraft.stages.trainer import Trainer, judged_on, keep_files
from stagecraft.tuning.attempt import trained
from stagecraft.tuning.space import Parameters

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.stages.base import Workbench
    from stagecraft.tuning.attempt import Attempt

WHERE = "sweep.trainer.function"


class PythonFunction(Trainer):
    """Calls ``function(parameters, attempt)``, which trains and returns metrics by their names.

    ``attempt`` is an :class:`~stagecraft.tuning.attempt.Attempt`: the trial's seed and folder, the datasets
    to train and to be judged on, ``report(step, value)``, a folder for checkpoints, and one for the model.
    The files in the latter are the sweep's model, after the last training: that is a call of the same
    function with the best parameters, where ``attempt.final`` is true. What are ``validation`` rows to the
    function are then the sweep's test rows, so it must not choose anything by them, as when to stop.

    :param function: where it is: ``"package.module:function"``
    :param folder: where the package lies, where it is not installed
    :param arguments: parameters that the space does not decide; one that it does decide is tried first
    :param version: counts up with changes of the function, so that what an earlier one did is not taken for
        its own

    >>> PythonFunction(function="math:dist").arguments
    {}
    """

    checkpoints: ClassVar[bool] = True

    type: Literal["python_function"] = "python_function"
    function: str = Field(pattern=r"^[\w.]+:[\w.]+$")
    folder: str | None = None
    arguments: dict[str, JsonValue] = {}
    version: int = 1

    def own(self) -> Mapping[str, Any]:
        return self.arguments

    def prepare(self, bench: Workbench, datasets: Mapping[str, Dataset], metric: str) -> FunctionTrial:
        found = self.load()
        try:
            inspect.signature(found).bind({}, None)
        except TypeError as error:
            raise InvalidInputError(
                WHERE, f"{self.function} is not called by two arguments ({error})", "(parameters, attempt)"
            ) from error
        return FunctionTrial(self, {"train": datasets["train"], "validation": judged_on(datasets)})

    def load(self) -> Callable[..., Mapping[str, Any]]:
        """Import the function.

        :raises InvalidInputError: there is none
        """
        if self.folder is not None and self.folder not in sys.path:
            sys.path.append(self.folder)
        module, _, name = self.function.partition(":")
        try:
            found: Any = import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError) as error:
            raise InvalidInputError(
                WHERE, f"{self.function!r} cannot be imported ({error})", "its module installed, or folder="
            ) from error
        if not callable(found):
            raise InvalidInputError(WHERE, f"{self.function} is a {type(found).__name__}", "a function")
        return found  # type: ignore[no-any-return]


@dataclass(frozen=True)
class FunctionTrial:
    """Calls the function in the trial's process."""

    trainer: PythonFunction
    datasets: Mapping[str, Dataset]

    def __call__(self, parameters: Parameters, attempt: Attempt) -> Mapping[str, Any]:
        attempt.datasets = self.datasets
        return self.trainer.load()({**self.trainer.arguments, **parameters}, attempt)

    def finish(self, parameters: Parameters, attempt: Attempt, draft: Draft) -> Mapping[str, Any]:
        metrics = trained(self, parameters, attempt)
        keep_files(attempt, draft, {**self.trainer.arguments, **parameters}, metrics)
        return metrics
