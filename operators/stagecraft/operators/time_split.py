"""Splitting by time: the newest months test, those before validate, the rest trains."""

from __future__ import annotations

from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class TimeSplitOperator(StageOperator):
    """Cuts a dataset at the starts of calendar months, counted back from its newest row.

    :param dataset: the rows to split
    :param column: a date or timestamp column
    :param test_months: the newest months, which test
    :param validation_months: the months before those, which validate
    :param train_months: the months before those, which train; all earlier ones where None
    """

    stage_address = "stagecraft.stages.split:TimeSplit"

    def __init__(
        self,
        *,
        dataset: Input,
        column: str,
        test_months: int | str = 1,
        validation_months: int | str = 1,
        train_months: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={
                "column": column,
                "test_months": test_months,
                "validation_months": validation_months,
                "train_months": train_months,
            },
            **kwargs,
        )

    @property
    def train(self) -> Output:
        """The oldest rows."""
        return self.artifact("train")

    @property
    def validation(self) -> Output:
        """The rows between."""
        return self.artifact("validation")

    @property
    def test(self) -> Output:
        """The newest rows."""
        return self.artifact("test")
