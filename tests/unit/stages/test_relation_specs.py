"""Parameters of joins, graphs and anomalies: taken in several forms, kept in one."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage
from stagecraft.stages.connected_components import ConnectedComponents
from stagecraft.stages.isolation_forest import IsolationForest
from stagecraft.stages.load import load_stage
from stagecraft.stages.page_rank import PageRank
from stagecraft.stages.point_in_time_join import FeatureSet, PointInTimeJoin

WEATHER = FeatureSet(key={"origin": "airport"}, time="at", prefix="w_", tolerance="90min", columns=["wind"])
STAGES: list[Stage] = [
    PointInTimeJoin(key="k", time="t", tolerance="1d 12h", features={"weather": WEATHER}),
    PageRank(source="a", target="b", weight="w", damping=0.5),
    ConnectedComponents(source="a", target="b"),
    IsolationForest(key="id", columns=["x"], contamination=0.1, seed=3),
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_parameters_survive_the_jobs_file(stage: Stage) -> None:
    again = type(stage).validated(json.loads(stage.model_dump_json()))
    assert again == stage
    assert again.fingerprint({}) == stage.fingerprint({})
    assert load_stage(f"{type(stage).__module__}:{type(stage).__name__}") is type(stage)


TOLERANCES: dict[Any, float] = {
    **{"90min": 5400, "2h": 7200, "1d 12h": 129600, "1.5 s": 1.5, "20ms": 0.02, "1w": 604800, "PT2H": 7200},
    0: 0,
}


@pytest.mark.parametrize(("tolerance", "seconds"), TOLERANCES.items())
def test_tolerances(tolerance: Any, seconds: float) -> None:
    stage = PointInTimeJoin(key="k", time="t", tolerance=tolerance)
    assert stage.tolerance == datetime.timedelta(seconds=seconds)


@given(st.timedeltas(min_value=datetime.timedelta(0)))
def test_any_tolerance_survives_the_jobs_file(tolerance: datetime.timedelta) -> None:
    stage = PointInTimeJoin(key="k", time="t", tolerance=tolerance)
    assert PointInTimeJoin.validated(json.loads(stage.model_dump_json())).tolerance == tolerance


@pytest.mark.parametrize("tolerance", ["two hours", "2x", "-2h", "", "h", -1])
def test_refused_tolerances(tolerance: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"point_in_time_join\.tolerance: the value"):
        PointInTimeJoin.validated({"key": "k", "time": "t", "tolerance": tolerance})


def test_keys_are_columns_or_pairs_of_columns() -> None:
    made = [PointInTimeJoin(key=key, time="t").key for key in ("a", ["a", "b"], {"a": "c"})]
    assert made == [{"a": "a"}, {"a": "a", "b": "b"}, {"a": "c"}]
    with pytest.raises(InvalidInputError, match=r"point_in_time_join\.key"):
        PointInTimeJoin.validated({"key": [], "time": "t"})


def test_a_join_needs_features_and_labels() -> None:
    for names, field in [(["labels"], "features"), (["weather"], "labels")]:
        with pytest.raises(InvalidInputError, match=rf"point_in_time_join\.{field}"):
            PointInTimeJoin.check_inputs(dict.fromkeys(names, Kind.DATASET))
    PointInTimeJoin.check_inputs(dict.fromkeys(["labels", "weather", "planes"], Kind.DATASET))
    with pytest.raises(InvalidInputError, match=r"point_in_time_join\.planes: a model"):
        PointInTimeJoin.check_inputs({"labels": Kind.DATASET, "planes": Kind.MODEL})


def test_a_forest_looks_at_each_column_once() -> None:
    with pytest.raises(InvalidInputError, match=r"isolation_forest\.columns: .*each column once"):
        IsolationForest.validated({"key": "id", "columns": ["x", "y", "x"]})
