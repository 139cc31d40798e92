"""A study for Optuna's dashboard."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.space import Space
from stagecraft.tuning.tpe import frozen
from stagecraft.tuning.trial import Trial, TrialState

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from stagecraft.tuning.trials import Trials


def export_to_optuna(study: Trials, path: str | Path, name: str = "sweep") -> None:
    """Write a study as a journal of Optuna, which ``optuna-dashboard <path>`` shows.

    Choices are shown by their numbers in their lists. Trials that run are left out.

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
    if len(study.spec.objectives) > 1:
        made.set_metric_names(list(study.spec.objectives))
    space = Space(study.spec.space, study.spec.constraints)
    made.add_trials([_frozen(space, study, trial) for trial in study.settled])


def _frozen(space: Space, study: Trials, trial: Trial) -> FrozenTrial:
    from optuna.trial import TrialState as Theirs

    finished = trial.state is TrialState.FINISHED
    made = frozen(
        space,
        trial.parameters,
        [trial.metrics[name] for name in study.spec.objectives] if finished else None,
        intermediate_values={int(step): value for step, value in trial.curve},
        user_attrs={"number": trial.number, "cpu": trial.cpu, "message": trial.message, **trial.metrics},
    )
    if trial.state is TrialState.STOPPED:
        made.state = Theirs.PRUNED
    ended = datetime.fromtimestamp(trial.ended or 0.0)
    made.datetime_start, made.datetime_complete = ended - timedelta(seconds=trial.seconds), ended
    return made
