"""Batch prediction: the scores and labels that a model gives to raw rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.transforms.predictor import SCORE, SCORES
from stagecraft.transforms.scored import PREDICTION, Label, Scored

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.model import Model
    from stagecraft.artifacts.store import Draft


class Predict(Stage):
    """Score raw rows with a model: the key columns, ``score`` and, of a classifier, ``prediction``.

    ``score`` (double) is the probability of the positive label; ``prediction`` is the label itself, as the
    model's training data had it. A model of more than two labels gives ``scores`` in its place, a list of
    each label's probability, as the labels sort, and predicts the likeliest. A regression's ``score`` is the
    number that it predicts, and there is no ``prediction``. The model's chain is the one that a server runs,
    so both agree.

    :param key: columns of the dataset to keep beside the score, so that rows can be told apart
    :param threshold: the score from which on a row is predicted positive, 0 … 1, of a model of two labels;
        the model's own where None, which is 0.5 where the model says nothing else

    >>> Predict(key=["flight_id"], threshold=0.7).threshold
    0.7
    """

    name: ClassVar[str] = "predict"
    inputs: ClassVar[Mapping[str, Kind]] = {"model": Kind.MODEL, "dataset": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}

    key: list[str] = Field(default_factory=list)
    threshold: float | None = Field(default=None, ge=0, le=1)

    @field_validator("key")
    @classmethod
    def _distinct(cls, key: list[str]) -> list[str]:
        lowered = [column.lower() for column in key]
        for column in lowered:
            if lowered.count(column) > 1:
                raise ValueError(f"the column {column!r} is named twice; name it once")
            if column in (SCORE, SCORES, PREDICTION):
                raise ValueError(f"the column {column!r} collides with the prediction's; rename it first")
        return key

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        model, dataset = inputs["model"], inputs["dataset"]
        labels = require_scoring(self.name, model)
        dataset.require(f"{self.name}.key", *self.key)
        check_raw(self.name, model, dataset)
        threshold = decided_at(self.name, model, labels, self.threshold)
        scored = Scored(model.chain, tuple(self.key), labels, threshold)
        bench.engine.write(bench.engine.map_batches(bench.engine.scan(dataset), scored), drafts["dataset"])


def require_scoring(stage: str, model: Model) -> tuple[Label, ...] | None:
    """Return the labels of a model that predicts, as they sort; None where it predicts a number.

    :raises InvalidInputError: the model only encodes, or does not know its labels
    """
    if not model.chain.scores:
        raise InvalidInputError(
            f"{stage}.model",
            f"the model of stage {model.manifest.lineage.get('stage')!r} encodes rows, it scores none",
            "the model of a training stage, as ps_train's",
        )
    labels = tuple(model.meta.get("labels") or [])
    predictor = model.chain.transforms[-1]
    if not labels and getattr(predictor, "link", None) in ("identity", "log"):
        return None
    classes = getattr(predictor, "classes", 2)
    if len(labels) != classes:
        raise InvalidInputError(
            f"{stage}.model",
            f"the model's labels are {list(labels)!r}, and it predicts {classes} classes",
            "a model of two labels, negative first, or of as many as it predicts",
        )
    return labels


def decided_at(stage: str, model: Model, labels: tuple[Label, ...] | None, threshold: float | None) -> float:
    """Return the score from which on a row is predicted positive: the one given, or the model's own.

    :raises InvalidInputError: one is given, and the model does not predict one of two labels
    """
    if threshold is None:
        return model.threshold
    if labels is None or len(labels) != 2:
        found = "a number" if labels is None else f"the likeliest of {len(labels)} labels"
        raise InvalidInputError(f"{stage}.threshold", f"{threshold} is given for {found}", "none")
    return threshold


def check_raw(stage: str, model: Model, dataset: Dataset) -> None:
    """Refuse rows that are already encoded, or that lack what the model reads.

    :raises InvalidInputError: names the dataset's fault
    """
    where = f"{stage}.dataset"
    if dataset.model is not None:
        raise InvalidInputError(
            where,
            "the rows are already encoded, and the model encodes raw rows itself",
            "the dataset that went into the encoding",
        )
    model.check_input(where, dataset)
