"""Drift: how far a dataset has moved from a reference, and whether that is too far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from stagecraft.artifacts.artifact import Reference
from stagecraft.errors import InvalidInputError
from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.deferred import is_deferred
from stagecraft.operators.output import ReportOutput

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stagecraft.jobs.job import Step

ON_DRIFT = ("fail", "warn")


class DriftOperator(StageOperator):
    """Compares a dataset's columns with a reference's: PSI, exact KS, missing and new values.

    Where a column drifted, the task fails once its report is committed and handed on, so that it can be
    looked at; it is not retried, and clearing it fails again without running the job again.

    :param dataset: the rows to check
    :param reference: the rows to compare them with, those of the training as a rule
    :param columns: the columns to compare; where None, all that both sides have
    :param psi: a PSI above it is drift; None: no PSI is
    :param ks: a KS statistic above it is drift; None: none is
    :param thresholds: column → its own thresholds, as ``{"age": {"psi": 0.1, "ks": None}}``
    :param on_drift: ``fail``: the task fails; ``warn``: it logs a warning
    :param bins: quantile bins of numbers
    :param categories: values of a category that are told apart, at most
    :param min_count: rows of the reference that a value needs to be told apart
    :param title: the page's heading
    """

    stage_address = "stagecraft.stages.drift:Drift"
    template_fields = (*StageOperator.template_fields, "on_drift")

    def __init__(
        self,
        *,
        dataset: Input,
        reference: Input,
        columns: Sequence[str] | str | None = None,
        psi: float | str | None = 0.2,
        ks: float | str | None = None,
        thresholds: Mapping[str, Mapping[str, float | str | None]] | None = None,
        on_drift: str = "fail",
        bins: int | str = 10,
        categories: int | str = 50,
        min_count: int | str = 5,
        title: str = "{{ dag.dag_id }}",
        **kwargs: Any,
    ) -> None:
        self.on_drift = on_drift
        super().__init__(
            inputs={"dataset": dataset, "reference": reference},
            parameters={
                "columns": columns,
                "psi": psi,
                "ks": ks,
                "thresholds": thresholds or {},
                "bins": bins,
                "categories": categories,
                "min_count": min_count,
                "title": title,
            },
            **kwargs,
        )
        if not is_deferred(on_drift):
            self._check_on_drift()

    @property
    def report(self) -> ReportOutput:
        """The metrics; ``report["max_psi"] < 0.2`` requires something of them."""
        return ReportOutput(self)

    def job_steps(self) -> list[Step]:
        self._check_on_drift()
        return super().job_steps()

    def _check_on_drift(self) -> None:
        if self.on_drift not in ON_DRIFT:
            raise InvalidInputError(
                f"task {self.task_id}: drift.on_drift", f"the value {self.on_drift!r}", f"one of {ON_DRIFT}"
            )

    def _hand_on(self, context: Context, outputs: Mapping[str, Reference], *, reused: bool) -> None:
        super()._hand_on(context, outputs, reused=reused)
        meta = self._store().open(outputs["report"]).meta
        faults = meta["faults"]
        if not faults:
            self.log.info("No drift in %d columns", meta["metrics"]["columns"])
            return
        named = "; ".join(f"{column!r}: {', '.join(found)}" for column, found in faults.items())
        if self.on_drift == "fail":
            raise AirflowFailException(
                f"task {self.task_id}: {len(faults)} columns drifted: {named}. What would do: look at the "
                "report, then train anew on rows like these, or raise the thresholds; "
                "on_drift='warn' goes on"
            )
        self.log.warning("%d columns drifted: %s", len(faults), named)
