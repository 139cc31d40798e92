"""What a DAG's author sees of parameter-server training when the file is parsed."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG

from stagecraft.errors import InvalidInputError
from stagecraft.operators.ps_train import (
    SSP,
    AdaGrad,
    Async,
    EarlyStopping,
    FactorizationMachine,
    LinearRegression,
    PSTrainOperator,
)
from stagecraft.operators.sql import SQLOperator


@pytest.fixture(autouse=True)
def dag() -> Any:
    with DAG("example") as made:
        yield made


def train(**arguments: Any) -> PSTrainOperator:
    rows = SQLOperator(task_id="rows", sql="SELECT 1 AS x", inputs={})
    return PSTrainOperator(task_id="train", dataset=rows.dataset, label="y", **arguments)


def test_every_choice_reaches_the_stage() -> None:
    operator = train(
        model=FactorizationMachine(factors=4),
        optimizer=AdaGrad(learning_rate=0.2),
        shards=0,
        consistency=Async(rows_in_flight=500),
        early_stopping=EarlyStopping(metric="auc"),
        bad_rows="skip",
        keep_state=True,
        dimension="growing",
    )
    stage = operator.stage_class.validated(operator.parameters)
    assert set(operator.parameters) == set(type(stage).model_fields)
    again = operator.stage_class.validated(stage.model_dump(mode="json"))
    assert again == stage
    assert (stage.model.factors, stage.optimizer.learning_rate, stage.consistency.rows_in_flight) == (
        4,
        0.2,
        500,
    )


def test_mappings_take_templates_and_a_sweeps_optimizer_needs_no_type() -> None:
    train(optimizer={"alpha": "{{ params.alpha }}"}, workers="{{ params.workers }}", shards=0)
    operator = PSTrainOperator.stage_address
    assert operator.endswith(":PSTrain")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"shards": 0}, r"ps_train\.consistency: .*shards=0 lets 2 workers.*Async\(\)"),
        ({"shards": 0, "consistency": SSP()}, r"ps_train\.consistency: .*no steps to bound"),
        (
            {"model": LinearRegression(), "early_stopping": EarlyStopping(metric="auc")},
            r"ps_train\.early_stopping: .*no AUC",
        ),
        ({"bad_rows": "keep"}, r"ps_train\.bad_rows"),
        ({"dimension": 100}, r"ps_train\.dimension"),
        ({"model": {"type": "fm", "factors": 0}}, r"ps_train\.model\.fm\.factors"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        train(**arguments)
