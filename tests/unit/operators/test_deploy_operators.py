"""How the operators of deployment read in a DAG."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.store import Store
from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.hooks.serving import Endpoint, ServingHook
from stagecraft.operators.bentoml_deploy import BentoMLDeployOperator
from stagecraft.operators.bentoml_promote import BentoMLPromoteOperator
from stagecraft.operators.bentoml_unload import BentoMLUnloadOperator
from stagecraft.operators.compare_online import CompareOnlineOperator
from stagecraft.operators.output import Output, ReportOutput
from stagecraft.provider_info import get_provider_info
from stagecraft.sensors.deployment import DeploymentSensor
from stagecraft.triggers.deployment import DeploymentTrigger

pytestmark = pytest.mark.usefixtures("fires_at_once")


def test_data_flow_makes_the_dependencies() -> None:
    with DAG("flight_delay") as dag:
        train, evaluate, predict = (EmptyOperator(task_id=name) for name in ("train", "evaluate", "predict"))
        live = BentoMLDeployOperator(
            task_id="deploy",
            model=Output(train, "model", Kind.MODEL),
            name="flight-delay",
            require=ReportOutput(evaluate)["auc"] > 0.65,
        )
        served = DeploymentSensor(task_id="served", deployment=live.deployment)
        compared = CompareOnlineOperator(
            task_id="compare",
            deployment=live.deployment,
            predictions=Output(predict, "dataset", Kind.DATASET),
            dataset=Output(train, "dataset", Kind.DATASET),
            key="flight_id",
        )
    assert dag.get_task("deploy").upstream_task_ids == {"train", "evaluate"}
    assert served.upstream_task_ids == {"deploy"}
    assert compared.upstream_task_ids == {"deploy", "predict", "train"}


def test_a_canary_is_promoted_once_it_is_served() -> None:
    with DAG("flight_delay") as dag:
        train = EmptyOperator(task_id="train")
        canary = BentoMLDeployOperator(
            task_id="canary", model=Output(train, "model", Kind.MODEL), name="flight-delay", canary=10
        )
        served = DeploymentSensor(task_id="served", deployment=canary.deployment)
        promote = BentoMLPromoteOperator(task_id="promote", deployment=served.served)
        BentoMLUnloadOperator(task_id="unload", name="flight-delay", version="old")
        DeploymentSensor(task_id="live", deployment=promote.promoted)
    assert dag.get_task("promote").upstream_task_ids == {"served"}
    assert dag.get_task("live").upstream_task_ids == {"promote"}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"canary": 10, "shadow": True}, r"task deploy: deploy\.shadow: a canary cannot be a shadow"),
        ({"canary": 10, "alias": None}, r"deploy\.alias: None"),
        ({"bounds": {"psi": 0.2}, "alias": None}, r"deploy\.alias: None"),
    ],
)
def test_what_cannot_go_together_is_refused_when_the_dag_is_parsed(
    fields: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        BentoMLDeployOperator(task_id="deploy", model={}, name="x", **fields)


def test_the_wrong_kind_is_refused_when_the_dag_is_parsed() -> None:
    with DAG("flight_delay"):
        train = EmptyOperator(task_id="train")
        dataset, report = Output(train, "dataset", Kind.DATASET), ReportOutput(train)
        with pytest.raises(
            InvalidInputError, match=r"task deploy: deploy\.model: train\.dataset \(dataset\)"
        ):
            BentoMLDeployOperator(task_id="deploy", model=dataset, name="x")
        with pytest.raises(InvalidInputError, match=r"compare_online\.predictions: train\.report \(report\)"):
            CompareOnlineOperator(
                task_id="compare", deployment={}, predictions=report, dataset=dataset, key=["id"]
            )


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"host": "127.0.0.1", "port": 3000}, "http://127.0.0.1:3000"),
        ({"host": "predict.example.com", "schema": "https"}, "https://predict.example.com"),
        ({"host": "::1", "port": 3000}, "http://[::1]:3000"),
    ],
)
def test_the_connection_is_an_address(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], url: str
) -> None:
    connect(monkeypatch, fields)
    assert ServingHook().endpoint.url == url


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"host": "127.0.0.1", "schema": "ftp"}, r"schema: the value 'ftp'.*http or https"),
        ({"host": "http://127.0.0.1"}, r"host: the value 'http://127\.0\.0\.1'"),
        ({}, "host: the value ''"),
    ],
)
def test_a_connection_of_no_use_is_refused(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], complaint: str
) -> None:
    connect(monkeypatch, fields)
    with pytest.raises(InvalidInputError, match=complaint):
        _ = ServingHook().endpoint
    passed, message = ServingHook().test_connection()
    assert not passed
    assert "host" in message or "schema" in message


def test_a_deployment_of_another_service_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    connect(monkeypatch, {"host": "127.0.0.1", "port": 9})
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_STORE", json.dumps({"conn_type": "x", "host": str(tmp_path)}))
    deployment = {"name": "late", "version": "a", "generation": 1, "url": "http://staging:3000"}
    both = r"conn_id: .*http://127\.0\.0\.1:9, .*http://staging:3000"
    with pytest.raises(InvalidInputError, match=both):
        DeploymentSensor(task_id="served", deployment=deployment).poke({})  # type: ignore[typeddict-item]
    with pytest.raises(InvalidInputError, match=both):
        CompareOnlineOperator(
            task_id="compare", deployment=deployment, predictions={}, dataset={}, key="id"
        ).execute({})  # type: ignore[typeddict-item]
    trigger = DeploymentTrigger(deployment, ServingHook.default_conn_name, 0.01)

    async def fires() -> dict[str, Any]:
        return (await anext(trigger.run())).payload

    event = asyncio.run(asyncio.wait_for(fires(), 30))
    assert not event["served"]
    assert "http://staging:3000" in event["error"]


@pytest.mark.parametrize(
    "value", [{"kind": "model"}, {"kind": "report", "fingerprint": "a", "uri": "a"}, None]
)
def test_what_is_no_model_is_not_deployed(value: Any) -> None:
    operator = BentoMLDeployOperator(task_id="deploy", model=value, name="x")
    with pytest.raises(InvalidInputError, match=r"task deploy: deploy\.model: "):
        operator.execute({})  # type: ignore[typeddict-item]


def test_a_damaged_dataset_is_not_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    connect(monkeypatch, {"host": "127.0.0.1", "port": 9})
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_STORE", json.dumps({"conn_type": "x", "host": str(tmp_path)}))
    store = Store(str(tmp_path))
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": [1], "score": [0.5]}), sink)
    sound, damaged = (store.draft(Kind.DATASET, digit * 32, lineage={}) for digit in "ab")
    for draft in (sound, damaged):
        draft.write("part-0.parquet", sink.getvalue())
        draft.meta.update(rows=1, columns={"id": "int64", "score": "double"})
    made = [draft.commit() for draft in (sound, damaged)]
    store.write(made[1].file_uri("part-0.parquet"), sink.getvalue() + b" ")
    good, bad = (artifact.reference.model_dump(mode="json") for artifact in made)
    deployment = {"name": "late", "version": "a", "generation": 1, "url": "http://127.0.0.1:9"}
    for dataset, predictions in ((good, bad), (bad, good)):
        operator = CompareOnlineOperator(
            task_id="compare", deployment=deployment, dataset=dataset, predictions=predictions, key="id"
        )
        with pytest.raises(CorruptArtifactError, match="checksum"):
            operator.execute({})  # type: ignore[typeddict-item]


def test_the_token_is_never_shown() -> None:
    assert "secret" not in repr(Endpoint("http://127.0.0.1", "secret"))


def test_the_connection_has_a_form() -> None:
    (entry,) = (
        entry
        for entry in get_provider_info()["connection-types"]
        if entry["connection-type"] == ServingHook.conn_type
    )
    assert entry["hook-class-name"] == f"{ServingHook.__module__}.{ServingHook.__name__}"
    assert entry["hook-name"] == ServingHook.hook_name


def connect(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_STAGECRAFT_SERVING", json.dumps({"conn_type": "stagecraft_serving", **fields})
    )
