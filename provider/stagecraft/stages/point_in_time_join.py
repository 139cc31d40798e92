"""The point-in-time join: to each label, the newest features known at its time."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.as_of_join import AsOfJoin
from stagecraft.stages.base import Stage, Workbench

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft

LABELS = "labels"
UNITS = {"w": "weeks", "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds"}
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(w|d|h|min|ms|s)")


def duration(value: Any) -> Any:
    """Take ``"90min"``, ``"2h"``, ``"1d 12h"`` for a timedelta; leave anything else to pydantic.

    >>> duration("1d 12h")
    datetime.timedelta(days=1, seconds=43200)
    """
    if not isinstance(value, str) or re.sub(DURATION, "", value).strip() or not value.strip():
        return value
    parts = [datetime.timedelta(**{UNITS[unit]: float(count)}) for count, unit in DURATION.findall(value)]
    return sum(parts, datetime.timedelta())


def key_columns(value: Any) -> Any:
    """Take a column, or several, that labels and features name alike, for a mapping."""
    if isinstance(value, str):
        return {value: value}
    return {name: name for name in value} if isinstance(value, list | tuple) else value


Duration = Annotated[datetime.timedelta, BeforeValidator(duration), Field(ge=datetime.timedelta())]
Key = Annotated[dict[str, str], BeforeValidator(key_columns), Field(min_length=1)]


class FeatureSet(BaseModel):
    """How one set of features is joined; what is None is the join's own.

    :param key: column of the labels → column of the features
    :param time: the features' time
    :param columns: the features to take; all columns but key and time where None
    :param prefix: put before the names of the features taken
    :param tolerance: the greatest age of a feature
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Key | None = None
    time: str | None = None
    columns: list[str] | None = None
    prefix: str = ""
    tolerance: Duration | None = None


class PointInTimeJoin(Stage):
    """Joins to each label, of each set of features, the newest row of the same key that is not after it.

    Every row of ``labels`` comes out once, with its own columns, the features, and for each set
    ``<name>_time``: the time of the row that was joined, NULL where none qualifies. Labels without a key or
    a time stay, unmatched; features without one are ignored.

    Source: the as-of join; here a window over the labels and the times of the features, then an equi-join,
    in SQL that every engine has.

    :param key: column, several, or a mapping column of the labels → column of the features: integers,
        strings, dates or booleans
    :param time: the labels' time, and the features' where they have no other: timestamps, both with a zone
        or both without, or dates
    :param tolerance: the greatest age of a feature, as ``"2h"`` or ``"7d"``, whole days for dates; unlimited
        where None
    :param exclusive: whether a feature of the label's very time is too new
    :param features: name of an input → how that set is joined, where it is not joined as the others

    >>> PointInTimeJoin(key="origin", time="sched_dep", tolerance="2h").tolerance
    datetime.timedelta(seconds=7200)
    """

    name: ClassVar[str] = "point_in_time_join"
    inputs: ClassVar[Mapping[str, Kind]] = {LABELS: Kind.DATASET, "*": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}

    key: Key
    time: str
    tolerance: Duration | None = None
    exclusive: bool = False
    features: dict[str, FeatureSet] = Field(default_factory=dict)

    @classmethod
    def check_inputs(cls, kinds: Mapping[str, Kind | None]) -> None:
        super().check_inputs(kinds)
        if set(kinds) <= {LABELS}:
            raise InvalidInputError(f"{cls.name}.features", "there are no features", "a dataset or several")

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        engine = bench.engine
        labels = inputs.pop(LABELS)
        if unknown := set(self.features) - set(inputs):
            raise InvalidInputError(
                f"{self.name}.features.{min(unknown)}", "no such input", f"one of {sorted(inputs)}"
            )
        joins = {name: self._join(name) for name in inputs}
        rows = engine.scan(labels)
        sets = {name: engine.scan(dataset) for name, dataset in inputs.items()}
        columns = engine.schema(rows).names
        for name, join in joins.items():
            join.check(engine.schema(rows), engine.schema(sets[name]))
            columns = columns + join.added(engine.schema(sets[name]))
        self._check_names(columns)
        for name, join in joins.items():
            join.check_rows(engine, sets[name])
        for name, join in joins.items():
            rows = join.joined(engine, rows, sets[name])
        engine.write(rows, drafts["dataset"])

    def _join(self, name: str) -> AsOfJoin:
        own = self.features.get(name, FeatureSet())
        return AsOfJoin(
            where=f"{self.name}.features.{name}",
            key=own.key or self.key,
            time=self.time,
            feature_time=own.time or self.time,
            columns=own.columns,
            prefix=own.prefix,
            matched=f"{name}_time",
            tolerance=self.tolerance if own.tolerance is None else own.tolerance,
            exclusive=self.exclusive,
        )

    def _check_names(self, columns: list[str]) -> None:
        seen: set[str] = set()
        for column in columns:
            if column.lower() in seen:
                raise InvalidInputError(
                    f"{self.name}.features",
                    f"two columns would be named {column!r}",
                    "a prefix for the set, or the columns to take from it",
                )
            seen.add(column.lower())
