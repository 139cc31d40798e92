"""Splitting a dataset by time: the newest part tests, the part before it validates."""

from __future__ import annotations

import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Engine, Relation


def _parsed(text: str) -> str:
    datetime.datetime.fromisoformat(text)
    return text


Instant = Annotated[str, AfterValidator(_parsed)]
"""A date or a timestamp by ISO 8601; one without a zone is of UTC where the column has a zone."""


class TimeSplit(Stage):
    """Cuts a dataset at the starts of calendar months, counted back from the newest row, or at instants.

    :param column: a date or timestamp column
    :param test_months: the newest months, which test; 1 where nothing is given
    :param validation_months: the months before those, which validate; 1 where nothing is given, 0 leaves that
        output without rows
    :param train_months: the months before those, which train; all earlier ones where None
    :param test_from: in place of months, the instant from which rows test
    :param validation_from: the instant from which earlier ones validate; none do where None
    :param train_from: the instant from which the rest trains; all of it where None

    >>> TimeSplit(column="day", test_months=2).cuts(datetime.date(2013, 12, 31))
    {'test': datetime.date(2013, 11, 1), 'validation': datetime.date(2013, 10, 1), 'train': None}
    """

    name = "time_split"
    inputs = {"dataset": Kind.DATASET}
    outputs = {"train": Kind.DATASET, "validation": Kind.DATASET, "test": Kind.DATASET}

    column: str
    test_months: int | None = Field(default=None, ge=1)
    validation_months: int | None = Field(default=None, ge=0)
    train_months: int | None = Field(default=None, ge=1)
    test_from: Instant | None = None
    validation_from: Instant | None = None
    train_from: Instant | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        instants = [self.train_from, self.validation_from, self.test_from]
        if not any(instants):
            return self
        if self.test_from is None:
            raise ValueError("instants need test_from")
        if (self.test_months, self.validation_months, self.train_months) != (None, None, None):
            raise ValueError("give months, or else instants")
        given = [_utc(instant) for instant in instants if instant]
        if any(left >= right for left, right in pairwise(given)):
            raise ValueError("train_from, validation_from and test_from ascend")
        return self

    def cuts(self, newest: datetime.date) -> dict[str, datetime.date | None]:
        """Return the first day of each part by months; None where a part reaches back to the first row."""
        test = self._before(newest, (self.test_months or 1) - 1)
        months = 1 if self.validation_months is None else self.validation_months
        validation = self._before(test, months)
        train = None if self.train_months is None else self._before(validation, self.train_months)
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
        literals = self._literals(kind)
        newest = self._newest(engine, rows)
        time = quoted(self.column)
        if literals is None:
            time = f"CAST({time} AS DATE)"
            literals = {part: f"DATE '{cut}'" if cut else None for part, cut in self.cuts(newest).items()}
        end = None
        for part in ("test", "validation", "train"):
            start = literals[part]
            bounds = [f"{time} >= {start}"] if start else []
            bounds += [f"{time} < {end}"] if end else []
            where = " AND ".join(bounds) or "TRUE"
            engine.write(engine.sql(f"SELECT * FROM rows WHERE {where}", rows=rows), drafts[part])
            drafts[part].meta.update(dataset.encoding)
            if drafts[part].meta["rows"] == 0 and not (part == "validation" and start == end):
                raise InvalidInputError(
                    "time_split",
                    f"the part {part!r} is empty: no row where {where}",
                    "other cuts (fewer months), or more data",
                )
            end = start

    def _newest(self, engine: Engine, rows: Relation) -> datetime.date:
        """The newest row's day; every row has one."""
        day = f"CAST({quoted(self.column)} AS DATE)"
        [found] = engine.collect(
            engine.sql(
                f"SELECT max({day}) AS newest, count(*) - count({day}) AS missing FROM rows", rows=rows
            )
        ).to_pylist()
        if found["missing"]:
            raise InvalidInputError(
                "time_split.column",
                f"{found['missing']} rows have no {self.column!r}",
                "drop or date those rows",
            )
        if found["newest"] is None:
            raise InvalidInputError("time_split.dataset", "it has no rows", "a dataset with rows")
        newest: datetime.date = found["newest"]
        return newest

    def _literals(self, kind: str) -> dict[str, str | None] | None:
        """The SQL of each part's start, where instants are given."""
        if self.test_from is None:
            return None
        starts = {
            "test": self._literal("test_from", self.test_from, kind),
            "train": self._literal("train_from", self.train_from, kind) if self.train_from else None,
        }
        given = self.validation_from
        validation = self._literal("validation_from", given, kind) if given else starts["test"]
        return {**starts, "validation": validation}

    def _literal(self, field: str, text: str, kind: str) -> str:
        """An instant as SQL of the column's type."""
        instant = datetime.datetime.fromisoformat(text)
        if "tz=" in kind:
            return f"CAST('{_utc(text).isoformat(' ')}' AS TIMESTAMPTZ)"
        if instant.tzinfo is not None:
            raise InvalidInputError(
                f"time_split.{field}", f"{text!r} has a zone, and {self.column!r} has none", "one without"
            )
        if not kind.startswith("date"):
            return f"CAST('{instant.isoformat(' ')}' AS TIMESTAMP)"
        if instant.time() != datetime.time():
            raise InvalidInputError(
                f"time_split.{field}", f"{text!r} has a time, and {self.column!r} holds dates", "a date"
            )
        return f"DATE '{instant.date()}'"

    def _before(self, day: datetime.date, months: int) -> datetime.date:
        """Return the first day of the month that lies ``months`` before the month of ``day``."""
        count = day.year * 12 + day.month - 1 - months
        if count < 12:
            raise InvalidInputError(
                "time_split", f"{months} months before {day:%Y-%m} lie before the year 1", "fewer months"
            )
        return datetime.date(count // 12, count % 12 + 1, 1)


def _utc(text: str) -> datetime.datetime:
    """An instant of UTC; one without a zone is taken for one."""
    instant = datetime.datetime.fromisoformat(text)
    return instant.astimezone(datetime.UTC) if instant.tzinfo else instant.replace(tzinfo=datetime.UTC)
