"""Splitting a dataset by time: the newest part tests, the part before it validates."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft


class TimeSplit(Stage):
    """Cuts a dataset at the starts of calendar months, counted back from the newest row.

    :param column: a date or timestamp column
    :param test_months: the newest months, which test
    :param validation_months: the months before those, which validate
    :param train_months: the months before those, which train; all earlier ones where None

    >>> TimeSplit(column="day", test_months=2).cuts(datetime.date(2013, 12, 31))
    {'test': datetime.date(2013, 11, 1), 'validation': datetime.date(2013, 10, 1), 'train': None}
    """

    name = "time_split"
    inputs = {"dataset": Kind.DATASET}
    outputs = {"train": Kind.DATASET, "validation": Kind.DATASET, "test": Kind.DATASET}

    column: str
    test_months: int = Field(default=1, ge=1)
    validation_months: int = Field(default=1, ge=1)
    train_months: int | None = Field(default=None, ge=1)

    def cuts(self, newest: datetime.date) -> dict[str, datetime.date | None]:
        """Return the first day of each part; None where a part reaches back to the first row."""
        test = _months_before(newest, self.test_months - 1)
        validation = _months_before(test, self.validation_months)
        train = None if self.train_months is None else _months_before(validation, self.train_months)
        return {"test": test, "validation": validation, "train": train}

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        dataset: Dataset = inputs["dataset"]
        dataset.require("time_split.column", self.column)
        kind = dataset.columns[self.column]
        if not kind.startswith(("date", "timestamp")):
            raise InvalidInputError(
                "time_split.column", f"{self.column!r} is of type {kind}", "a date or timestamp"
            )
        engine = bench.engine
        rows = engine.scan(dataset)
        day = f"CAST({quoted(self.column)} AS DATE)"
        summary = engine.collect(
            engine.sql(
                f"SELECT max({day}) AS newest, count(*) - count({day}) AS missing FROM rows", rows=rows
            )
        ).to_pylist()[0]
        if summary["missing"]:
            raise InvalidInputError(
                "time_split.column",
                f"{summary['missing']} rows have no {self.column!r}",
                "drop or date those rows",
            )
        cuts = self.cuts(summary["newest"])
        end = None
        for part in ("test", "validation", "train"):
            bounds = [f"{day} >= DATE '{cuts[part]}'"] if cuts[part] else []
            bounds += [f"{day} < DATE '{end}'"] if end else []
            where = " AND ".join(bounds) or "TRUE"
            engine.write(engine.sql(f"SELECT * FROM rows WHERE {where}", rows=rows), drafts[part])
            if drafts[part].meta["rows"] == 0:
                raise InvalidInputError(
                    "time_split",
                    f"the part {part!r} is empty: no row where {where}",
                    "fewer months, or more data",
                )
            end = cuts[part]


def _months_before(day: datetime.date, months: int) -> datetime.date:
    """Return the first day of the month that lies ``months`` before the month of ``day``."""
    count = day.year * 12 + day.month - 1 - months
    return datetime.date(count // 12, count % 12 + 1, 1)
