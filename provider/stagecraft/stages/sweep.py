"""Sweep: search the parameters of a trainer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from stagecraft.artifacts.artifact import Artifact, Kind
from stagecraft.artifacts.fingerprint import fingerprint
from stagecraft.errors import InvalidInputError
from stagecraft.stages.append import Append
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.trainers import AnyTrainer
from stagecraft.tuning.attempt import Limits
from stagecraft.tuning.population import Population
from stagecraft.tuning.rounds import Rounds
from stagecraft.tuning.searchers import SearcherName
from stagecraft.tuning.space import Dimension, Parameters, Space
from stagecraft.tuning.spec import Direction, StudySpec
from stagecraft.tuning.stopping import Stopping

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.tuning.study import Study
    from stagecraft.tuning.trial import Trial

FALLING = ("log_loss", "loss", "validation_loss", "brier", "mae", "rmse", "mean_deviance", "error")
RISING = ("auc", "accuracy", "recall", "precision", "f1", "macro_f1", "ks", "average_precision", "r2")
DIRECTIONS: dict[str, Direction] = {
    **dict.fromkeys(FALLING, "minimize"),
    **dict.fromkeys(RISING, "maximize"),
}
NOT_SEARCHED = {"trials", "wall_seconds", "cpu_seconds", "refit"}


class Sweep(Stage):
    """Finds good parameters for a trainer.

    Each trial trains on the rows ``train`` and is judged on the rows ``validation``. Trials run on Ray, and
    each one that ends is committed to the store: a sweep that was killed goes on where it stopped, and one
    with more ``trials`` goes on from an earlier one. Equal sweeps that begin with equal lessons try equal
    parameters. Tracks the best of the metric so far as ``best_…``, ``progress``, and every trial.

    At the end the best parameters are trained once more, and that model is handed on. The rows ``test``,
    which nothing before has seen, say how good it is: ``test_…`` in the report's metrics beside what the
    search had found on the validation rows, which flatters it the more, the more trials there were. A
    population's best member goes on from its checkpoint, an interval further.

    :param trainer: what is tuned: :class:`LeafRegression` (trees and a linear model over their leaves, in
        memory), :class:`Pipeline` (stages one after another), :class:`PythonFunction` or :class:`Command`
    :param space: parameter → dimension; the trainer says which parameters there are. Its own values are tried
        first, where they lie in the space
    :param metric: what trials are judged by
    :param direction: ``minimize`` or ``maximize``; of a metric that is well known, None will do
    :param constraints: name → expression over parameters that must hold, as
        ``"boosting.rounds * boosting.depth <= 300"``
    :param trials: how many parameter sets to try
    :param wall_seconds: no trial begins after so many seconds of work on the study; None for no bound
    :param cpu_seconds: nor after trials took so many CPU seconds
    :param searcher: ``default``, ``random``, ``grid``, ``genetic``, ``cma_es``, ``tpe``,
        ``gaussian_process``, ``extra_trees`` or ``random_forest``
    :param rounds: rounds that narrow the space around the best trial so far; None for none
    :param population: trains the trials as a population in place of searching, of a trainer that keeps
        checkpoints; None for none
    :param stopping: which trials end early, of a trainer that reports steps; None for none
    :param steps: the parameter that says how many steps trials report: every trial may make the most of them,
        ends early where it promises no more, and its record is that of one which ends at its best step; None
        where there is no such parameter
    :param limits: what a trial may use; one that takes more has failed
    :param warm_start: whether a new study begins at what earlier ones of like data found best; what a study
        has taught is kept either way
    :param concurrency: trials at a time; fewer where the machine has fewer cores, with the same result
    :param refit: whether the best parameters are trained once more on the rows of ``train`` and
        ``validation``; else the model is of ``train`` alone
    :param seed: decides every random draw of the searcher, and the trials' seeds

    >>> from stagecraft.stages.trainers import LeafRegression
    >>> from stagecraft.tuning.space import Integer, LogUniform
    >>> space = {"boosting.rounds": Integer(20, 80), "optimizer.alpha": LogUniform(0.01, 1.0)}
    >>> Sweep(trainer=LeafRegression(label="late"), space=space, trials=8, searcher="tpe").metric
    'log_loss'
    """

    name: ClassVar[str] = "sweep"
    version: ClassVar[int] = 3
    inputs: ClassVar[Mapping[str, Kind]] = {
        "train": Kind.DATASET,
        "validation": Kind.DATASET,
        "test?": Kind.DATASET,
    }
    outputs: ClassVar[Mapping[str, Kind]] = {"report": Kind.REPORT, "model": Kind.MODEL}
    engines: ClassVar[tuple[str, ...]] = ("ray",)

    trainer: AnyTrainer
    space: dict[str, Dimension]
    metric: str = Field(default="log_loss", min_length=1)
    direction: Direction | None = None
    constraints: dict[str, str] = {}
    trials: int = Field(default=20, ge=1, le=10_000)
    wall_seconds: float | None = Field(default=None, gt=0)
    cpu_seconds: float | None = Field(default=None, gt=0)
    searcher: SearcherName = "default"
    rounds: Rounds | None = None
    population: Population | None = None
    stopping: Stopping | None = None
    steps: str | None = None
    limits: Limits = Limits()
    warm_start: bool = True
    concurrency: int = Field(default=2, ge=1, le=256)
    refit: bool = True
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _known(self) -> Sweep:
        self.trainer.check(Space(self.space, self.constraints), self.metric)
        if self.direction is None and self.metric not in DIRECTIONS:
            found = f"whether {self.metric!r} is to fall or to rise is not said"
            raise InvalidInputError("sweep.direction", found, "minimize or maximize")
        if self.population is not None:
            self._check_population(self.population)
        self._check_steps()
        return self

    def _check_steps(self) -> None:
        for field, value in (("steps", self.steps), ("stopping", self.stopping)):
            if value is not None and not self.trainer.checkpoints:
                found = f"the trainer {self.trainer.type} reports no steps"
                raise InvalidInputError(f"sweep.{field}", found, "a python_function, a command, or none")
        StudySpec(
            space=self.space,
            constraints=self.constraints,
            objectives={self.metric: "minimize"},
            steps=self.steps,
        )
        if self.stopping is not None:
            self.stopping.check(self.steps)

    def _check_population(self, population: Population) -> None:
        if not self.trainer.checkpoints:
            found = f"the trainer {self.trainer.type} keeps no checkpoints"
            raise InvalidInputError("sweep.population", found, "a python_function, a command, or a searcher")
        if self.trials <= population.members:
            found = f"{self.trials} trials of {population.members} members, which are never compared"
            raise InvalidInputError("sweep.trials", found, "several times as many trials as members")
        for field, value, instead in (
            ("searcher", self.searcher, "default"),
            ("rounds", self.rounds, None),
            ("stopping", self.stopping, None),
            ("steps", self.steps, None),
        ):
            if value != instead:
                found = f"{value} beside a population"
                raise InvalidInputError(f"sweep.{field}", found, f"{instead}, or no population")

    def _own(self) -> list[Parameters]:
        """Return the trainer's own parameters, to try first, where they lie in the space."""
        space, own = Space(self.space, self.constraints), self.trainer.own()
        given = {name: own.get(name) for name in space.dimensions}
        if not all(dimension.contains(given[name]) for name, dimension in space.dimensions.items()):
            return []
        first = space.active(given)
        return [first] if space.feasible(first) else []

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.stages.sweep_page import page
        from stagecraft.stages.sweep_task import task_of
        from stagecraft.tuning.budget import Budget
        from stagecraft.tuning.run import run_trials, sweep_session
        from stagecraft.tuning.study import Study
        from stagecraft.tuning.warm_start import begin, remember

        self._check_rows(bench, inputs)
        space = Space(self.space, self.constraints)
        searched = {name: inputs[name] for name in ("train", "validation")}
        objective = self.trainer.prepare(bench, searched, self.metric)
        spec = StudySpec(
            space=self.space,
            constraints=self.constraints,
            objectives={self.metric: self.direction or DIRECTIONS[self.metric]},
            rounds=self.rounds,
            population=self.population,
            start=self._own(),
            effort=self.trainer.effort(space),
            searcher=self.searcher,
            steps=self.steps,
            seed=self.seed,
            concurrency=self.concurrency,
        )
        study = Study(bench.store, self._study_folder(inputs), spec)
        task = task_of(self.trainer, self.version, inputs["train"])
        if self.warm_start:
            begin(study, task)
        budget = Budget(trials=self.trials, wall_seconds=self.wall_seconds, cpu_seconds=self.cpu_seconds)
        address = "auto" if os.environ.get("RAY_ADDRESS") else None
        goes_on = study.remaining(self.trials) and not budget.used_up(study, study.wall)
        session = sweep_session(self.concurrency, self.limits, self.trainer.helpers, address)
        if goes_on:
            study.begin()
        with session if goes_on else nullcontext():  # One Ray for the search and for the last training.
            best = run_trials(
                study,
                objective,
                budget=budget,
                limits=self.limits,
                stopping=self.stopping,
                helpers=self.trainer.helpers,
                address=address,
                tracker=bench.tracker,
            )
            remember(study, task)
            final = self._final(bench, study, best, inputs)
        drafts["model"].take(final["model"])
        test: dict[str, float] = final["report"].meta["metrics"]
        tried = study.first(self.trials)  # an earlier sweep may have tried more
        if self.metric in test:
            bench.tracker.record("sweep", {"test": {self.metric: test[self.metric]}})
        report = drafts["report"]
        report.meta.update(
            metrics={
                **best.metrics,
                **{f"test_{name}": value for name, value in test.items()},
                "trials": len(tried.trials),
                "finished": len(tried.finished),
                "failed": len(tried.failed),
            },
            best=best.parameters,
            metric=self.metric,
            study=study.folder,
            test=test,
            warm_start=study.warm_start and study.warm_start.model_dump(mode="json"),
            trials=[trial.model_dump(mode="json") for trial in tried.trials],
            **self.trainer.chosen(best.parameters),
        )
        report.write("report.html", page(tried, best, test, study.notes).encode())

    def _final(
        self, bench: Workbench, study: Study, best: Trial, inputs: Mapping[str, Dataset]
    ) -> dict[str, Artifact]:
        """Train the best parameters for the last time, or take what was committed before."""
        from stagecraft.stages.final_fit import FinalFit
        from stagecraft.tuning.attempt import seed_of
        from stagecraft.tuning.handover import Handovers

        handover = Handovers(study).last(best)
        fit = FinalFit(
            trainer=self.trainer,
            best=best.parameters,
            metric=self.metric,
            seed=seed_of(self.seed, best.number),
            limits=self.limits,
            checkpoint=handover and handover.source,
            until=handover and handover.until,
        )
        inner = Workbench(bench.engine, bench.store, bench.tracker.scoped("final"))
        given: dict[str, Artifact] = {**inputs}
        if self.refit:
            rows = self._append().run(inner, first=inputs["train"], second=inputs["validation"])
            given["train"] = rows["dataset"]
        return fit.run(inner, **given)

    def _append(self) -> Append:
        return Append(fill=self.trainer.fill())

    def _check_rows(self, bench: Workbench, inputs: Mapping[str, Dataset]) -> None:
        """Refuse before any trial what the last training would refuse.

        :raises InvalidInputError: rows lack columns, or are no rows at all
        """
        train, validation, test = inputs["train"], inputs["validation"], inputs.get("test")
        if self.population is not None and test is not None:
            found = "a population's model is its best member as it is, which is not called again to be judged"
            raise InvalidInputError("sweep.test", found, "no test rows here, and a judgement of its own")
        if self.refit and self.population is None:
            self._append().check("sweep.validation", bench.store, train, validation)
        if test is not None:
            test.require("sweep.test", *validation.columns)
            if not test.rows:
                raise InvalidInputError("sweep.test", "it has no rows", "a dataset with rows, or none")

    def _study_folder(self, inputs: Mapping[str, Dataset]) -> str:
        """What a study may have more of, and what comes after it, are no part of its address."""
        decisive = {name: value for name, value in self.parameters().items() if name not in NOT_SEARCHED}
        sources = {name: inputs[name].fingerprint for name in ("train", "validation")}
        return f"studies/{fingerprint(f'{self.name}/study', self.version, decisive, sources)}"
