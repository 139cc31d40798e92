"""Will a flight arrive more than 15 minutes late? From raw rows to a served model, retrained every month."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, Param

from stagecraft.operators.bentoml_deploy import BentoMLDeployOperator
from stagecraft.operators.compare_online import CompareOnlineOperator
from stagecraft.operators.encode import EncodeOperator
from stagecraft.operators.evaluate import EvaluateOperator
from stagecraft.operators.gbdt_encode import GBDTEncodeOperator
from stagecraft.operators.predict import PredictOperator
from stagecraft.operators.ps_train import PSTrainOperator
from stagecraft.operators.ray_tune_sweep import RayTuneSweepOperator
from stagecraft.operators.sql import SQLOperator
from stagecraft.operators.stratified_sample import StratifiedSampleOperator
from stagecraft.operators.time_split import TimeSplitOperator
from stagecraft.sensors.deployment import DeploymentSensor
from stagecraft.stages.encodings import Fill, Hash, Index, Standardize
from stagecraft.stages.trainers import LeafRegression
from stagecraft.tuning.space import Integer, LogUniform

FLIGHTS = Path(os.environ.get("STAGECRAFT_FLIGHTS", "/data/nycflights13"))
# The month is no feature: the newest months, which the model is for, have values that it never saw.
NUMERIC = (
    *("weekday", "hour", "minute", "distance", "plane_age", "seats", "engines"),
    *("temp", "dewp", "humid", "wind_speed", "wind_dir", "precip", "pressure", "visib"),
)
PARAMS = {
    "fraction": Param(
        0.5,
        type="number",
        exclusiveMinimum=0,
        maximum=1,
        description="Part of the training rows to learn from",
    ),
    "train_months": Param(
        None, type=["null", "integer"], minimum=1, description="Months to learn from; all where empty"
    ),
    "test_months": Param(2, type="integer", minimum=1, maximum=6, description="Newest months, held out"),
    "trials": Param(6, type="integer", minimum=1, maximum=200, description="Trials of the sweep"),
    "searcher": Param(
        "gaussian_process",
        enum=["default", "gaussian_process", "random"],
        description="What proposes the trials",
    ),
    "engine": Param("auto", enum=["auto", "duckdb", "spark"], description="What runs the relational stages"),
}

with DAG(
    "flight_delay",
    schedule="@monthly",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    render_template_as_native_obj=True,
    default_args={
        "engine": "{{ params.engine }}",
        "spark_conn_id": "stagecraft_spark",
        "retries": 2,
        "retry_delay": timedelta(seconds=5),
    },
    doc_md=__doc__,
    tags=["stagecraft"],
) as dag:
    flights = SQLOperator(
        task_id="flights",
        sql="flights.sql",
        inputs={
            "flights": f"{FLIGHTS}/flights.csv.zip",
            "weather": f"{FLIGHTS}/weather.csv",
            "planes": f"{FLIGHTS}/planes.csv",
        },
    )
    split = TimeSplitOperator(
        task_id="split",
        dataset=flights.dataset,
        column="date",
        test_months="{{ params.test_months }}",
        train_months="{{ params.train_months }}",
    )
    sample = StratifiedSampleOperator(
        task_id="sample",
        dataset=split.train,
        strata="late",
        key="flight_id",
        fraction="{{ params.fraction }}",
        shuffle=True,
    )
    encode = EncodeOperator(
        task_id="encode",
        fit=sample.dataset,
        columns={
            NUMERIC: Fill("median") | Standardize(),
            ("carrier", "origin", "manufacturer"): Index(),
            ("dest", "flight", "tailnum", "plane_model"): Hash(bits=13),
        },
    )
    sweep = RayTuneSweepOperator(
        task_id="sweep",
        train=encode.dataset,
        validation=split.validation,
        trainer=LeafRegression(label="late", weight="weight"),
        space={
            "boosting.rounds": Integer(20, 60),
            "boosting.depth": Integer(3, 6),
            "boosting.learning_rate": LogUniform(0.03, 0.3),
            "optimizer.alpha": LogUniform(0.001, 0.03),
        },
        trials="{{ params.trials }}",
        searcher="{{ params.searcher }}",
        refit=False,  # The stages below train with what it finds.
    )
    leaves = GBDTEncodeOperator(
        task_id="leaves", dataset=encode.dataset, label="late", weight="weight", boosting=sweep.boosting
    )
    train = PSTrainOperator(
        task_id="train",
        dataset=leaves.dataset,
        validation=split.validation,
        label="late",
        weight="weight",
        optimizer=sweep.optimizer,
    )
    evaluate = EvaluateOperator(
        task_id="evaluate",
        model=train.model,
        dataset=split.test,
        label="late",
        baseline=split.train,
        baseline_by=["carrier", "hour"],
    )
    predict = PredictOperator(task_id="predict", model=train.model, dataset=split.test, key=["flight_id"])
    deploy = BentoMLDeployOperator(
        task_id="deploy", model=train.model, name="flight-delay", require=evaluate.report["auc"] > 0.65
    )
    served = DeploymentSensor(task_id="served", deployment=deploy.deployment)
    compare = CompareOnlineOperator(
        task_id="compare",
        deployment=served.served,
        predictions=predict.dataset,
        dataset=split.test,
        key=["flight_id"],
    )
