"""Joins, graphs and anomalies in a DAG's file."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG, Param

from stagecraft.errors import InvalidInputError
from stagecraft.operators.connected_components import ConnectedComponentsOperator
from stagecraft.operators.isolation_forest import IsolationForestOperator
from stagecraft.operators.page_rank import PageRankOperator
from stagecraft.operators.point_in_time_join import PointInTimeJoinOperator
from stagecraft.operators.predict import PredictOperator
from stagecraft.operators.sql import SQLOperator


@pytest.fixture(autouse=True)
def dag() -> Any:
    with DAG("example", params={"tolerance": Param("2h")}) as made:
        yield made


def rows(task_id: str) -> Any:
    return SQLOperator(task_id=task_id, sql="SELECT 1 AS x", inputs={}).dataset


def test_data_flow_makes_the_dependencies(dag: DAG) -> None:
    joined = PointInTimeJoinOperator(
        task_id="joined",
        labels=rows("flights"),
        features={"weather": rows("weather"), "planes": rows("planes")},
        key="origin",
        time="at",
        tolerance="{{ params.tolerance }}",
        options={"planes": {"key": {"tailnum": "tail"}, "tolerance": "365d"}},
    )
    assert joined.upstream_task_ids == {"flights", "weather", "planes"}
    odd = IsolationForestOperator(task_id="odd", dataset=joined.dataset, key="id", columns=["wind"])
    predict = PredictOperator(task_id="predict", model=odd.model, dataset=joined.dataset, key="id")
    assert predict.upstream_task_ids == {"odd", "joined"}
    edges = rows("edges")
    for made in (
        PageRankOperator(task_id="ranks", edges=edges, source="a", target="b"),
        ConnectedComponentsOperator(task_id="groups", edges=edges, source="a", target="b"),
    ):
        assert made.upstream_task_ids == {"edges"}
        assert made.dataset.kind == "dataset"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"features": ["labels"]}, r"task joined\.features: a set is named 'labels'"),
        ({"features": []}, r"task joined: point_in_time_join\.features: there are no features"),
        ({"tolerance": "2 fortnights"}, r"tolerance: the value '2 fortnights'"),
        ({"options": {"f": {"thyme": "t"}}}, r"features\.f\.thyme"),
    ],
)
def test_a_join_that_is_wrong_is_refused_when_the_file_is_parsed(given: dict[str, Any], message: str) -> None:
    sets = given.pop("features", ["f"])
    with pytest.raises(InvalidInputError, match=message):
        PointInTimeJoinOperator(
            task_id="joined",
            labels=rows("flights"),
            features={name: rows(f"set_{name}") for name in sets},
            key="k",
            time="t",
            **given,
        )


def test_numbers_out_of_bounds_are_refused_when_the_file_is_parsed() -> None:
    with pytest.raises(InvalidInputError, match=r"isolation_forest\.contamination: the value 0\.9"):
        IsolationForestOperator(task_id="odd", dataset=rows("d"), key="id", contamination=0.9)
    with pytest.raises(InvalidInputError, match=r"page_rank\.damping: the value 1"):
        PageRankOperator(task_id="ranks", edges=rows("e"), source="a", target="b", damping=1)
