"""GBDT feature encoding: grow trees, keep their details, encode every row into leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.boosting import BoostingParameters, grow
from stagecraft.stages.labels import binary_label, handed_on, row_weights

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft

BOOSTER_FILE = "booster.ubj"


class GBDTEncode(Stage):
    """Trains XGBoost on encoded columns and adds, for each tree, the leaf that a row falls into.

    The model keeps the booster in XGBoost's own format, and the trees' details as a table.

    :param label: the label's column, of two values
    :param weight: the rows' weights, or None
    :param boosting: how the trees are grown
    :param output: the name of the list column to add
    """

    name = "gbdt_encode"
    inputs = {"dataset": Kind.DATASET}
    outputs = {"dataset": Kind.DATASET, "model": Kind.MODEL}

    label: str
    weight: str | None = None
    boosting: BoostingParameters = Field(default_factory=BoostingParameters)
    output: str = "leaves"

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.transforms.leaf_encode import LeafEncode, feature_matrix

        dataset: Dataset = inputs["dataset"]
        if dataset.model is None:
            raise InvalidInputError(
                "gbdt_encode.dataset", "the rows are not encoded", "the output of an encode stage"
            )
        encoder = bench.store.open(dataset.model)
        assert isinstance(encoder, Model)
        columns = encoder.chain.layout.columns
        dataset.require("gbdt_encode.label", self.label)
        if self.weight:
            dataset.require("gbdt_encode.weight", self.weight)
        dataset.verify()
        table = dataset.table([*columns, self.label, *([self.weight] if self.weight else [])])
        label, _ = binary_label("gbdt_encode.label", table[self.label])
        weight = row_weights("gbdt_encode.weight", table[self.weight]) if self.weight else None

        def on_round(number: int, loss: float) -> None:
            bench.tracker.log(number, loss=loss, progress=number / self.boosting.rounds)

        features = feature_matrix(table, columns)
        booster, trees = grow(features, label, weight, self.boosting, on_round=on_round)
        leaves = LeafEncode.of(trees, columns, self.output)
        bench.engine.write(bench.engine.map_batches(bench.engine.scan(dataset), leaves), drafts["dataset"])
        model = drafts["model"]
        model.write(BOOSTER_FILE, bytes(booster.save_raw("ubj")))
        fill_model(model, encoder.chain.then(leaves), encoder.golden(), **handed_on(encoder))
        drafts["dataset"].meta["model"] = model.reference.model_dump(mode="json")
