"""A study for Optuna's dashboard."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.space import Choice, Space, Value
from stagecraft.tuning.tpe import frozen
from stagecraft.tuning.trial import Trial, TrialState

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from stagecraft.tuning.trials import Trials


def export_to_optuna(study: Trials, path: str | Path, name: str = "sweep") -> None:
    """Write a study as a journal of Optuna, which ``optuna-dashboard <path>`` shows.

    Options that Python holds equal, as ``1`` and ``True``, are shown as they are written. Steps that are no
    whole numbers are counted in their place. Trials that run are left out.

    :param path: of the file, which must not be there yet
    :param name: of the study in Optuna
    :raises InvalidInputError: there is such a file

    >>> export_to_optuna(study, "sweep.log")  # doctest: +SKIP
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if Path(path).exists():
        raise InvalidInputError("optuna export", f"{path} is there already", "a new file")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = optuna.create_study(
        study_name=name,
        storage=JournalStorage(JournalFileBackend(str(path))),
        directions=list(study.spec.objectives.values()),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        made.set_metric_names(list(study.spec.objectives))
    space = Space(study.spec.space, study.spec.constraints)
    made.add_trials([_frozen(space, study, trial) for trial in study.settled])


def _frozen(space: Space, study: Trials, trial: Trial) -> FrozenTrial:
    from optuna.distributions import CategoricalDistribution
    from optuna.trial import TrialState as Theirs

    finished = trial.state is TrialState.FINISHED
    made = frozen(
        space,
        trial.parameters,
        [trial.metrics[name] for name in study.spec.objectives] if finished else None,
        intermediate_values=_by_step(trial.curve),
        user_attrs={"number": trial.number, "cpu": trial.cpu, "message": trial.message, **trial.metrics},
    )
    if trial.state is TrialState.STOPPED:
        made.state = Theirs.PRUNED
    options = {name: _named(each) for name, each in space.dimensions.items() if isinstance(each, Choice)}
    made.distributions = {
        name: CategoricalDistribution(options[name]) if name in options else each
        for name, each in made.distributions.items()
    }
    made.params = {
        name: options[name][int(value)] if name in options else value for name, value in made.params.items()
    }
    ended = datetime.fromtimestamp(trial.ended or 0.0)
    made.datetime_start, made.datetime_complete = ended - timedelta(seconds=trial.seconds), ended
    return made


def _named(choice: Choice) -> list[Value]:
    """Return a choice's options, each equal to no other one."""
    return choice.options if len(set(choice.options)) == len(choice.options) else [*map(repr, choice.options)]


def _by_step(curve: Sequence[tuple[float, float]]) -> dict[int, float]:
    """Return a curve with whole steps, as Optuna has them."""
    whole = all(float(step).is_integer() for step, _ in curve)
    return {int(step) if whole else place: value for place, (step, value) in enumerate(curve)}
