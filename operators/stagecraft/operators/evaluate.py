"""Evaluation: metrics on held-out rows, and a page that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import ReportOutput


class EvaluateOperator(StageOperator):
    """Measures a model on raw rows that it has not seen, beside a plain baseline.

    :param model: a trained model
    :param dataset: raw held-out rows, with the label
    :param label: the column that holds the truth
    :param baseline: the rows that the baseline learns from, the training rows as a rule
    :param baseline_by: the baseline predicts the label's rate by these columns; none: the overall rate
    :param threshold: a score at or above it counts as predicted positive, 0 … 1; the model's own where None
    :param title: the page's heading
    """

    stage_address = "stagecraft.stages.evaluate:Evaluate"

    def __init__(
        self,
        *,
        model: Input,
        dataset: Input,
        label: str,
        baseline: Input | None = None,
        baseline_by: Sequence[str] = (),
        threshold: float | str | None = None,
        title: str = "{{ dag.dag_id }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"model": model, "dataset": dataset, "baseline": baseline},
            parameters={
                "label": label,
                "baseline_by": list(baseline_by),
                "threshold": threshold,
                "title": title,
            },
            **kwargs,
        )

    @property
    def report(self) -> ReportOutput:
        """The metrics; ``report["auc"] > 0.65`` requires something of them."""
        return ReportOutput(self)
