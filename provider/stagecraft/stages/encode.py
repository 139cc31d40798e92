"""Encoding: fitted on one dataset, applied to all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.cross import name_of, parts_of
from stagecraft.stages.encoding import Encoding, encodings
from stagecraft.stages.encodings import Bin, CategoricalStep, NumericStep, TargetEncode
from stagecraft.stages.labels import handed_on
from stagecraft.stages.numeric_fit import fit_numeric
from stagecraft.stages.quoting import free_name, quoted
from stagecraft.stages.raw_rows import RawRows
from stagecraft.transforms.types import check_categorical, check_numeric

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft, Store
    from stagecraft.engines.contract import Relation
    from stagecraft.stages.label_mapping import Label
    from stagecraft.transforms.chain import Chain
    from stagecraft.transforms.encodings import ColumnEncoding

YEARS = ("0001-01-01", "9999-12-31")
"""The dates whose text is the same on every engine."""


class EncodeColumns(Stage):
    """Numbers become float32, categories slots or numbers; other columns pass through.

    Steps for numbers: ``Fill``, ``Standardize``, ``MinMax``, ``Robust``, ``Log``, ``Clip``, ``Bin``; for
    categories: ``Index``, ``Hash``, ``OneHot``, ``Count``, ``TargetEncode``, and ``Fill`` before one. They
    are chained with ``|``.

    The model holds the encodings, and where the label has classes, these as ``labels``, by which predictions
    are given back.

    Rows that are encoded already may have further columns encoded: the model then does both.

    :param columns: column, :class:`Cross`, or tuple of these → steps, or a list of several such
    :param label: the label's column, whose classes become 0, 1 … as they sort; None: there is none, or it
        passes through
    :param classes: whether the label's values are classes; None: they are where they are strings or booleans

    >>> from stagecraft.stages.encodings import Fill, Hash
    >>> stage = EncodeColumns(columns={"wind": Fill("median"), "carrier": Hash(bits=8)}, label="late")
    >>> [encoding.columns for encoding in stage.columns]
    [['wind'], ['carrier']]
    """

    name = "encode"
    version = 2
    inputs = {"dataset": Kind.DATASET}
    outputs = {"dataset": Kind.DATASET, "model": Kind.MODEL}

    columns: Annotated[list[Encoding], BeforeValidator(encodings), Field(min_length=1)]
    label: str | None = Field(default=None, min_length=1)
    classes: bool | None = None

    def model_post_init(self, _: Any) -> None:
        seen: set[str] = set()
        for encoding in self.columns:
            for name in encoding.outputs():
                if name.lower() in seen:
                    raise ValueError(f"the column {name!r} is made twice")
                seen.add(name.lower())
        if self.label in self._inputs():
            raise ValueError(f"the label {self.label!r} is no column to learn from")
        if self.label is None and (self.classes is not None or self._needs_label):
            raise ValueError('classes, TargetEncode and Bin(by="label") go by the label; name it: label=…')

    @property
    def _needs_label(self) -> bool:
        return any(
            isinstance(step, TargetEncode) or (isinstance(step, Bin) and step.by == "label")
            for encoding in self.columns
            for step in encoding.steps
        )

    def _inputs(self) -> list[str]:
        """The raw columns that are encoded, in their order."""
        columns = (column for encoding in self.columns for column in encoding.columns)
        return list(dict.fromkeys(part for column in columns for part in parts_of(column)))

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        dataset: Dataset = inputs["dataset"]
        self._check(dataset)
        before = self._before(bench.store, dataset)
        rows = bench.engine.scan(dataset)
        self._check_dates(bench, rows, dataset.columns)
        label = self._label(bench, rows, dataset.columns)
        chain, training, folded = self.fit(bench, rows, dataset.columns, label)
        if before:
            chain = before.chain.then(*chain.transforms)
        _ = chain.layout  # refused here, before anything is written, where there are too many features
        bench.engine.write(bench.engine.map_batches(folded, training), drafts["dataset"])
        raw = RawRows.of(dataset, self._inputs())
        meta: dict[str, Any] = {"label": self.label} if label else {}
        if label and label.classes:
            meta["labels"] = label.classes
        if before:
            meta = handed_on(before) | meta
            raw = RawRows.kept_by(before).beside(raw)
        fill_model(drafts["model"], chain, raw.golden, reference=raw.reference, **meta)
        drafts["dataset"].meta["model"] = drafts["model"].reference.model_dump(mode="json")

    def fit(
        self, bench: Workbench, rows: Relation, kinds: Mapping[str, str], label: Label | None
    ) -> tuple[Chain, Chain, Relation]:
        """Fit all columns: a query for all vocabularies, and those of the numeric steps.

        :param kinds: column → its Arrow type as text
        :returns: the chain for any rows; the chain for the rows of the fit, and these with their folds
        """
        from stagecraft.stages.categorical_fit import Asked, fit_categories
        from stagecraft.transforms.chain import Chain
        from stagecraft.transforms.encode import Encode
        from stagecraft.transforms.encodings import MissingEncoding, NumericEncoding

        numeric = self._fit_numeric(bench, rows, kinds, label)
        asked = [
            Asked(column, encoding.steps[-1], encoding.fill)
            for encoding in self.columns
            for column in encoding.columns
            if isinstance(encoding.steps[-1], CategoricalStep)
        ]
        fitted = fit_categories(bench.engine, rows, asked, kinds, label)
        categorical = zip(fitted.encodings, fitted.training, strict=True)
        both: list[tuple[ColumnEncoding, ColumnEncoding]] = []
        for encoding in self.columns:
            for column in map(name_of, encoding.columns):
                if encoding.numeric:
                    made = NumericEncoding.model_validate({"column": column, "maps": numeric[column]})
                    both.append((made, made))
                else:
                    both.append(next(categorical))
                if encoding.indicator:
                    both.append((MissingEncoding(column=column),) * 2)
        training = [last for _, last in both] + ([label.encoding] if label and label.encoding else [])
        folds = "".join(f", {sql} AS {quoted(name)}" for name, sql in fitted.folds.items())
        folded = bench.engine.sql(f"SELECT *{folds} FROM rows", rows=rows) if folds else rows
        return (
            Chain((Encode.model_validate({"encodings": [first for first, _ in both]}),)),
            Chain((Encode.model_validate({"encodings": training}),)),
            folded,
        )

    def _fit_numeric(
        self, bench: Workbench, rows: Relation, kinds: Mapping[str, str], label: Label | None
    ) -> dict[str, Any]:
        chains = {
            name_of(column): [step for step in encoding.steps if isinstance(step, NumericStep)]
            for encoding in self.columns
            for column in encoding.columns
            if encoding.numeric
        }
        by_label = any(isinstance(chain[-1], Bin) and chain[-1].by == "label" for chain in chains.values())
        if not by_label or label is None:
            return dict(fit_numeric(bench, rows, chains))
        if label.number is None:
            raise InvalidInputError(
                "encode.label",
                f"{self.label!r} has {len(label.classes or [])} classes",
                'numbers or two classes for Bin(by="label")',
            )
        name = free_name("number_of_label", kinds)
        rows = bench.engine.sql(f"SELECT *, {label.number} AS {quoted(name)} FROM rows", rows=rows)
        return dict(fit_numeric(bench, rows, chains, label=name))

    def _label(self, bench: Workbench, rows: Relation, kinds: Mapping[str, str]) -> Label | None:
        from stagecraft.stages.label_mapping import fit_label

        if self.label is None:
            return None
        return fit_label(bench.engine, rows, self.label, kinds[self.label], self.classes)

    def _before(self, store: Store, dataset: Dataset) -> Model | None:
        """The model that has encoded other columns of the rows."""
        if dataset.model is None:
            return None
        model = store.open(dataset.model)
        assert isinstance(model, Model)
        made = {name for transform in model.chain.transforms for name in transform.output_columns()}
        for name in [*self._inputs(), *([self.label] if self.label else [])]:
            if name in made or name == model.meta.get("label"):
                raise InvalidInputError(
                    f"encode.columns.{name}",
                    "the stage before has encoded the column",
                    "all of its steps in one stage, chained with |",
                )
        return model

    def _check(self, dataset: Dataset) -> None:
        dataset.require("encode.columns", *self._inputs())
        dataset.require("encode.label", *([self.label] if self.label else []))
        for encoding in self.columns:
            check = check_numeric if encoding.numeric else check_categorical
            for column in encoding.columns:
                for part in parts_of(column):
                    check(f"encode.columns.{part}", dataset.columns[part])
            for step in encoding.steps:
                if isinstance(step, TargetEncode):
                    dataset.require("encode.columns.key", *step.key)

    def _check_dates(self, bench: Workbench, rows: Relation, kinds: Mapping[str, str]) -> None:
        """Refuse dates whose text differs from engine to engine."""
        columns = (column for encoding in self.columns if not encoding.numeric for column in encoding.columns)
        parts = dict.fromkeys(part for column in columns for part in parts_of(column))
        dates = [part for part in parts if kinds[part].startswith("date")]
        if not dates:
            return
        first, last = (f"DATE '{day}'" for day in YEARS)
        outside = ", ".join(
            f"count(CASE WHEN {quoted(name)} < {first} OR {quoted(name)} > {last} THEN 1 END) AS d{number}"
            for number, name in enumerate(dates)
        )
        [found] = bench.engine.collect(bench.engine.sql(f"SELECT {outside} FROM rows", rows=rows)).to_pylist()
        for name, count in zip(dates, found.values(), strict=True):
            if count:
                raise InvalidInputError(
                    f"encode.columns.{name}",
                    f"{count} dates lie outside the years 1 to 9999",
                    "those rows left out, or their dates NULL, by the query",
                )
