"""Which columns are encoded alike, by which steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stagecraft.stages.cross import name_of
from stagecraft.stages.encodings import AnyStep, CategoricalStep, Column, Cross, Fill, OneHot, Step
from stagecraft.stages.numeric_steps import check_chain

NUMBERS_ALONE = ("median", "mean")
"""What ``Fill`` takes of numbers, never of categories."""


class Encoding(BaseModel):
    """Columns or crosses that are encoded alike, and the steps that do it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: list[Column] = Field(min_length=1)
    steps: list[AnyStep] = Field(min_length=1)

    @model_validator(mode="after")
    def _chained(self) -> Self:
        *before, last = self.steps
        if not isinstance(last, CategoricalStep):
            if any(isinstance(step, CategoricalStep) for step in before):
                raise ValueError(f"a categorical step ends the chain, and {last} comes after it")
            if crosses := [column for column in self.columns if isinstance(column, Cross)]:
                raise ValueError(f"{crosses[0].name} is a category, which {last} is not for")
            check_chain(self.steps)
        elif before and not (len(before) == 1 and isinstance(before[0], Fill) and self.fill is not None):
            raise ValueError(f'before {last} there may be Fill("most_frequent") or Fill("a text"), no more')
        elif self.indicator and isinstance(self.columns[0], Cross):
            raise ValueError("the indicator is for a column, not for a cross")
        return self

    @property
    def numeric(self) -> bool:
        return not isinstance(self.steps[-1], CategoricalStep)

    @property
    def indicator(self) -> bool:
        return any(isinstance(step, Fill) and step.indicator for step in self.steps)

    @property
    def fill(self) -> str | None:
        """The text that missing categories become, or ``most_frequent``."""
        first = self.steps[0]
        if isinstance(first, Fill) and isinstance(first.value, str) and first.value not in NUMBERS_ALONE:
            return first.value
        return None

    def outputs(self) -> list[str]:
        """The names of the columns that are made, as far as they are known before the fit."""
        names = [f"{name_of(column)}_missing" for column in self.columns if self.indicator]
        last = self.steps[-1]
        if isinstance(last, OneHot):
            return names
        for column in map(name_of, self.columns):
            names.append(last.output(column) if isinstance(last, CategoricalStep) else column)
        return names


def encodings(value: Any) -> Any:
    """Take ``{"a": Index(), ("b", "c"): Fill(0) | Standardize()}`` for a list of encodings.

    A list is of several encodings of one column: ``{"a": [Index(), Count()]}``.
    """
    if not isinstance(value, Mapping):
        return value
    return [
        {
            "columns": [columns] if isinstance(columns, str | Cross) else list(columns),
            "steps": [steps] if isinstance(steps, Step) else list(steps),
        }
        for columns, each in value.items()
        for steps in (each if isinstance(each, list) else [each])
    ]
