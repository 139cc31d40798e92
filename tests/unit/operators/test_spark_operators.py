"""What a DAG's author sees of the operators that run on Spark alone, when the file is parsed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import DAG, Param

from stagecraft.errors import InvalidInputError
from stagecraft.operators.base import StageOperator
from stagecraft.operators.output import Output
from stagecraft.operators.spark_als import SparkALSOperator
from stagecraft.operators.spark_cluster import SparkClusterOperator
from stagecraft.operators.spark_predict import SparkPredictOperator
from stagecraft.operators.spark_train import SparkTrainOperator
from stagecraft.operators.sql import SQLOperator
from stagecraft.stages.spark_algorithms import SparkGBT
from stagecraft.stages.spark_clusterings import SparkKMeans


@pytest.fixture(autouse=True)
def dag() -> Any:
    with DAG("example", params={"trees": Param(20)}) as made:
        yield made


@pytest.fixture
def rows() -> Output:
    return SQLOperator(task_id="rows", sql="SELECT 1 AS x", inputs={}).dataset


def every(rows: Output, **options: Any) -> list[Callable[[], StageOperator]]:
    model = {"kind": "model", "fingerprint": "f", "uri": "u"}
    return [
        lambda: SparkTrainOperator(task_id="train", dataset=rows, label="y", algorithm=SparkGBT(), **options),
        lambda: SparkClusterOperator(
            task_id="cluster", dataset=rows, algorithm=SparkKMeans(clusters=2), **options
        ),
        lambda: SparkALSOperator(task_id="als", dataset=rows, user="u", item="i", rating="r", **options),
        lambda: SparkPredictOperator(task_id="predict", model=model, dataset=rows, key="id", **options),
    ]


def test_another_engine_is_refused(rows: Output) -> None:
    for operator in every(rows, engine="duckdb", spark_conn_id="spark"):
        with pytest.raises(InvalidInputError, match=r"spark_\w+\.engine: it does not run on duckdb.*'spark'"):
            operator()


def test_auto_is_spark(rows: Output) -> None:
    for operator in every(rows, spark_conn_id="spark"):
        operator()


def test_spark_needs_a_connection(rows: Output) -> None:
    for operator in every(rows):
        with pytest.raises(InvalidInputError, match=r"spark_conn_id: the engine is spark"):
            operator()


def test_data_flow_makes_the_dependencies(dag: DAG, rows: Output) -> None:
    train = SparkTrainOperator(
        task_id="train",
        dataset=rows,
        label="y",
        algorithm={"type": "gbt", "trees": "{{ params.trees }}"},
        features="x",
        spark_conn_id="spark",
    )
    test = SQLOperator(task_id="test", sql="SELECT 1 AS x", inputs={})
    predict = SparkPredictOperator(
        task_id="predict", model=train.model, dataset=test.dataset, key="id", spark_conn_id="spark"
    )
    assert predict.upstream_task_ids == {"train", "test"}
    assert train.parameters["features"] == ["x"]
    with pytest.raises(InvalidInputError, match=r"predict\.dataset \(dataset\)"):
        SparkPredictOperator(
            task_id="again", model=predict.dataset, dataset=rows, key="id", spark_conn_id="spark"
        )


def test_a_bad_algorithm_is_refused_when_the_file_is_parsed(rows: Output) -> None:
    with pytest.raises(InvalidInputError, match=r"spark_train\.algorithm\.gbt\.trees: the value 0"):
        SparkTrainOperator(
            task_id="train",
            dataset=rows,
            label="y",
            algorithm={"type": "gbt", "trees": 0},
            spark_conn_id="spark",
        )
