"""Drift: how far a dataset's columns have moved from a reference's, and a page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, NonNegativeFloat

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages import sorted_columns
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.columns_sql import CATEGORIES, NUMBERS, comparable
from stagecraft.stages.counted import Bin, Source
from stagecraft.stages.divergence import divergence, kolmogorov_p
from stagecraft.stages.histograms import fit_bins
from stagecraft.stages.keyed import ColumnNames
from stagecraft.stages.kolmogorov import kolmogorov_smirnov
from stagecraft.stages.value_counts import count_values

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft

Measure = Literal["psi", "ks"]
UNSEEN = 10
"""How many of the values that the reference lacks are named."""


@dataclass
class ColumnDrift:
    """How far a column has moved.

    :param bins: rows now (``a``) and in the reference (``b``); the first bin is of missing values
    :param ks: the largest distance of the two distribution functions; None for categories, or where a side
        has no number
    :param p: how probable a distance like ``ks`` is by chance
    :param unseen: values that the reference lacks
    :param unseen_rows: their rows
    :param unseen_top: the most frequent of them, and their rows
    :param thresholds: what was allowed
    :param faults: what is above it, in words
    """

    name: str
    type: str
    bins: list[Bin]
    psi: float
    ks: float | None = None
    p: float | None = None
    unseen: int | None = None
    unseen_rows: int | None = None
    unseen_top: list[tuple[str, int]] = field(default_factory=list)
    thresholds: dict[str, float] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class Drift(Stage):
    """Compare the columns of a dataset with those of a reference.

    PSI: numbers are binned at the reference's exact quantiles, a value that fills a bin or more by itself
    apart; categories are the reference's most frequent values, all others together; missing values (NULL,
    NaN) are a bin of their own. An empty bin counts as half a row. KS is exact, over all numbers, missing
    ones left out. Dates, timestamps, lists and bytes are not compared, nor what one side alone has.

    :param columns: the columns to compare; where None, all that both sides have
    :param psi: a PSI above it is drift; None: no PSI is. Usual: 0.1 has moved, 0.25 has moved much
    :param ks: a KS statistic above it is drift; None: none is
    :param thresholds: column → its own thresholds, as ``{"age": {"psi": 0.1, "ks": None}}``
    :param bins: quantile bins of numbers
    :param categories: values of a category that are told apart, at most
    :param min_count: rows of the reference that a value needs to be told apart
    :param title: the page's heading

    PSI: N. Siddiqi, Credit Risk Scorecards, 2006. KS: A. N. Kolmogorov 1933, N. V. Smirnov 1948.

    >>> Drift(psi=0.25, thresholds={"age": {"ks": 0.1}}).allowed("age")
    {'psi': 0.25, 'ks': 0.1}
    """

    name: ClassVar[str] = "drift"
    inputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET, "reference": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"report": Kind.REPORT}

    columns: ColumnNames | None = None
    psi: NonNegativeFloat | None = 0.2
    ks: NonNegativeFloat | None = None
    thresholds: dict[str, dict[Measure, NonNegativeFloat | None]] = Field(default_factory=dict)
    bins: int = Field(default=10, ge=2, le=1000)
    categories: int = Field(default=50, ge=1, le=1000)
    min_count: int = Field(default=5, ge=1)
    title: str = "Drift"

    def allowed(self, column: str) -> dict[str, float]:
        """Return the thresholds of a column: measure → the largest value that is no drift."""
        found = {"psi": self.psi, "ks": self.ks} | self.thresholds.get(column, {})
        return {measure: bound for measure, bound in found.items() if bound is not None}

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.stages.drift_page import page

        dataset, reference = inputs["dataset"], inputs["reference"]
        self._check(dataset, reference)
        engine = bench.engine
        rows = {"dataset": engine.scan(dataset), "reference": engine.scan(reference)}
        types = {
            side: {entry.name: str(entry.type) for entry in engine.schema(relation)}
            for side, relation in rows.items()
        }
        compared, skipped = self._compared(types["dataset"], types["reference"])
        sources = [
            Source(rows["dataset"], dataset.rows, a="1"),
            Source(rows["reference"], reference.rows, a="0"),
        ]
        numbers = [name for name, kind in compared.items() if kind in NUMBERS]
        names = {name: comparable(name, kind) for name, kind in compared.items() if kind in CATEGORIES}
        if dataset.rows + reference.rows <= sorted_columns.HELD:
            tables, sizes = (rows["dataset"], rows["reference"]), (dataset.rows, reference.rows)
            bins, distances = sorted_columns.compare(engine, tables, sizes, numbers, self.bins)
        else:
            bins = fit_bins(engine, rows["reference"], sources, numbers, self.bins)
            present = {name: counts for name in numbers if all(counts := _numbers_in(bins[name]))}
            distances = kolmogorov_smirnov(engine, sources, present)
        values = count_values(
            engine, sources, names, self.categories, rank="b", least=self.min_count, unseen=UNSEEN
        )
        columns = []
        for name, kind in compared.items():
            if kind in NUMBERS:
                column = ColumnDrift(name, kind, bins[name], psi_of(bins[name]), ks=distances.get(name))
                if column.ks is not None:
                    column.p = kolmogorov_p(column.ks, *_numbers_in(bins[name]))
            else:
                found = values[name]
                counted = found.all_bins("other values")
                column = ColumnDrift(name, kind, counted, psi_of(counted))
                column.unseen, column.unseen_rows = found.unseen, found.unseen_rows
                column.unseen_top = [(str(entry.label), entry.a) for entry in found.unseen_bins]
            self._judge(column)
            columns.append(column)
        columns.sort(key=lambda column: (not column.faults, -column.psi, column.name))

        metrics = {
            "rows": float(dataset.rows),
            "reference_rows": float(reference.rows),
            "columns": float(len(columns)),
            "drifted": float(sum(bool(column.faults) for column in columns)),
            "max_psi": max(column.psi for column in columns),
            "max_ks": max(column.ks or 0.0 for column in columns),
            "max_unseen": max((column.unseen_rows or 0) / dataset.rows for column in columns),
        }
        bench.tracker.log(0, **metrics)
        report = drafts["report"]
        report.meta["metrics"] = metrics
        report.meta["faults"] = {column.name: column.faults for column in columns if column.faults}
        report.write_json("metrics.json", metrics)
        report.write_json(
            "drift.json", {"columns": [asdict(column) for column in columns], "not_compared": skipped}
        )
        report.write("report.html", page(self.title, dataset, reference, metrics, columns, skipped).encode())

    def _check(self, dataset: Dataset, reference: Dataset) -> None:
        for side, rows in (("dataset", dataset), ("reference", reference)):
            rows.require(f"drift.columns (in {side})", *(self.columns or ()))
            if not rows.rows:
                raise InvalidInputError(f"drift.{side}", "it has no rows", "a dataset with rows")

    def _compared(
        self, types: Mapping[str, str], others: Mapping[str, str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the columns to compare and their types; and the others, with the reason."""
        compared, skipped = {}, {}
        for name in self.columns or dict.fromkeys([*types, *others]):
            if name not in types or name not in others:
                skipped[name] = f"only in the {'dataset' if name in types else 'reference'}"
                continue
            kinds = types[name], others[name]
            if all(kind in NUMBERS for kind in kinds) or (kinds[0] == kinds[1] and kinds[0] in CATEGORIES):
                compared[name] = kinds[0]
            elif kinds[0] != kinds[1]:
                raise InvalidInputError(
                    f"drift.columns.{name}",
                    f"it is {kinds[0]} in the dataset and {kinds[1]} in the reference",
                    "one type in both, by a cast in the query",
                )
            elif self.columns:
                raise InvalidInputError(
                    f"drift.columns.{name}",
                    f"it is of type {kinds[0]}",
                    "a number, string or boolean, as a date's distance in days",
                )
            else:
                skipped[name] = f"of type {kinds[0]}"
        if not compared:
            raise InvalidInputError(
                "drift.columns", "no column can be compared", "numbers, strings or booleans in both datasets"
            )
        for name, bounds in self.thresholds.items():
            if name not in compared:
                raise InvalidInputError(
                    f"drift.thresholds.{name}", "the column is not compared", f"one of {sorted(compared)}"
                )
            if bounds.get("ks") is not None and compared[name] not in NUMBERS:
                raise InvalidInputError(
                    f"drift.thresholds.{name}.ks", f"it is of type {compared[name]}", "a threshold on psi"
                )
        return compared, skipped

    def _judge(self, column: ColumnDrift) -> None:
        column.thresholds = self.allowed(column.name)
        if column.type not in NUMBERS:
            column.thresholds.pop("ks", None)
        for measure, bound in column.thresholds.items():
            value = column.psi if measure == "psi" else column.ks
            if value is not None and value > bound:
                column.faults.append(f"{measure.upper()} {value:.4g} > {bound:g}")


def _numbers_in(bins: list[Bin]) -> tuple[int, int]:
    return sum(entry.a for entry in bins[1:]), sum(entry.b for entry in bins[1:])


def psi_of(bins: list[Bin]) -> float:
    """Return the population stability index of rows now (``a``) against the reference's (``b``).

    >>> round(psi_of([Bin("x", 30, 50), Bin("y", 70, 50)]), 4)
    0.1695
    """
    return divergence([entry.a for entry in bins], [entry.b for entry in bins])
