"""Evaluation: a model's metrics on held-out rows, beside a plain baseline's, and a page that shows them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.labels import binary_label, class_label, numeric_label
from stagecraft.stages.predict import check_raw, decided_at, require_scoring
from stagecraft.stages.quoting import literal, quoted
from stagecraft.transforms.predictor import SCORE, SCORES, score_matrix
from stagecraft.transforms.scored import Label, Scored, label_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.model import Model
    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Engine

SMOOTHING = 20
NUMBERS = {"int32", "int64", "float", "double"}


class Evaluate(Stage):
    """Measure a model on raw rows that it has not seen; write metrics and one HTML page.

    A model of two labels is measured by AUC, log loss, KS and its decisions; one of more labels by accuracy,
    macro F1, log loss and its confusion matrix; a regression by its mean absolute error, root mean squared
    error, mean deviance (of a Poisson regression, Poisson's) and R².

    The baseline predicts the label's rate among the rows of the input ``baseline`` (as the training rows)
    that equal a row in the columns ``baseline_by``, drawn towards the overall rate as if 20 more rows had
    it. Without the input ``baseline``, the overall rate of the evaluated rows themselves is the baseline. Of
    more labels, or of numbers, the baseline predicts the labels' overall shares, or the mean.

    :param label: the column that holds the truth: labels that the model was trained on, or numbers
    :param baseline_by: columns that the baseline looks at; none: it predicts the overall rate. For models of
        two labels
    :param threshold: a score at or above it counts as predicted positive, 0 … 1; the model's own where None.
        For models of two labels
    :param title: the page's heading

    >>> Evaluate(label="late", baseline_by=["carrier", "origin"]).title
    'Evaluation'
    """

    name: ClassVar[str] = "evaluate"
    inputs: ClassVar[Mapping[str, Kind]] = {
        "model": Kind.MODEL,
        "dataset": Kind.DATASET,
        "baseline?": Kind.DATASET,
    }
    outputs: ClassVar[Mapping[str, Kind]] = {"report": Kind.REPORT}

    label: str = Field(min_length=1)
    baseline_by: list[str] = Field(default_factory=list)
    threshold: float | None = Field(default=None, ge=0, le=1)
    title: str = "Evaluation"

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        model, dataset, baseline = inputs["model"], inputs["dataset"], inputs.get("baseline")
        labels = require_scoring(self.name, model)
        threshold = decided_at(self.name, model, labels, self.threshold)
        self._check(dataset, baseline, labels)
        check_raw(self.name, model, dataset)
        if labels is None or len(labels) > 2:
            self._measure(bench, drafts["report"], model, dataset, baseline, labels)
        else:
            self._measure_decisions(bench, drafts["report"], model, dataset, baseline, labels, threshold)

    def _measure(
        self,
        bench: Workbench,
        draft: Draft,
        model: Model,
        dataset: Dataset,
        baseline: Dataset | None,
        labels: tuple[Label, ...] | None,
    ) -> None:
        """Measure a model of more than two labels, or of numbers."""
        import numpy as np

        from stagecraft.stages import class_and_number_metrics
        from stagecraft.stages.class_and_number_pages import page

        where, engine = f"{self.name}.label", bench.engine
        rows = engine.collect(engine.map_batches(engine.scan(dataset), Scored(model.chain, (self.label,))))
        if not rows.num_rows:
            raise InvalidInputError(where, "the dataset has no rows", "a dataset with rows")
        column, scores = rows[self.label], score_matrix(rows[model.chain.score_column])
        known = column if baseline is None else baseline.table([self.label])[self.label]
        confusion = None
        if labels is None:
            poisson = model.chain.transforms[-1].model_dump()["link"] == "log"
            truth, seen = (
                numeric_label(where, found, low=0.0 if poisson else None) for found in (column, known)
            )
            mean = math.fsum(seen) / len(seen)
            of = partial(class_and_number_metrics.of_numbers, truth, poisson=poisson)
            measured = of(scores), of(np.full(len(truth), mean))
        else:
            truth, seen = (class_label(where, found, list(labels))[0] for found in (column, known))
            shares = np.bincount(seen, minlength=len(labels)) / len(seen)
            confusion = labels, class_and_number_metrics.confusion(truth, scores)
            measured = (
                class_and_number_metrics.of_classes(truth, scores),
                class_and_number_metrics.of_classes(truth, np.tile(shares, (len(truth), 1))),
            )
        metrics = {"rows": float(len(truth)), **measured[0]}
        metrics |= {f"baseline_{name}": value for name, value in measured[1].items()}
        bench.tracker.log(0, **measured[0])
        draft.meta["metrics"] = metrics
        draft.write_json("metrics.json", metrics)
        words = f"the {'mean' if labels is None else 'shares of the labels'} in {len(seen):,} rows"
        draft.write("report.html", page(self.title, model, dataset, metrics, words, confusion).encode())

    def _measure_decisions(
        self,
        bench: Workbench,
        draft: Draft,
        model: Model,
        dataset: Dataset,
        baseline: Dataset | None,
        labels: tuple[Label, ...],
        threshold: float,
    ) -> None:
        """Measure a model of two labels."""
        from stagecraft.stages import metrics
        from stagecraft.stages.report_page import Evaluation, page

        rows = self._rows(bench.engine, Scored(model.chain, self._kept), dataset, baseline, labels[1])
        positive = self._truth(rows[self.label], labels)
        score, expected = (rows[name].to_numpy() for name in (SCORE, "baseline"))
        counts = metrics.confusion(positive, score, threshold)
        measured = {
            "rows": float(len(score)),
            "positives": float(positive.sum()),
            "threshold": threshold,
        }
        measured |= metrics.ranking(positive, score) | metrics.decisions(counts)
        measured |= {f"baseline_{name}": value for name, value in metrics.ranking(positive, expected).items()}
        bench.tracker.log(0, **{name: measured[name] for name in ("auc", "log_loss", "ks")})
        draft.meta["metrics"] = measured
        draft.write_json("metrics.json", measured)
        evaluation = Evaluation(
            title=self.title,
            model=model,
            dataset=dataset,
            labels=labels,
            metrics=measured,
            confusion=counts,
            positive=positive,
            score=score,
            baseline=expected,
            baseline_words=self._baseline_words(baseline),
        )
        draft.write("report.html", page(evaluation).encode())

    @property
    def _kept(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([self.label, *self.baseline_by]))

    def _check(self, dataset: Dataset, baseline: Dataset | None, labels: tuple[Label, ...] | None) -> None:
        dataset.require(f"{self.name}.label", self.label)
        dataset.require(f"{self.name}.baseline_by", *self.baseline_by)
        if self.baseline_by and (labels is None or len(labels) > 2):
            raise InvalidInputError(
                f"{self.name}.baseline_by",
                f"{self.baseline_by} is given, and the model does not predict one of two labels",
                "an empty one: the baseline is what the label is on the whole",
            )
        if self.label in self.baseline_by or {SCORE, SCORES} & {name.lower() for name in self._kept}:
            raise InvalidInputError(
                f"{self.name}.baseline_by",
                f"the columns {list(self._kept)} hold the label twice, or one named {SCORE!r}",
                f"columns known before the outcome, and another name than {SCORE!r}",
            )
        if baseline is not None:
            baseline.require(f"{self.name}.baseline", *self._kept)
        elif self.baseline_by:
            raise InvalidInputError(
                f"{self.name}.baseline_by",
                f"{self.baseline_by} is given, and no dataset to take the rates from",
                "wire the training rows to the input 'baseline', or leave baseline_by empty",
            )
        if labels is None:
            return
        expected = str(label_type(labels))
        for rows in [dataset, *([baseline] if baseline is not None else [])]:
            found = rows.columns[self.label]
            if found != expected and not {found, expected} <= NUMBERS:
                raise InvalidInputError(
                    f"{self.name}.label",
                    f"{self.label!r} is of type {found}, and the model's labels are {list(labels)!r}",
                    "the label that the model was trained on",
                )

    def _rows(
        self, engine: Engine, scored: Scored, dataset: Dataset, baseline: Dataset | None, positive: Label
    ) -> pa.Table:
        """Return label, score and the baseline's score of each row."""
        scores = engine.map_batches(engine.scan(dataset), scored)
        source = engine.scan(baseline if baseline is not None else dataset)
        label, by = quoted(self.label), [quoted(name) for name in self.baseline_by]
        hit = f"sum(CASE WHEN {label} = {literal(positive)} THEN 1 ELSE 0 END)"
        overall = (
            f"(SELECT {hit} / CAST(count(*) AS DOUBLE) AS overall FROM source WHERE {label} IS NOT NULL)"
        )
        if not by:
            query = (
                f"SELECT s.{label}, s.score, o.overall AS baseline FROM scores AS s CROSS JOIN {overall} AS o"
            )
            return engine.collect(engine.sql(query, scores=scores, source=source))
        rates = (
            f"(SELECT {', '.join(by)}, count(*) AS seen, {hit} AS hits FROM source "
            f"WHERE {label} IS NOT NULL GROUP BY {', '.join(by)})"
        )
        match = " AND ".join(f"s.{column} IS NOT DISTINCT FROM r.{column}" for column in by)
        query = (
            f"SELECT s.{label}, s.score, (coalesce(r.hits, 0) + {SMOOTHING} * o.overall) "
            f"/ (coalesce(r.seen, 0) + {SMOOTHING}) AS baseline "
            f"FROM scores AS s CROSS JOIN {overall} AS o LEFT JOIN {rates} AS r ON {match}"
        )
        return engine.collect(engine.sql(query, scores=scores, source=source))

    def _truth(self, column: pa.ChunkedArray, labels: tuple[Label, ...]) -> np.ndarray:
        """Return whether each row's label is the positive one, bool.

        :raises InvalidInputError: labels are missing, unknown to the model, or all the same
        """
        import numpy as np

        where, remedy = f"{self.name}.label", "a dataset with rows of both labels"
        if not len(column):
            raise InvalidInputError(where, "the dataset has no rows", remedy)
        positive = binary_label(where, column, list(labels))[0].astype(np.bool_)
        if positive.all() or not positive.any():
            found = labels[int(positive[0])]
            raise InvalidInputError(where, f"every row's {self.label!r} is {found!r}", remedy)
        return positive

    def _baseline_words(self, baseline: Dataset | None) -> str:
        if baseline is None:
            return "the overall rate of these rows"
        if not self.baseline_by:
            return "the overall rate of the baseline rows"
        return f"the rate by {', '.join(self.baseline_by)} in {baseline.rows:,} baseline rows"
