"""Spark ML's parameters: what is refused when they are given, and what survives the job's file."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage
from stagecraft.stages.load import load_stage
from stagecraft.stages.spark_algorithms import (
    SparkFM,
    SparkGBT,
    SparkLinearRegression,
    SparkLogisticRegression,
    SparkRandomForest,
)
from stagecraft.stages.spark_als import SparkALS
from stagecraft.stages.spark_cluster import SparkCluster
from stagecraft.stages.spark_clusterings import SparkBisectingKMeans, SparkGaussianMixture, SparkKMeans
from stagecraft.stages.spark_features import Features
from stagecraft.stages.spark_predict import SparkPredict
from stagecraft.stages.spark_train import SparkTrain
from stagecraft.transforms.layout import Feature, Layout

LEARNERS: list[Any] = [
    SparkLogisticRegression(regularization=0.1, l1_ratio=0.5),
    SparkLinearRegression(),
    SparkGBT(task="regression", trees=3),
    SparkRandomForest(features_per_split="sqrt"),
    SparkFM(factors=2),
]
CLUSTERINGS: list[Any] = [
    SparkKMeans(clusters=2, distance="cosine"),
    SparkBisectingKMeans(clusters=2, min_cluster=0.1),
    SparkGaussianMixture(clusters=2),
]
STAGES: list[Stage] = [
    *(SparkTrain(algorithm=learner, label="y", features=["a", "b"], key=["id"]) for learner in LEARNERS),
    *(SparkCluster(algorithm=clustering, key=["id"], partitions=2) for clustering in CLUSTERINGS),
    SparkALS(user="u", item="i", implicit=True),
    SparkPredict(key=["id"], threshold=0.2),
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_parameters_survive_the_jobs_file(stage: Stage) -> None:
    again = type(stage).validated(json.loads(stage.model_dump_json()))
    assert again == stage
    assert again.fingerprint({}) == stage.fingerprint({})
    assert load_stage(f"{type(stage).__module__}:{type(stage).__name__}").engines == ("spark",)


REFUSED: list[tuple[type[Stage], str, dict[str, Any]]] = [
    (SparkTrain, r"gbt\.trees: the value 0 ", {"algorithm": {"type": "gbt", "trees": 0}}),
    (
        SparkTrain,
        r"random_forest\.depth: the value 31 ",
        {"algorithm": {"type": "random_forest", "depth": 31}},
    ),
    (SparkTrain, r"l1_ratio: the value 1.5 ", {"algorithm": {"type": "linear_regression", "l1_ratio": 1.5}}),
    (SparkTrain, r"gbt\.tree: no such parameter", {"algorithm": {"type": "gbt", "tree": 3}}),
    (SparkTrain, r"algorithm: the value .*svm", {"algorithm": {"type": "svm"}}),
    (SparkTrain, r"algorithm: the value .*kmeans", {"algorithm": SparkKMeans(clusters=2)}),
    (SparkTrain, "takes no weights", {"algorithm": SparkFM(), "weight": "w"}),
    (SparkTrain, "'a' is named twice", {"features": ["a", "a"]}),
    (SparkTrain, "'y' is named twice, or is the label", {"features": ["a", "y"]}),
    (SparkTrain, "'score' collides", {"key": ["Score"]}),
    (SparkCluster, r"kmeans\.clusters: the value 1 ", {"algorithm": {"type": "kmeans", "clusters": 1}}),
    (SparkCluster, "'cluster' collides", {"algorithm": SparkKMeans(clusters=2), "key": ["cluster"]}),
    (SparkALS, "rating names no column", {"user": "u", "item": "i"}),
    (SparkALS, "named twice", {"user": "u", "item": "U", "implicit": True}),
    (SparkALS, "'rank' or 'score' collides", {"user": "rank", "item": "i", "implicit": True}),
    (SparkALS, r"spark_als\.factors: the value 0 ", {"user": "u", "item": "i", "rating": "r", "factors": 0}),
]


@pytest.mark.parametrize(("stage", "message", "parameters"), REFUSED, ids=[case[1] for case in REFUSED])
def test_bad_parameters_are_refused(stage: type[Stage], message: str, parameters: dict[str, Any]) -> None:
    given = {"label": "y", "algorithm": SparkGBT()} | parameters if stage is SparkTrain else parameters
    with pytest.raises(InvalidInputError, match=message):
        stage.validated(given)


def test_vectors_are_sparse_for_slots_and_dense_for_numbers_and_categories() -> None:
    x, city = Feature("x"), Feature("city", "slot", 3)
    layout = Layout.of([x, city, Feature("leaves", "leaves", 4, 2)])
    rows = pa.record_batch(
        {
            "x": pa.array([0.5, 0], pa.float32()),
            "city": pa.array([2, 0], pa.int32()),
            "leaves": pa.array([[1, 3], [0, 2]], pa.list_(pa.int32())),
        }
    )
    assert Features(layout=layout).arrays(rows).to_pylist() == [
        {"type": 0, "size": 8, "indices": [0, 3, 5, 7], "values": [0.5, 1, 1, 1]},
        {"type": 0, "size": 8, "indices": [1, 4, 6], "values": [1, 1, 1]},
    ]
    trees = Features(layout=Layout.of([x, city]), categories=True)
    assert trees.largest_category == 3
    assert trees.arrays(rows).to_pylist() == [
        {"type": 1, "size": None, "indices": None, "values": [0.5, 2]},
        {"type": 1, "size": None, "indices": None, "values": [0, 0]},
    ]
    assert Features(layout=layout).arrays(rows.slice(0, 0)).to_pylist() == []
    numbers = Features(layout=Layout.of([x]))
    assert np.array(numbers.arrays(rows).field("values").to_pylist()).tolist() == [[0.5], [0]]
    assert numbers.arrays(rows.slice(1)).to_pylist()[0]["values"] == [0]
