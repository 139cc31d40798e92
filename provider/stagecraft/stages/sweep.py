"""Sweep: search the parameters of the trees and of the linear model over them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.fingerprint import fingerprint
from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.boosting import BoostingParameters
from stagecraft.tuning.rounds import Rounds
from stagecraft.tuning.searchers import SearcherName
from stagecraft.tuning.space import Dimension, Parameters, Space

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.stages.sweep_objective import LeafRegression

GROUPS: dict[str, type[BaseModel]] = {"boosting": BoostingParameters, "optimizer": FTRL}
FIXED = {"boosting.objective", "boosting.seed", "optimizer.type"}
TUNABLE = [
    name
    for group, model in GROUPS.items()
    for field in model.model_fields
    if (name := f"{group}.{field}") not in FIXED
]
DIRECTIONS: dict[str, Literal["minimize", "maximize"]] = {"log_loss": "minimize", "auc": "maximize"}
BUDGET = {"trials", "wall_seconds", "cpu_seconds"}


class Sweep(Stage):
    """Finds good parameters for trees, and for the FTRL logistic regression over columns and leaves.

    Each trial grows trees on the encoded rows, fits the linear model on columns and leaves, and is judged on
    held-out rows. Trials run on Ray Tune, and each one that ends is committed to the store: a sweep that was
    killed goes on where it stopped, and one with more ``trials`` goes on from an earlier one. Equal sweeps
    try equal parameters. Tracks ``best_log_loss`` or ``best_auc``, ``progress``, and every trial.

    :param label: the label's column, of two values
    :param weight: the column of the training rows' weights, or None
    :param space: parameter → dimension. The parameters are those of ``boosting`` and of ``optimizer``, named
        ``boosting.rounds``, ``optimizer.alpha`` …
    :param boosting: how trees are grown, where ``space`` does not say; tried first, where it lies in it
    :param optimizer: the linear model's optimizer, likewise
    :param metric: what is judged on the validation rows: ``log_loss`` or ``auc``
    :param constraints: name → expression over parameters that must hold, as
        ``"boosting.rounds * boosting.depth <= 300"``
    :param trials: how many parameter sets to try
    :param wall_seconds: no trial begins after so many seconds of work on the study; None for no bound
    :param cpu_seconds: nor after trials took so many CPU seconds
    :param searcher: ``default``, ``random``, ``grid``, ``genetic``, ``cma_es``, ``tpe``,
        ``gaussian_process``, ``extra_trees`` or ``random_forest``
    :param rounds: rounds that narrow the space around the best trial so far; None for none
    :param epochs: passes of the linear model over the training rows
    :param max_rows: at most so many rows of each dataset are used, evenly spaced
    :param concurrency: trials at a time; fewer where the machine has fewer cores, with the same result
    :param seed: decides every random draw of the searcher

    >>> from stagecraft.tuning.space import Integer, LogUniform
    >>> space = {"boosting.rounds": Integer(20, 80), "optimizer.alpha": LogUniform(0.01, 1.0)}
    >>> Sweep(label="late", space=space, trials=8, searcher="tpe").metric
    'log_loss'
    """

    name: ClassVar[str] = "sweep"
    version: ClassVar[int] = 2
    inputs: ClassVar[Mapping[str, Kind]] = {"train": Kind.DATASET, "validation": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"report": Kind.REPORT}
    engines: ClassVar[tuple[str, ...]] = ("ray",)

    label: str = Field(min_length=1)
    weight: str | None = None
    space: dict[str, Dimension]
    constraints: dict[str, str] = {}
    boosting: BoostingParameters = BoostingParameters()
    optimizer: FTRL = FTRL()
    metric: Literal["log_loss", "auc"] = "log_loss"
    trials: int = Field(default=20, ge=1, le=10_000)
    wall_seconds: float | None = Field(default=None, gt=0)
    cpu_seconds: float | None = Field(default=None, gt=0)
    searcher: SearcherName = "default"
    rounds: Rounds | None = None
    epochs: int = Field(default=2, ge=1, le=1000)
    max_rows: int = Field(default=100_000, ge=100)
    concurrency: int = Field(default=2, ge=1, le=256)
    seed: int = Field(default=0, ge=0, lt=2**32)

    @field_validator("space")
    @classmethod
    def _known(cls, space: dict[str, Any]) -> dict[str, Any]:
        for name, dimension in Space(space).dimensions.items():
            if name not in TUNABLE:
                raise ValueError(f"no parameter {name!r} to tune; known are {', '.join(TUNABLE)}")
            for value in dimension.probes():
                _check_value(name, value)
        return space

    @model_validator(mode="after")
    def _satisfiable(self) -> Sweep:
        Space(self.space, self.constraints)
        return self

    def chosen(self, parameters: Parameters) -> tuple[BoostingParameters, FTRL]:
        """Return what a trial trains with: the trial's parameters, and the stage's own for the rest."""
        groups: dict[str, dict[str, Any]] = {
            "boosting": self.boosting.model_dump(),
            "optimizer": self.optimizer.model_dump(),
        }
        for name, value in parameters.items():
            group, _, field = name.partition(".")
            groups[group][field] = value
        return BoostingParameters(**groups["boosting"]), FTRL(**groups["optimizer"])

    def _effort(self) -> str | None:
        """Return what the trees of a trial cost."""
        grown = ("boosting.rounds", "boosting.depth")
        return " * ".join(name for name in grown if name in self.space and not self.space[name].when) or None

    def _own(self) -> list[Parameters]:
        """Return the stage's own parameters, to try first, where they lie in the space."""
        space = Space(self.space, self.constraints)
        given = {
            name: getattr(getattr(self, group), field)
            for name in space.dimensions
            for group, _, field in [name.partition(".")]
        }
        if not all(dimension.contains(given[name]) for name, dimension in space.dimensions.items()):
            return []
        own = space.active(given)
        return [own] if space.feasible(own) else []

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.stages.sweep_page import page
        from stagecraft.tuning.budget import Budget
        from stagecraft.tuning.run import run_trials
        from stagecraft.tuning.spec import StudySpec
        from stagecraft.tuning.study import Study

        objective = self._objective(bench, inputs["train"], inputs["validation"])
        spec = StudySpec(
            space=self.space,
            constraints=self.constraints,
            objectives={self.metric: DIRECTIONS[self.metric]},
            rounds=self.rounds,
            start=self._own(),
            effort=self._effort(),
            searcher=self.searcher,
            seed=self.seed,
            concurrency=self.concurrency,
        )
        study = Study(bench.store, self._study_folder(inputs), spec)
        best = run_trials(
            study,
            objective,
            budget=Budget(trials=self.trials, wall_seconds=self.wall_seconds, cpu_seconds=self.cpu_seconds),
            address="auto" if os.environ.get("RAY_ADDRESS") else None,
            tracker=bench.tracker,
        )
        tried = study.first(self.trials)  # an earlier sweep may have tried more
        boosting, optimizer = self.chosen(best.parameters)
        report = drafts["report"]
        report.meta.update(
            metrics={
                **best.metrics,
                "trials": len(tried.trials),
                "finished": len(tried.finished),
                "failed": len(tried.failed),
            },
            best=best.parameters,
            boosting=boosting.model_dump(mode="json"),
            optimizer=optimizer.model_dump(mode="json"),
            metric=self.metric,
            study=study.folder,
            trials=[trial.model_dump(mode="json") for trial in tried.trials],
        )
        report.write("report.html", page(tried, best).encode())

    def _study_folder(self, inputs: Mapping[str, Dataset]) -> str:
        """More trials or time continue a study, so they are no part of its address."""
        decisive = {name: value for name, value in self.parameters().items() if name not in BUDGET}
        sources = {name: artifact.fingerprint for name, artifact in inputs.items()}
        return f"studies/{fingerprint(f'{self.name}/study', self.version, decisive, sources)}"

    def _objective(self, bench: Workbench, train: Dataset, validation: Dataset) -> LeafRegression:
        from stagecraft.stages.sweep_objective import LeafRegression

        if train.model is None:
            raise InvalidInputError(
                "sweep.train", "the rows are not encoded", "the dataset of an encode stage"
            )
        encoder = bench.store.open(train.model)
        assert isinstance(encoder, Model)
        return LeafRegression.of(self, train, validation, encoder)


def _check_value(name: str, value: Any) -> None:
    """Refuse a value that the parameter does not take."""
    group, _, field = name.partition(".")
    try:
        GROUPS[group](**{field: value})
    except ValidationError as error:
        raise ValueError(f"{name} does not take {value!r}: {error.errors()[0]['msg']}") from None
