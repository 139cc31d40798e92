"""Batch prediction: the scores and labels that a model gives to raw rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.transforms.linear import SCORE
from stagecraft.transforms.scored import PREDICTION, Label, Scored

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.model import Model
    from stagecraft.artifacts.store import Draft


class Predict(Stage):
    """Score raw rows with a model: the key columns, ``score`` and, of a classifier, ``prediction``.

    ``score`` (double) is the probability of the positive label; ``prediction`` is the label itself, as the
    model's training data had it. A linear regression's ``score`` is the number that it predicts, and there is
    no ``prediction``. The model's chain is the one that a server runs, so both agree.

    :param key: columns of the dataset to keep beside the score, so that rows can be told apart
    :param threshold: a classifier's score at or above it is predicted positive, 0 … 1; the model's own where
        None, which is 0.5 where the model says nothing else

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
            if column in (SCORE, PREDICTION):
                raise ValueError(f"the column {column!r} collides with the prediction's; rename it first")
        return key

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        model, dataset = inputs["model"], inputs["dataset"]
        labels = require_scoring(self.name, model)
        dataset.require(f"{self.name}.key", *self.key)
        check_raw(self.name, model, dataset)
        threshold = model.threshold if self.threshold is None else self.threshold
        scored = Scored(model.chain, tuple(self.key), labels, threshold)
        bench.engine.write(bench.engine.map_batches(bench.engine.scan(dataset), scored), drafts["dataset"])


def require_scoring(stage: str, model: Model) -> tuple[Label, Label] | None:
    """Return the negative and the positive label of a model that predicts; None where it predicts a number.

    :raises InvalidInputError: the model only encodes, or does not know its labels
    """
    if not model.chain.scores:
        raise InvalidInputError(
            f"{stage}.model",
            f"the model of stage {model.manifest.lineage.get('stage')!r} encodes rows, it scores none",
            "the model of a training stage, as ps_train's",
        )
    labels = model.meta.get("labels") or []
    if not labels and getattr(model.chain.transforms[-1], "link", None) == "identity":
        return None
    if len(labels) != 2:
        raise InvalidInputError(
            f"{stage}.model", f"the model's labels are {labels!r}", "a model of two labels, negative first"
        )
    return labels[0], labels[1]


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
