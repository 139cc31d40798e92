"""Information value: how much each column tells of a binary label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import ReportOutput


class InformationValueOperator(StageOperator):
    """Measures weights of evidence and the information value of columns against a binary label.

    :param dataset: the rows to measure
    :param label: a column of two values, none missing; the positive one is that which sorts last: 1, true
    :param columns: the columns to measure; all but the label where None
    :param bins: quantile bins of numbers
    :param categories: values of a category that are told apart, at most
    :param min_count: rows that a value needs to be told apart
    :param title: the page's heading
    """

    stage_address = "stagecraft.stages.information_value:InformationValue"

    def __init__(
        self,
        *,
        dataset: Input,
        label: str,
        columns: Sequence[str] | str | None = None,
        bins: int | str = 10,
        categories: int | str = 50,
        min_count: int | str = 5,
        title: str = "{{ dag.dag_id }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={
                "label": label,
                "columns": columns,
                "bins": bins,
                "categories": categories,
                "min_count": min_count,
                "title": title,
            },
            **kwargs,
        )

    @property
    def report(self) -> ReportOutput:
        """The metrics; ``report["max_iv"] < 0.5`` refuses a column that knows the label."""
        return ReportOutput(self)
