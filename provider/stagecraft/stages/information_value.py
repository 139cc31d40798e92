"""Information value: how much each column tells of a binary label, and a page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.columns_sql import CATEGORIES, NUMBERS, comparable
from stagecraft.stages.counted import Bin, Source
from stagecraft.stages.divergence import divergence, weights_of_evidence
from stagecraft.stages.histograms import fit_bins
from stagecraft.stages.keyed import ColumnNames
from stagecraft.stages.quoting import literal
from stagecraft.stages.value_counts import count_values

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Engine, Relation


@dataclass
class ColumnInformation:
    """What a column tells of the label.

    :param bins: positive rows (``a``) and negative ones (``b``); the first bin is of missing values
    :param woe: ln(share of the positive rows / share of the negative rows) of each bin
    :param information_value: Σ (share of positive − share of negative) · WOE
    """

    name: str
    type: str
    bins: list[Bin]
    woe: list[float]
    information_value: float


class InformationValue(Stage):
    """Measure how much each column tells of a binary label: weights of evidence, and information value.

    Numbers are binned at their exact quantiles, a value that fills a bin or more by itself apart; categories
    are the most frequent values, all others together; missing values (NULL, NaN) are a bin of their own.
    WOE of a bin is ln(its share of the positive rows / its share of the negative ones). A bin that is empty
    on one side counts as half a row there. Dates, timestamps, lists and bytes are left out.

    :param label: a column of two values, none missing; the positive one is that which sorts last: 1, true
    :param columns: the columns to measure; all but the label where None
    :param bins: quantile bins of numbers
    :param categories: values of a category that are told apart, at most
    :param min_count: rows that a value needs to be told apart
    :param title: the page's heading

    N. Siddiqi, Credit Risk Scorecards, 2006: below 0.02 a column tells nothing, 0.1 is weak, 0.3 medium, more
    is strong; above 0.5 ask whether the column knows the label.

    >>> InformationValue(label="late").bins
    10
    """

    name: ClassVar[str] = "information_value"
    inputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"report": Kind.REPORT}

    label: str = Field(min_length=1)
    columns: ColumnNames | None = None
    bins: int = Field(default=10, ge=2, le=1000)
    categories: int = Field(default=50, ge=1, le=1000)
    min_count: int = Field(default=5, ge=1)
    title: str = "Information value"

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.stages.information_value_page import page

        dataset: Dataset = inputs["dataset"]
        dataset.require("information_value.label", self.label)
        dataset.require("information_value.columns", *(self.columns or ()))
        engine = bench.engine
        rows = engine.scan(dataset)
        types = {entry.name: str(entry.type) for entry in engine.schema(rows)}
        measured, skipped = self._measured(types)
        positives, positive = self._labels(engine, rows, types[self.label])
        label = comparable(self.label, types[self.label])
        is_positive = f"CASE WHEN {label} = {literal(positive)} THEN 1 ELSE 0 END"
        source = Source(rows, dataset.rows, a=is_positive)
        numbers = [name for name, kind in measured.items() if kind in NUMBERS]
        names = {name: comparable(name, kind) for name, kind in measured.items() if kind in CATEGORIES}
        counted = fit_bins(engine, rows, [source], numbers, self.bins)
        values = count_values(engine, [source], names, self.categories, rank="n", least=self.min_count)
        counted |= {name: found.all_bins("other values") for name, found in values.items()}
        columns = sorted(
            (_measure(name, kind, counted[name]) for name, kind in measured.items()),
            key=lambda column: (-column.information_value, column.name),
        )
        metrics = {
            "rows": float(dataset.rows),
            "positives": float(positives),
            "columns": float(len(columns)),
            "max_iv": columns[0].information_value,
        }
        bench.tracker.log(0, **metrics)
        report = drafts["report"]
        report.meta["metrics"] = metrics
        report.write_json("metrics.json", metrics)
        report.write_json(
            "information_value.json",
            {
                "positive": positive,
                "columns": [asdict(column) for column in columns],
                "not_measured": skipped,
            },
        )
        words = page(self.title, dataset, (self.label, str(positive)), metrics, columns, skipped)
        report.write("report.html", words.encode())

    def _measured(self, types: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the columns to measure and their types; and the others, with the reason."""
        where = "information_value.columns"
        if self.label in (self.columns or ()):
            raise InvalidInputError(where, f"{self.label!r} is the label", "columns that are not")
        chosen = list(dict.fromkeys(self.columns or (name for name in types if name != self.label)))
        measured = {name: types[name] for name in chosen if types[name] in NUMBERS | CATEGORIES}
        skipped = {name: f"of type {types[name]}" for name in chosen if name not in measured}
        if skipped and self.columns:
            name, found = next(iter(skipped.items()))
            remedy = "a number, string or boolean, as a date's distance in days"
            raise InvalidInputError(f"{where}.{name}", f"it is {found}", remedy)
        if not measured:
            raise InvalidInputError(where, "no column can be measured", "numbers, strings or booleans")
        return measured, skipped

    def _labels(self, engine: Engine, rows: Relation, kind: str) -> tuple[int, str | int | float]:
        """Return how many rows are positive, and the positive value.

        :raises InvalidInputError: the label is missing somewhere, or has not two values
        """
        where, remedy = "information_value.label", "a column of two values, none missing"
        if kind not in NUMBERS | CATEGORIES:
            raise InvalidInputError(where, f"{self.label!r} is of type {kind}", remedy)
        label = comparable(self.label, kind)
        found = engine.collect(
            engine.sql(
                f"SELECT value, count(*) AS found FROM (SELECT {label} AS value FROM rows) AS labels "
                "GROUP BY value ORDER BY value NULLS FIRST LIMIT 4",
                rows=rows,
            )
        ).to_pylist()
        if any(row["value"] is None for row in found):
            raise InvalidInputError(where, f"{found[0]['found']} labels are missing", remedy)
        if len(found) != 2:
            shown = ", ".join(repr(row["value"]) for row in found[:3])
            raise InvalidInputError(where, f"{self.label!r} has not two values but {shown} …", remedy)
        return found[1]["found"], found[1]["value"]


def _measure(name: str, kind: str, bins: list[Bin]) -> ColumnInformation:
    positive, negative = [entry.a for entry in bins], [entry.b for entry in bins]
    return ColumnInformation(
        name, kind, bins, weights_of_evidence(positive, negative), divergence(positive, negative)
    )
