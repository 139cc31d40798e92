"""A dataset's profile: what is in each column, and a page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages import sorted_columns
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.columns_sql import FLOATS, INTEGERS, NUMBERS, comparable
from stagecraft.stages.counted import Source
from stagecraft.stages.keyed import ColumnNames
from stagecraft.stages.profile_sorted import describe
from stagecraft.stages.profile_statistics import (
    TEXTS,
    ColumnProfile,
    add_bars,
    add_moments,
    add_quantiles,
    counted,
)
from stagecraft.stages.value_counts import count_values

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Engine


class Profile(Stage):
    """Describe every column of a dataset: missing values, distinct ones, spread, quantiles, frequent values.

    All of it is exact and the same on every engine: distinct values are counted by grouping, quantiles are
    order statistics over all rows. Columns of lists and bytes get their missing values counted, no more.

    :param columns: the columns to describe; all where None
    :param top: how many frequent values of each column are kept
    :param title: the page's heading

    >>> Profile(columns=["age", "city"]).top
    10
    """

    name: ClassVar[str] = "profile"
    inputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"report": Kind.REPORT}

    columns: ColumnNames | None = None
    top: int = Field(default=10, ge=1, le=100)
    title: str = "Profile"

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.stages.profile_page import page

        dataset: Dataset = inputs["dataset"]
        dataset.require("profile.columns", *(self.columns or ()))
        if not dataset.rows:
            raise InvalidInputError("profile.dataset", "it has no rows", "a dataset with rows")
        engine = bench.engine
        rows = engine.scan(dataset)
        types = {entry.name: str(entry.type) for entry in engine.schema(rows)}
        chosen = list(dict.fromkeys(self.columns or types))
        columns = counted(engine, rows, {name: types[name] for name in chosen})
        numbers = [column for column in columns.values() if column.type in NUMBERS and column.finite]
        if dataset.rows <= sorted_columns.HELD:
            describe(engine, rows, {column.name: column for column in numbers}, dataset.rows, self.top)
        else:
            add_quantiles(engine, rows, numbers)
            add_moments(engine, rows, numbers)
            add_bars(engine, Source(rows, dataset.rows), numbers)
        self._add_values(engine, Source(rows, dataset.rows), list(columns.values()))
        profiles = list(columns.values())
        lost = [column.rows - column.present for column in profiles]
        metrics = {
            "rows": float(dataset.rows),
            "columns": float(len(profiles)),
            "missing": sum(lost) / (dataset.rows * len(profiles)),
            "max_missing": max(lost) / dataset.rows,
            "constant": float(sum(column.profiled and column.distinct == 1 for column in profiles)),
            "empty": float(sum(column.present == 0 for column in profiles)),
        }
        bench.tracker.log(0, **metrics)
        drafts["report"].meta["metrics"] = metrics
        drafts["report"].write_json("metrics.json", metrics)
        drafts["report"].write_json("profile.json", [asdict(column) for column in profiles])
        drafts["report"].write("report.html", page(self.title, dataset, metrics, profiles).encode())

    def _add_values(self, engine: Engine, source: Source, columns: list[ColumnProfile]) -> None:
        """Count the values that are not counted yet, one query for columns whose values have one SQL type."""
        families: dict[str, list[ColumnProfile]] = {}
        for column in columns:
            if column.profiled and column.present and column.distinct is None:
                families.setdefault(_family(column.type), []).append(column)
        for members in families.values():
            values = {column.name: comparable(column.name, column.type) for column in members}
            found = count_values(engine, [source], values, self.top)
            for column in members:
                column.distinct = found[column.name].distinct
                column.top = [(str(value.label), value.a) for value in found[column.name].bins]
        for column in columns:
            if column.profiled and not column.present:
                column.distinct = 0


def _family(kind: str) -> str:
    if kind in INTEGERS:
        return "integer"
    if kind in FLOATS:
        return "float"
    return "text" if kind in TEXTS else kind
