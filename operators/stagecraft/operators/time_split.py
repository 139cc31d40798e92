"""Splitting by time: the newest months test, those before validate, the rest trains."""

from __future__ import annotations

from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class TimeSplitOperator(StageOperator):
    """Cuts a dataset at the starts of calendar months, counted back from its newest row, or at instants.

    :param dataset: the rows to split
    :param column: a date or timestamp column
    :param test_months: the newest months, which test; 1 where nothing is given
    :param validation_months: the months before those, which validate; 1 where nothing is given, or 0
    :param train_months: the months before those, which train; all earlier ones where None
    :param test_from: in place of months, the instant from which rows test: a date or timestamp by ISO 8601
    :param validation_from: the instant from which earlier ones validate; none do where None
    :param train_from: the instant from which the rest trains; all of it where None
    """

    stage_address = "stagecraft.stages.split:TimeSplit"

    def __init__(
        self,
        *,
        dataset: Input,
        column: str,
        test_months: int | str | None = None,
        validation_months: int | str | None = None,
        train_months: int | str | None = None,
        test_from: str | None = None,
        validation_from: str | None = None,
        train_from: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={
                "column": column,
                "test_months": test_months,
                "validation_months": validation_months,
                "train_months": train_months,
                "test_from": test_from,
                "validation_from": validation_from,
                "train_from": train_from,
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
