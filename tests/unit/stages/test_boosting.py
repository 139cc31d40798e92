"""Boosting reports the loss of its objective; trees' tables and model files that do not fit are refused."""

from __future__ import annotations

import re

import lightgbm
import numpy as np
import pytest
import xgboost

from stagecraft.errors import InvalidInputError
from stagecraft.stages.boosting import BoostingParameters, Objective, boost
from stagecraft.stages.gbdt_import import read_trees

FEATURES = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
LABEL = np.digitize(FEATURES[:, 0], [-0.5, 0.5])


@pytest.mark.parametrize(
    ("objective", "loss"),
    [
        ("binary", lambda made, label: -np.log(np.where(label > 0, made, 1 - made)).mean()),
        ("multi-class", lambda made, label: -np.log(made[np.arange(300), label]).mean()),
        ("regression", lambda made, label: np.sqrt(((made - label) ** 2).mean())),
    ],
)
def test_the_loss_is_that_of_the_objective(objective: Objective, loss: object) -> None:
    label = np.minimum(LABEL, 1) if objective == "binary" else LABEL
    matrix = xgboost.DMatrix(FEATURES, label)
    reported: list[tuple[int, float]] = []
    booster = boost(
        matrix,
        BoostingParameters(objective=objective, rounds=5, depth=2),
        classes=3,
        threads=1,
        on_round=lambda number, value: reported.append((number, value)),
    )
    assert [number for number, _ in reported] == [1, 2, 3, 4, 5]
    assert reported[0][1] > reported[-1][1] == pytest.approx(loss(booster.predict(matrix), label), rel=1e-4)  # type: ignore[operator]


def trained(**options: object) -> str:
    booster = lightgbm.train(
        {"verbose": -1, "num_threads": 1, **options},
        lightgbm.Dataset(FEATURES, LABEL, feature_name=["a", "b"]),
        2,
    )
    return str(booster.model_to_string())


def test_lightgbm_files_that_do_not_fit_are_refused() -> None:
    text = trained()
    categories = FEATURES.copy()
    categories[:, 1] = LABEL
    categorical = lightgbm.train(
        {"verbose": -1, "min_data_per_group": 1},
        lightgbm.Dataset(categories, LABEL, categorical_feature=[1], feature_name=["a", "b"]),
        2,
    )
    for content, message in (
        (str(categorical.model_to_string()), "tree 0 splits 'b' by categories"),
        (trained(zero_as_missing=True), "tree 0 takes 0 of 'a' for a missing value"),
        (text[: text.index("end of trees")], "has no trees, or its file is cut off"),
        (
            re.sub(r"\nleaf_value=\S+ ", "\nleaf_value=", text, count=1),
            r"tree 0 has \d+ values of leaf_value",
        ),
        (re.sub(r"\nthreshold=\S+", "\nthreshold=nan", text, count=1), "the threshold nan in tree 0"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            read_trees(content.encode())


def test_a_lightgbm_tree_may_be_one_leaf() -> None:
    table = read_trees(trained(min_data_in_leaf=200).encode())[2]
    assert (
        table.select(["tree", "node", "feature", "leaf"]).to_pylist()
        == [{"tree": number, "node": 0, "feature": None, "leaf": number} for number in range(2)][
            : table.num_rows
        ]
    )


def test_xgboost_files_that_do_not_fit_are_refused() -> None:
    def content(**options: object) -> bytes:
        matrix = xgboost.DMatrix(FEATURES, np.stack([LABEL, LABEL], axis=1), feature_names=["a", "b"])
        return bytes(xgboost.train({"nthread": 1, **options}, matrix, 1).save_raw("json"))

    categories = np.stack([LABEL, LABEL], axis=1).astype(np.float32)
    matrix = xgboost.DMatrix(
        categories, LABEL == 1, feature_names=["a", "b"], feature_types=["c", "q"], enable_categorical=True
    )
    categorical = xgboost.train({"max_cat_to_onehot": 1, "nthread": 1}, matrix, 1).save_raw("ubj")
    for raw, message in (
        (content(booster="gblinear"), r"the model \(gblinear\) has no trees"),
        (content(multi_strategy="multi_output_tree"), "the leaves of tree 0 are vectors"),
        (bytes(categorical), "tree 0 splits 'a' by categories"),
        (b"{}", "no model that XGBoost reads"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            read_trees(raw)
    assert read_trees(content())[:2] == ("json", ["a", "b"])
