"""A stage's parameters survive the job's file, and bad ones are refused in our words."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.models import LinearRegression
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.stages.base import Stage
from stagecraft.stages.boosting import BoostingParameters
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Count, Cross, Fill, Hash, Index, OneHot, Standardize, TargetEncode
from stagecraft.stages.evaluate import Evaluate
from stagecraft.stages.gbdt_encode import GBDTEncode
from stagecraft.stages.k_fold_split import KFoldSplit
from stagecraft.stages.load import load_stage
from stagecraft.stages.predict import Predict
from stagecraft.stages.ps_train import PSTrain
from stagecraft.stages.random_split import RandomSplit
from stagecraft.stages.sample import Sample, StratifiedSample
from stagecraft.stages.split import TimeSplit
from stagecraft.stages.sql import SQL
from stagecraft.stages.sweep import Sweep
from stagecraft.stages.trainers import LeafRegression
from stagecraft.tuning.space import Choice, Integer, LogUniform, Uniform

STAGES: list[Stage] = [
    SQL(query="SELECT 1 AS x", files={"f": "f.csv"}),
    TimeSplit(column="day", test_months=2, train_months=3),
    StratifiedSample(strata="y", fraction=0.1, key=["a", "b"], seed=4),
    Sample(key="a", strata="y", sizes={"x": 3, "z": 0.5}, weight_by="w"),
    RandomSplit(key="a", test=0.3),
    KFoldSplit(key=["a", "b"], strata="y", folds=3, fold=1),
    EncodeColumns(
        columns={
            ("a", "b"): Fill("median") | Standardize(),
            "c": Fill("?", indicator=True) | Index(min_count=2, top=9),
            (Cross("c", "d"), "d"): [Hash(bits=4, salt="one"), TargetEncode(key=("id", "day"), folds=3)],
            "e": [Count(normalize=True), OneHot(top=3, unseen="column")],
        },  # type: ignore[arg-type]
        label="y",
        classes=True,
    ),
    GBDTEncode(label="y", boosting=BoostingParameters(rounds=3)),
    PSTrain(label="y", model=LinearRegression(), optimizer=FTRL(l1=0.5)),
    Sweep(
        trainer=LeafRegression(label="y"),
        space={
            "boosting.rounds": Integer(2, 9),
            "boosting.subsample": Uniform(0.5, 1.0),
            "boosting.depth": Choice([3, 6]),
            "optimizer.alpha": LogUniform(0.01, 1),
        },
    ),
    Evaluate(label="y", baseline_by=["a"]),
    Predict(key=["a"]),
]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_parameters_survive_the_jobs_file(stage: Stage) -> None:
    """Validated once at parse time, once from JSON in the job: the same stage, of the same address."""
    again = type(stage).validated(json.loads(stage.model_dump_json()))
    assert again == stage
    assert again.fingerprint({}) == stage.fingerprint({}) if not isinstance(stage, SQL) else True
    address = f"{type(stage).__module__}:{type(stage).__name__}"
    assert load_stage(address) is type(stage)


def test_an_address_that_is_no_stage() -> None:
    with pytest.raises(InvalidInputError, match="is no stage"):
        load_stage("stagecraft.stages.base:log")


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(InvalidInputError, match=r"time_split\.colum: no such parameter.*'column'"):
        TimeSplit.validated({"column": "day", "colum": "day"})


@pytest.mark.parametrize(
    ("months", "cuts"),
    [
        ((1, 1, None), ("2013-03-01", "2013-02-01", None)),
        ((2, 1, 2), ("2013-02-01", "2013-01-01", "2012-11-01")),
        ((3, 2, None), ("2013-01-01", "2012-11-01", None)),
    ],
)
def test_months_are_counted_back_over_the_year(
    months: tuple[int, int, int | None], cuts: tuple[str, str, str | None]
) -> None:
    test, validation, train = months
    split = TimeSplit(column="day", test_months=test, validation_months=validation, train_months=train)
    found = split.cuts(datetime.date(2013, 3, 17))
    dates = tuple(date and datetime.date.fromisoformat(date) for date in cuts)
    assert (found["test"], found["validation"], found["train"]) == dates


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"test_from": "2013-01-01", "test_months": 1}, "months, or else instants"),
        ({"train_from": "2013-01-01"}, "need test_from"),
        ({"test_from": "2013-01-01", "validation_from": "2013-01-01T02:00+02:00"}, "ascend"),
        ({"test_from": "yesterday"}, r"time_split\.test_from: .*isoformat"),
    ],
)
def test_instants_that_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        TimeSplit.validated({"column": "day", **given})
