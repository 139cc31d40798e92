"""Profile: what is in each column of a dataset, and a page that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import ReportOutput


class ProfileOperator(StageOperator):
    """Describes every column: missing values, distinct ones, spread, exact quantiles, frequent values.

    :param dataset: the rows to describe
    :param columns: the columns to describe; all where None
    :param top: how many frequent values of each column are kept
    :param title: the page's heading
    """

    stage_address = "stagecraft.stages.profile:Profile"

    def __init__(
        self,
        *,
        dataset: Input,
        columns: Sequence[str] | str | None = None,
        top: int | str = 10,
        title: str = "{{ dag.dag_id }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={"columns": columns, "top": top, "title": title},
            **kwargs,
        )

    @property
    def report(self) -> ReportOutput:
        """The metrics; ``report["max_missing"] < 0.1`` requires something of them."""
        return ReportOutput(self)
