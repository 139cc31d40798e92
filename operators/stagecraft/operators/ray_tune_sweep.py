"""Sweeps on Ray: finds the parameters of a trainer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from stagecraft.artifacts.artifact import Reference
from stagecraft.errors import InvalidInputError
from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output, ReportOutput, Value

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stagecraft.stages.trainers import AnyTrainer
    from stagecraft.tuning.attempt import Limits
    from stagecraft.tuning.population import Population
    from stagecraft.tuning.rounds import Rounds
    from stagecraft.tuning.space import Dimension
    from stagecraft.tuning.stopping import Stopping


class RayTuneSweepOperator(StageOperator):
    """Tries parameters of a trainer, each trial judged on held-out rows.

    Every trial that ends is committed, so a sweep that is killed goes on where it stopped.

    :param train: rows to learn from
    :param validation: held-out rows
    :param trainer: what is tuned, of :mod:`stagecraft.stages.trainers`: ``LeafRegression(label="late")``
        (trees and a linear model over their leaves, on encoded rows in memory), ``Pipeline(steps={…})`` (an
        inner DAG of stages), ``PythonFunction(function="package.module:function")`` or
        ``Command(argv=[…])``; or a mapping of its fields, ``type`` among them, that may hold templates
    :param space: parameter → dimension: ``{"boosting.rounds": Integer(20, 80), "optimizer.alpha":
        LogUniform(0.01, 1)}``; the trainer says which parameters there are
    :param metric: what trials are judged by, on the validation rows
    :param direction: ``minimize`` or ``maximize``; of a metric that is well known, None will do
    :param trials: how many parameter sets to try
    :param constraints: name → expression over parameters that must hold, as
        ``"boosting.rounds * boosting.depth <= 300"``
    :param wall_seconds: no trial begins after so many seconds; None for no bound
    :param cpu_seconds: nor after trials took so many CPU seconds
    :param searcher: ``default`` (by the cost of a trial), ``random``, ``grid``, ``genetic``, ``cma_es``,
        ``tpe`` (Optuna's), ``gaussian_process``, ``extra_trees`` or ``random_forest`` (scikit-optimize's)
    :param rounds: ``Rounds(trials=20, narrow=0.5)``: each round lies around the best trial so far
    :param population: ``Population(members=8, interval=10)``: the trials train as a population in place of
        a search, where the trainer keeps checkpoints
    :param stopping: ``Stopping(rule="asha")``: trials that promise little end early, where they report steps
    :param steps: the parameter that says how many steps trials report, as ``rounds``: every trial may make
        the most of them, ends early where it promises no more, and its record is that of one which ends at
        its best step
    :param limits: ``Limits(memory_bytes=…, seconds=…, cpus=1)`` of each trial
    :param warm_start: whether a new sweep begins at what earlier ones of like data found best
    :param concurrency: trials at a time
    :param test: rows that nothing before has seen, which judge the model at the end, once; None for none
    :param refit: whether the best parameters are trained once more on the rows of ``train`` and
        ``validation``; else the model is of ``train`` alone
    :param seed: decides every random draw
    """

    stage_address = "stagecraft.stages.sweep:Sweep"

    def __init__(
        self,
        *,
        train: Input,
        validation: Input,
        trainer: AnyTrainer | Mapping[str, Any],
        space: Mapping[str, Dimension],
        metric: str = "log_loss",
        direction: str | None = None,
        trials: int | str = 20,
        constraints: Mapping[str, str] | None = None,
        wall_seconds: float | str | None = None,
        cpu_seconds: float | str | None = None,
        searcher: str = "default",
        rounds: Rounds | Mapping[str, Any] | None = None,
        population: Population | Mapping[str, Any] | None = None,
        stopping: Stopping | Mapping[str, Any] | None = None,
        steps: str | None = None,
        limits: Limits | Mapping[str, Any] | None = None,
        warm_start: bool | str = True,
        concurrency: int | str = 2,
        test: Input | None = None,
        refit: bool | str = True,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"train": train, "validation": validation, "test": test},
            parameters={
                # As a mapping, so that the templates within it are rendered.
                "trainer": trainer.model_dump(mode="json") if isinstance(trainer, BaseModel) else trainer,
                "space": dict(space),
                "metric": metric,
                "direction": direction,
                "trials": trials,
                "constraints": dict(constraints or {}),
                "wall_seconds": wall_seconds,
                "cpu_seconds": cpu_seconds,
                "searcher": searcher,
                "rounds": rounds,
                "population": population,
                "stopping": stopping,
                "steps": steps,
                "limits": limits or {},
                "warm_start": warm_start,
                "concurrency": concurrency,
                "refit": refit,
                "seed": seed,
            },
            **kwargs,
        )

    @property
    def report(self) -> ReportOutput:
        """The trials, and the best one's metrics; as ``test_…``, those of the model on the test rows."""
        return ReportOutput(self)

    @property
    def model(self) -> Output:
        """The model of the best parameters."""
        return self.artifact("model")

    @property
    def best(self) -> Value:
        """The best trial's parameters, by their names in the space."""
        return Value(self, "best", output="report")

    @property
    def boosting(self) -> Value:
        """The best trial's tree parameters, for a GBDT encoding; of a ``LeafRegression``."""
        return self._chosen("boosting")

    @property
    def optimizer(self) -> Value:
        """The best trial's optimizer, for PS training; of a ``LeafRegression``."""
        return self._chosen("optimizer")

    def _chosen(self, name: str) -> Value:
        if self.parameters["trainer"].get("type") != "leaf_regression":
            raise InvalidInputError(
                f"task {self.task_id}: sweep.{name}",
                f"the trainer is a {self.parameters['trainer'].get('type')}",
                "best, or a LeafRegression",
            )
        return Value(self, name, output="report")

    def _hand_on(self, context: Context, outputs: Mapping[str, Reference], *, reused: bool) -> None:
        super()._hand_on(context, outputs, reused=reused)
        found = self._store().open(outputs["report"]).meta
        self.log.info(
            "Best %s: %s with %s", found["metric"], found["metrics"][found["metric"]], found["best"]
        )
        if found["test"]:
            self.log.info("On the test rows: %s", found["test"])
        for part in ("best", "boosting", "optimizer"):
            if part in found:
                context["ti"].xcom_push(key=part, value=found[part])
