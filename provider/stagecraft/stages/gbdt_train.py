"""Boosted trees as a model of their own: they score by themselves, without a regression over their leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import fill_model
from stagecraft.stages.base import Workbench
from stagecraft.stages.boosted import Boosted
from stagecraft.stages.labels import original_labels

if TYPE_CHECKING:
    import xgboost

    from stagecraft.artifacts.store import Draft
    from stagecraft.transforms.leaf_encode import LeafEncode
    from stagecraft.transforms.predictor import SparsePredictor


class GBDTTrain(Boosted):
    """Trains XGBoost on encoded columns: a model from raw rows to scores.

    Boosted trees are a linear model of the leaves that a row falls into, and that is what the model holds:
    it scores in batch and in a server as every linear model over leaves does. Its golden rows have the scores
    that XGBoost itself gives. It keeps the booster in XGBoost's own format (``booster.ubj``).

    >>> GBDTTrain(label="late", boosting={"rounds": 60, "depth": 5}).boosting.rounds
    60
    """

    name = "gbdt_train"
    outputs = {"model": Kind.MODEL}

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        import xgboost

        from stagecraft.stages.trees import tree_table
        from stagecraft.transforms.leaf_encode import LeafEncode, feature_matrix

        grown = self.grow(bench, inputs["dataset"])
        encoder, booster, target = grown.encoder, grown.booster, grown.target
        leaves = LeafEncode.of(tree_table(booster), grown.columns)
        chain = encoder.chain.then(leaves, predictor_of(booster, leaves, len(target.classes or ())))
        golden = encoder.golden()
        encoded = encoder.chain.apply(golden.combine_chunks().to_batches()[0])
        scores = booster.predict(xgboost.DMatrix(feature_matrix(encoded, grown.columns)))
        labels = original_labels(f"{self.name}.label", encoder, self.label, target.classes)
        model = drafts["model"]
        grown.keep(model)
        model.meta.update({"labels": labels} if labels else {})
        fill_model(model, chain, golden, scores, reference=encoder.training_rows())


def predictor_of(booster: xgboost.Booster, leaves: LeafEncode, classes: int) -> SparsePredictor:
    """Return what scores rows by their leaves, as XGBoost does.

    :param classes: the label's classes; 0 where it is a number
    """
    import numpy as np
    import xgboost

    from stagecraft.transforms.layout import Layout
    from stagecraft.transforms.linear import Linear
    from stagecraft.transforms.softmax import Softmax
    from stagecraft.transforms.weights import Weights

    layout = Layout.of(leaves.features())
    several = classes > 2
    weights = np.zeros((layout.dimension, classes if several else 1), dtype=np.float32)
    of_class = leaves.of_leaves("class").to_numpy() if several else 0
    weights[np.arange(1, layout.dimension), of_class] = leaves.of_leaves("value").to_numpy()
    # What all rows begin with, XGBoost tells only through a prediction.
    row = np.full((1, len(leaves.columns)), np.nan, dtype=np.float32)
    margins = booster.predict(xgboost.DMatrix(row), output_margin=True).reshape(-1)
    weights[0] = margins - weights[1 + leaves.forest.leaves(row)[0]].sum(axis=0, dtype=np.float64)
    if several:
        return Softmax(layout=layout, classes=classes).holding(Weights(layout.dimension, weights))
    return Linear.of(layout, weights[:, 0], "logistic" if classes else "identity")
