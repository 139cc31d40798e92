"""Population based training on a real Ray: checkpoints go from the best members to the worst."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.stages.sweep import Sweep
from stagecraft.stages.trainers import PythonFunction
from stagecraft.tuning.attempt import Attempt
from stagecraft.tuning.budget import Budget
from stagecraft.tuning.population import Population, perturbations
from stagecraft.tuning.run import Runner, run_trials
from stagecraft.tuning.space import Choice
from stagecraft.tuning.spec import StudySpec
from stagecraft.tuning.stopping import Stopping
from stagecraft.tuning.study import Study
from stagecraft.tuning.trial import Trial, TrialState

if TYPE_CHECKING:
    from conftest import World

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray")]

RATE, START = 0.05, 0.9
POPULATION = Population(members=4, interval=10, resample=1.0)


def open_study(root: str, **changes: Any) -> Study:
    given: dict[str, Any] = {
        "space": {"which": Choice([0, 1])},
        "objectives": {"quality": "maximize"},
        "population": POPULATION,
        "concurrency": 2,
    }
    return Study(Store(root), "studies/population", StudySpec(**given | changes))


def descend(parameters: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
    """Shrink one of two numbers. Source: the example of Jaderberg et al., Population Based Training, 2017."""
    kept = attempt.checkpoint / "state" / "numbers.json"
    step, numbers = json.loads(kept.read_text()) if kept.exists() else (0, [START, START])
    kept.parent.mkdir(exist_ok=True)
    while True:
        step += 1
        numbers[parameters["which"]] *= 1 - 2 * RATE
        kept.write_text(json.dumps([step, numbers]))
        attempt.report(step, 1.2 - sum(number**2 for number in numbers), at=step)


def expected(trial: Trial, trials: list[Trial]) -> float:
    """Follow the trial's ancestors, which shrank one of the numbers ten times each."""
    numbers = [START, START]
    link: Trial | None = trial
    while link is not None:
        numbers[link.parameters["which"]] *= (1 - 2 * RATE) ** POPULATION.interval
        link = None if link.parent is None else trials[link.parent]
    return 1.2 - sum(number**2 for number in numbers)


@pytest.mark.parametrize("runner", ["tasks", "tune"])
def test_a_population_comes_to_what_no_fixed_parameters_come_to(tmp_path: Path, runner: Runner) -> None:
    class Killed(Exception):
        pass

    ended: list[Trial] = []

    def kill(trial: Trial) -> None:
        ended.append(trial)
        if len(ended) == 7:
            raise Killed

    with pytest.raises(Killed):
        run_trials(open_study(str(tmp_path)), descend, budget=Budget(trials=20), runner=runner, on_trial=kill)
    study = open_study(str(tmp_path))
    best = run_trials(study, descend, budget=Budget(trials=20), runner=runner)

    assert [trial.state for trial in study.trials] == [TrialState.FINISHED] * 20
    assert [study.trials[trial.number] for trial in ended[:7]] == ended[:7], "none is run again"
    for trial in study.trials:
        assert trial.metrics["quality"] == pytest.approx(expected(trial, study.trials))
        assert trial.curve[-1][0] == trial.metrics["at"] == POPULATION.until(trial.number)
    assert best.metrics["quality"] > 1.2 - START**2, "either number alone comes to no more"
    history = perturbations(POPULATION, study.trials)
    assert [each.step for each in history] == [10, 20, 30, 40], "the worst of four goes on from the best"
    kept = {path.name for path in (tmp_path / "checkpoints/studies/population/kept").iterdir()}
    assert kept >= {best.name, *(f"trial-{number:03d}" for number in range(16, 20))}
    assert len(kept) < 20, "those that no trial goes on from, and no sweep ends with, are removed"


def test_a_trainer_that_keeps_no_checkpoint_is_refused(tmp_path: Path) -> None:
    def forgetful(parameters: dict[str, Any], attempt: Attempt) -> dict[str, Any]:
        attempt.report(10, 1.0)
        return {"quality": 1.0}

    study = open_study(str(tmp_path))
    with pytest.raises(InvalidInputError, match=r"study.population: the trainer left nothing.*trial-00"):
        run_trials(study, forgetful, budget=Budget(trials=20))
    assert not study.finished
    with pytest.raises(InvalidInputError, match=r"sweep.stopping: asha beside a population"):
        run_trials(study, descend, budget=Budget(trials=20), stopping=Stopping())


FUNCTION = """
def fit(parameters, attempt):
    kept = attempt.checkpoint / "steps"
    steps = kept.read_text() if kept.exists() else ""
    while True:
        steps += str(parameters["which"])
        kept.write_text(steps)
        (attempt.model / "steps").write_text(f"{steps} {attempt.datasets['train'].rows}")
        attempt.report(len(steps), steps.count("01"))
"""


def test_the_sweep_hands_on_the_best_trained_an_interval_further(world: World, tmp_path: Path) -> None:
    (tmp_path / "counting.py").write_text(FUNCTION)
    trainer = PythonFunction(function="counting:fit", folder=str(tmp_path))
    stage = Sweep(
        trainer=trainer,
        space={"which": Choice([0, 1])},
        metric="changes",
        direction="maximize",
        trials=12,
        population=Population(members=4, interval=2, resample=1.0),
    )
    made = stage.run(world.bench, train=world.train, validation=world.validation)
    trials = [Trial.model_validate(trial) for trial in made["report"].meta["trials"]]
    best = min(trials, key=lambda trial: (-trial.metrics["changes"], trial.number))
    link: Trial | None = best
    steps = str(best.parameters["which"]) * 2
    while link is not None:
        steps = str(link.parameters["which"]) * 2 + steps
        link = None if link.parent is None else trials[link.parent]
    rows = (world.train.rows or 0) + (world.validation.rows or 0)
    assert made["model"].read("steps").decode() == f"{steps} {rows}"
