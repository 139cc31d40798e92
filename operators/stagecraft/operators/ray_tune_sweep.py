"""Sweeps on Ray Tune: finds the parameters of the trees and of the linear model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stagecraft.artifacts.artifact import Reference
from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import ReportOutput, Value

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stagecraft.tuning.rounds import Rounds
    from stagecraft.tuning.space import Dimension


class RayTuneSweepOperator(StageOperator):
    """Tries parameters of GBDT encoding and PS training together, each trial judged on held-out rows.

    Every trial that ends is committed, so a sweep that is killed goes on where it stopped.

    :param train: encoded rows
    :param validation: raw held-out rows
    :param label: the label's column, of two values
    :param space: parameter → dimension: ``{"boosting.rounds": Integer(20, 80), "optimizer.alpha":
        LogUniform(0.01, 1)}``
    :param weight: the column of the training rows' weights, or None
    :param trials: how many parameter sets to try
    :param constraints: name → expression over parameters that must hold, as
        ``"boosting.rounds * boosting.depth <= 300"``
    :param wall_seconds: no trial begins after so many seconds; None for no bound
    :param cpu_seconds: nor after trials took so many CPU seconds
    :param searcher: ``default`` (by the cost of a trial), ``random``, ``grid``, ``genetic``, ``cma_es``,
        ``tpe`` (Optuna's), ``gaussian_process``, ``extra_trees`` or ``random_forest`` (scikit-optimize's)
    :param rounds: ``Rounds(trials=20, narrow=0.5)``: each round lies around the best trial so far
    :param metric: ``log_loss`` or ``auc``, on the validation rows
    :param epochs: passes of the linear model over the training rows
    :param max_rows: at most so many rows of each dataset are used
    :param concurrency: trials at a time
    :param seed: decides every random draw
    """

    stage_address = "stagecraft.stages.sweep:Sweep"

    def __init__(
        self,
        *,
        train: Input,
        validation: Input,
        label: str,
        space: Mapping[str, Dimension],
        weight: str | None = None,
        trials: int | str = 20,
        constraints: Mapping[str, str] | None = None,
        wall_seconds: float | str | None = None,
        cpu_seconds: float | str | None = None,
        searcher: str = "default",
        rounds: Rounds | Mapping[str, Any] | None = None,
        metric: str = "log_loss",
        epochs: int | str = 2,
        max_rows: int | str = 100_000,
        concurrency: int | str = 2,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"train": train, "validation": validation},
            parameters={
                "label": label,
                "weight": weight,
                "space": dict(space),
                "trials": trials,
                "constraints": dict(constraints or {}),
                "wall_seconds": wall_seconds,
                "cpu_seconds": cpu_seconds,
                "searcher": searcher,
                "rounds": rounds,
                "metric": metric,
                "epochs": epochs,
                "max_rows": max_rows,
                "concurrency": concurrency,
                "seed": seed,
            },
            **kwargs,
        )

    @property
    def report(self) -> ReportOutput:
        """The trials, and the best one's metrics."""
        return ReportOutput(self)

    @property
    def boosting(self) -> Value:
        """The best trial's tree parameters, for a GBDT encoding."""
        return Value(self, "boosting", output="report")

    @property
    def optimizer(self) -> Value:
        """The best trial's optimizer, for PS training."""
        return Value(self, "optimizer", output="report")

    def _hand_on(self, context: Context, outputs: Mapping[str, Reference], *, reused: bool) -> None:
        super()._hand_on(context, outputs, reused=reused)
        found = self._store().open(outputs["report"]).meta
        self.log.info(
            "Best %s: %s with %s", found["metric"], found["metrics"][found["metric"]], found["best"]
        )
        for part in ("boosting", "optimizer"):
            context["ti"].xcom_push(key=part, value=found[part])
