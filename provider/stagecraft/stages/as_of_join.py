"""The as-of join of one set of features to labels, in SQL that every engine has."""

from __future__ import annotations

import datetime
import logging
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from stagecraft.errors import InvalidInputError
from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.engines.contract import Engine, Relation

log = logging.getLogger(__name__)

MICROSECOND = datetime.timedelta(microseconds=1)
DAY = datetime.timedelta(days=1)


class AsOfJoin(BaseModel):
    """The join of one set of features to labels, every choice made: see :class:`PointInTimeJoin`.

    :param where: the stage and field of this set, for messages
    :param key: column of the labels → column of the features
    :param matched: the name of the column to add for the time of the row that was joined
    """

    model_config = ConfigDict(frozen=True)

    where: str
    key: dict[str, str]
    time: str
    feature_time: str
    columns: list[str] | None
    prefix: str
    matched: str
    tolerance: datetime.timedelta | None
    exclusive: bool

    @property
    def identity(self) -> list[str]:
        """The columns of the features that name one row."""
        return [*self.key.values(), self.feature_time]

    @property
    def identified(self) -> str:
        """Whether a row of the features has a key and a time, in SQL."""
        return " AND ".join(f"{quoted(name)} IS NOT NULL" for name in self.identity)

    def taken(self, features: pa.Schema) -> list[str]:
        """The columns to take."""
        if self.columns is not None:
            return self.columns
        return [name for name in features.names if name not in self.identity]

    def added(self, features: pa.Schema) -> list[str]:
        """The names of the columns that the join adds."""
        return [*(self.prefix + name for name in self.taken(features)), self.matched]

    def check(self, labels: pa.Schema, features: pa.Schema) -> None:
        """Refuse columns that are missing, or whose types do not compare.

        :raises InvalidInputError: names the column
        """
        _require(self.where, labels, [*self.key, self.time])
        _require(self.where, features, [*self.identity, *(self.columns or [])])
        for left, right in self.key.items():
            found = _kind(labels, left), _kind(features, right)
            if found[0] != found[1] or found[0] not in ("an integer", "string", "date32[day]", "bool"):
                raise InvalidInputError(
                    f"{self.where}.key",
                    f"{left!r} of the labels is {found[0]}, {right!r} of the features {found[1]}",
                    "both integers, strings, dates or booleans",
                )
        found = _kind(labels, self.time), _kind(features, self.feature_time)
        if found[0] != found[1] or not found[0].startswith(("timestamp", "date")):
            raise InvalidInputError(
                f"{self.where}.time",
                f"{self.time!r} of the labels is {found[0]}, "
                f"{self.feature_time!r} of the features {found[1]}",
                "both timestamps with a zone, both without, or both dates, by a cast in a query",
            )
        if found[0].startswith("date") and self.tolerance and self.tolerance % DAY:
            raise InvalidInputError(
                f"{self.where}.tolerance", f"{self.tolerance} between dates", "whole days, as '1d'"
            )

    def check_rows(self, engine: Engine, features: Relation) -> None:
        """Refuse two features of one key and time; log how many lack either.

        Their columns go by names of ours, so that theirs may be any.

        :raises InvalidInputError: names one such key and time
        """
        aliases = [f"i{number}" for number in range(len(self.identity))]
        named = ", ".join(
            f"{quoted(name)} AS {alias}" for name, alias in zip(self.identity, aliases, strict=True)
        )
        groups = ", ".join(aliases)
        repeated = engine.collect(
            engine.sql(
                f"SELECT {groups}, count(*) AS copies "
                f"FROM (SELECT {named} FROM features WHERE {self.identified}) AS named "
                f"GROUP BY {groups} HAVING count(*) > 1 ORDER BY {groups} LIMIT 1",
                features=features,
            )
        ).to_pylist()
        if repeated:
            *values, copies = repeated[0].values()
            example = ", ".join(
                f"{name} {value!s}" for name, value in zip(self.identity, values, strict=True)
            )
            raise InvalidInputError(
                self.where, f"{copies} rows are of the key and time {example}", "one row a key and time"
            )
        missing = engine.sql(
            f"SELECT count(*) AS rows FROM features WHERE NOT ({self.identified})", features=features
        )
        if ignored := engine.collect(missing)["rows"][0].as_py():
            log.warning("%s: %d rows without key or time are ignored", self.where, ignored)

    def joined(self, engine: Engine, labels: Relation, features: Relation) -> Relation:
        """Return the labels with the features.

        The window runs over the labels' rows and the features' keys and times, features before labels of the
        same time (after them where ``exclusive``); the label's columns are named by position in between, so
        that no name of theirs can collide.
        """
        schema = engine.schema(labels)
        own = {name: f"l{number}" for number, name in enumerate(schema.names)}
        keys = {f"k{number}": pair for number, pair in enumerate(self.key.items())}
        feature, label = (1, 0) if self.exclusive else (0, 1)
        events = engine.sql(
            f"""
            SELECT {", ".join(f"{quoted(left)} AS {key}" for key, (left, _) in keys.items())},
                {quoted(self.time)} AS t, {label} AS kind,
                {", ".join(f"{quoted(name)} AS {alias}" for name, alias in own.items())}
            FROM labels
            UNION ALL
            SELECT {", ".join(f"{quoted(right)} AS {key}" for key, (_, right) in keys.items())},
                {quoted(self.feature_time)} AS t, {feature} AS kind, {", ".join("NULL" for _ in own)}
            FROM features
            WHERE {self.identified}
            """,
            labels=labels,
            features=features,
        )
        newest = (
            f"last_value(CASE WHEN kind = {feature} THEN t END IGNORE NULLS) OVER (PARTITION BY "
            f"{', '.join(keys)} ORDER BY t, kind ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
        )
        matched = engine.sql(
            f"""
            SELECT {", ".join([*keys, *own.values()])},
                CASE WHEN {self._qualifies(schema)} THEN newest END AS newest
            FROM (SELECT *, {newest} AS newest FROM events) WHERE kind = {label}
            """,
            events=events,
        )
        taken = self.taken(engine.schema(features))
        added = [
            f"f.{quoted(name)} AS {quoted(alias)}"
            for name, alias in zip(taken, self.added(engine.schema(features)), strict=False)
        ]
        on = [f"m.{key} = f.{quoted(right)}" for key, (_, right) in keys.items()]
        return engine.sql(
            f"""
            SELECT {", ".join(f"m.{alias} AS {quoted(name)}" for name, alias in own.items())},
                {", ".join([*added, f"m.newest AS {quoted(self.matched)}"])}
            FROM matched AS m LEFT JOIN features AS f
            ON {" AND ".join([*on, f"m.newest = f.{quoted(self.feature_time)}"])}
            """,
            matched=matched,
            features=features,
        )

    def _qualifies(self, labels: pa.Schema) -> str:
        """Whether the newest feature may be joined, in SQL. A label without a time is last in its window."""
        if self.tolerance is None:
            return "t IS NOT NULL"
        if _kind(labels, self.time).startswith("date"):
            return f"date_diff('day', newest, t) <= {self.tolerance // DAY}"
        seconds, micros = divmod(self.tolerance // MICROSECOND, 1_000_000)
        return f"t - newest <= INTERVAL '{seconds}.{micros:06d}' SECOND"


def _require(where: str, schema: pa.Schema, columns: list[str]) -> None:
    for column in columns:
        if column not in schema.names:
            raise InvalidInputError(
                where, f"the dataset has no column {column!r}", f"one of {', '.join(map(repr, schema.names))}"
            )


def _kind(schema: pa.Schema, column: str) -> str:
    """The column's type as text; integers are one."""
    kind = str(schema.field(column).type)
    return "an integer" if kind.startswith("int") else kind
