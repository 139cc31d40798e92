"""Features of flights made by one task, whose stages share a job; a model over them trained by the next."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param

from stagecraft.operators.encode import EncodeOperator
from stagecraft.operators.evaluate import EvaluateOperator
from stagecraft.operators.gbdt_encode import GBDTEncodeOperator
from stagecraft.operators.ps_train import PSTrainOperator
from stagecraft.operators.sql import SQLOperator
from stagecraft.operators.stage_group import StageGroup
from stagecraft.operators.stratified_sample import StratifiedSampleOperator
from stagecraft.operators.time_split import TimeSplitOperator
from stagecraft.stages.encodings import Fill, Hash, Index, Standardize

FLIGHTS = Path(os.environ.get("STAGECRAFT_FLIGHTS", "/data/nycflights13"))

with DAG(
    "flight_features",
    schedule=None,
    params={"fraction": Param(0.25, type="number", exclusiveMinimum=0, maximum=1)},
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=5)},
    doc_md=__doc__,
    tags=["stagecraft"],
) as dag:
    with StageGroup(task_id="features", engine="auto", spark_conn_id="stagecraft_spark") as features:
        flights = SQLOperator(
            task_id="flights",
            sql="flights.sql",
            inputs={
                "flights": f"{FLIGHTS}/flights.csv.zip",
                "weather": f"{FLIGHTS}/weather.csv",
                "planes": f"{FLIGHTS}/planes.csv",
            },
        )
        split = TimeSplitOperator(task_id="split", dataset=flights.dataset, column="date", test_months=2)
        sample = StratifiedSampleOperator(
            task_id="sample",
            dataset=split.train,
            strata="late",
            key="flight_id",
            fraction="{{ params.fraction }}",
        )
        encode = EncodeOperator(
            task_id="encode",
            fit=sample.dataset,
            columns={
                ("hour", "minute", "distance", "temp", "wind_speed", "precip", "visib"): Fill("median")
                | Standardize(),
                ("carrier", "origin"): Index(),
                ("dest", "tailnum"): Hash(bits=12),
            },
        )
        leaves = GBDTEncodeOperator(
            task_id="leaves",
            dataset=encode.dataset,
            label="late",
            weight="weight",
            boosting={"rounds": 30, "depth": 4},
        )
    train = PSTrainOperator(
        task_id="train",
        dataset=leaves.dataset,
        validation=split.validation,
        label="late",
        weight="weight",
        epochs=2,
    )
    evaluate = EvaluateOperator(
        task_id="evaluate",
        model=train.model,
        dataset=split.test,
        label="late",
        baseline=split.train,
        baseline_by=["carrier", "hour"],
    )
