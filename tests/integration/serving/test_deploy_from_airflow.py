"""The hook, the operators, the sensor and its trigger, against a real service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError, UnreachableError
from stagecraft.hooks.serving import ServingHook
from stagecraft.operators.bentoml_deploy import BentoMLDeployOperator
from stagecraft.operators.bentoml_promote import BentoMLPromoteOperator
from stagecraft.operators.bentoml_roll_back import BentoMLRollBackOperator
from stagecraft.operators.bentoml_unload import BentoMLUnloadOperator
from stagecraft.operators.compare_online import CompareOnlineOperator
from stagecraft.sensors.deployment import DeploymentSensor
from stagecraft.sensors.model_version import ModelVersionSensor
from stagecraft.triggers.deployment import DeploymentTrigger

pytestmark = pytest.mark.usefixtures("fires_at_once")

TOKEN = "a-token-for-tests"


class Task:
    """What an operator pushes."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, *, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture(autouse=True)
def connections(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(name: str, uri: str) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", uri)

    address = f"127.0.0.1:{service.port}"
    connect("stagecraft_serving", f"stagecraft-serving://:{TOKEN}@{address}/http")
    connect("wrong_token", f"stagecraft-serving://:guess@{address}/http")
    connect("no_token", f"stagecraft-serving://{address}/http")
    connect("nobody", "stagecraft-serving://127.0.0.1:9/http")
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_STORE", f'{{"conn_type":"x","host":"{service.store.root}"}}')


@pytest.fixture(scope="module")
def model(service: Any, commit: Callable[..., Model]) -> Model:
    return commit(service.store, 30)


def deploy(model: Model, **more: Any) -> dict[str, Any]:
    task = Task()
    reference = model.reference.model_dump(mode="json")
    operator = BentoMLDeployOperator(task_id="deploy", model=reference, name="airflow", **more)
    operator.execute({"ti": task})  # type: ignore[typeddict-item]
    found: dict[str, Any] = task.pushed["deployment"]
    return found


def test_deploy_then_wait(service: Any, model: Model) -> None:
    deployment = deploy(model)
    assert deployment == {
        "name": "airflow",
        "version": model.fingerprint[:12],
        "generation": deployment["generation"],
        "url": service.url,
    }
    assert deploy(model) == deployment
    service.wait(deployment["generation"])
    sensor = DeploymentSensor(task_id="wait", deployment=deployment)
    assert sensor.poke({})  # type: ignore[typeddict-item]
    later = {**deployment, "generation": deployment["generation"] + 1}
    assert not DeploymentSensor(task_id="later", deployment=later).poke({})  # type: ignore[typeddict-item]
    gone = {**deployment, "version": "gone"}
    with pytest.raises(AirflowFailException, match="no longer served"):
        DeploymentSensor(task_id="gone", deployment=gone).poke({})  # type: ignore[typeddict-item]


def test_the_sensor_defers_and_its_trigger_fires(service: Any, model: Model) -> None:
    deployment = deploy(model)
    ahead = {**deployment, "generation": deployment["generation"] + 1}
    sensor = DeploymentSensor(task_id="wait", deployment=ahead, deferrable=True, poke_interval=0.05)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute({})  # type: ignore[typeddict-item]
    path, arguments = deferred.value.trigger.serialize()
    assert path == "stagecraft.triggers.deployment.DeploymentTrigger"

    async def fires() -> Any:
        waiting = asyncio.ensure_future(anext(DeploymentTrigger(**arguments).run()))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await asyncio.to_thread(service.deploy, "one-more", model)
        return (await asyncio.wait_for(waiting, 30)).payload

    event = asyncio.run(fires())
    assert event == {"served": True, "error": None}
    task = Task()
    sensor.execute_complete({"ti": task}, event)  # type: ignore[typeddict-item]
    assert task.pushed["deployment"] == ahead
    gone = DeploymentTrigger({**deployment, "version": "gone"}, "stagecraft_serving", 0.05)
    event = asyncio.run(anext(gone.run())).payload
    assert "no longer served" in event["error"]
    with pytest.raises(AirflowFailException, match="no longer served"):
        sensor.execute_complete({}, event)  # type: ignore[typeddict-item]


def run(operator: Any) -> dict[str, Any]:
    task = Task()
    operator.execute({"ti": task})
    found: dict[str, Any] = task.pushed.get("deployment", {})
    return found


def test_canary_promote_roll_back_unload(
    service: Any, model: Model, commit: Callable[..., Model], flights: Any, expected: Any
) -> None:
    from stagecraft.serving.rows import rows_of

    first, second = model.fingerprint[:12], "second"
    other = commit(service.store, 31).reference.model_dump(mode="json")
    rows = rows_of(flights(1))

    def answering() -> set[str]:
        service.wait(service.status()["generation"])
        body = {"model": "path", "rows": rows}
        return {service.predict(**body).json()["version"] for _ in range(60)}

    def publish(model: Any, version: str, **more: Any) -> dict[str, Any]:
        return run(BentoMLDeployOperator(task_id="x", model=model, name="path", version=version, **more))

    reference = model.reference.model_dump(mode="json")
    assert publish(reference, first, canary=50)["version"] == first  # The first one answers for all.
    assert answering() == {first}
    canary = publish(other, second, canary=50, bounds={"error_rate": 0.5})
    assert publish(other, second, canary=50, bounds={"error_rate": 0.5}) == canary
    assert answering() == {first, second}
    assert DeploymentSensor(task_id="served", deployment=canary).poke({})  # type: ignore[typeddict-item]
    by_key = [
        {ServingHook().predict(model="path", rows=rows, key=f"user-{key}")["version"] for _ in range(4)}
        for key in range(12)
    ]
    assert {len(versions) for versions in by_key} == {1}  # In whichever worker.
    assert set.union(*by_key) == {first, second}
    rule = service.status()["models"]["path"]["aliases"]["default"]
    assert rule["split"] == {second: 50}
    assert rule["bounds"] == {"error_rate": 0.5}

    promoted = run(BentoMLPromoteOperator(task_id="promote", deployment=canary))
    assert promoted["generation"] > canary["generation"]
    assert answering() == {second}
    back = run(BentoMLRollBackOperator(task_id="back", name="path"))
    assert back["version"] == first
    assert answering() == {first}
    with pytest.raises(InvalidInputError, match="nothing else before"):
        run(BentoMLRollBackOperator(task_id="back", name="path"))
    assert run(BentoMLRollBackOperator(task_id="back", name="path", version=second))["version"] == second

    publish(reference, first, shadow=True)
    assert service.status()["models"]["path"]["aliases"]["default"]["shadow"] == first
    assert answering() == {second}
    with pytest.raises(InvalidInputError, match="is the default"):
        run(BentoMLUnloadOperator(task_id="unload", name="path", version=first))
    assert run(BentoMLRollBackOperator(task_id="back", name="path"))["version"] == second
    for _ in range(2):
        run(BentoMLUnloadOperator(task_id="unload", name="path", version=first))
    assert service.status()["models"]["path"]["versions"] == [second]
    new = ModelVersionSensor(task_id="new", name="path", after=first)
    assert new.poke({})  # type: ignore[typeddict-item]
    run(BentoMLUnloadOperator(task_id="unload", name="path"))
    assert "path" not in service.status()["models"]
    service.wait(service.status()["generation"])
    assert all("path" not in worker["models"] for worker in service.status()["workers"])


def test_a_requirement_that_does_not_hold_deploys_nothing(service: Any, model: Model) -> None:
    before = service.status()
    required = {"metric": "auc", "op": ">", "bound": 0.65, "value": 0.61, "holds": False}
    with pytest.raises(AirflowFailException, match=r"auc > 0.65, and it is 0.61"):
        deploy(model, require=required, version="x")
    assert service.status() == before
    deploy(model, require={**required, "value": 0.7, "holds": True})


def test_every_row_is_compared(service: Any, model: Model, flights: Any, expected: Any, caplog: Any) -> None:
    deployment = deploy(model)
    service.wait(deployment["generation"])
    rows = flights(250, seed=3)
    scores = expected(model, rows)
    predictions = rows.select(["flight_id"])

    def compare(scores: list[float], count: int = 250) -> None:
        table = predictions.append_column("score", [scores]).slice(0, count)
        CompareOnlineOperator(
            task_id="compare",
            deployment=deployment,
            predictions=_dataset(service.store, table).reference.model_dump(mode="json"),
            dataset=_dataset(service.store, rows).reference.model_dump(mode="json"),
            key=["flight_id"],
            batch_rows=100,
        ).execute({})  # type: ignore[typeddict-item]

    compare(scores)
    with pytest.raises(AirflowFailException, match=r"'flight_id': 7,.*"):
        compare([score + 1e-4 * (number == 7) for number, score in enumerate(scores)])
    with pytest.raises(AirflowFailException, match=r"1 rows have no partner, such as {'flight_id': 249}"):
        compare(scores, count=249)


def test_connections_are_tested_for_real(service: Any) -> None:
    assert ServingHook().test_connection()[0]
    for name, said in (("wrong_token", "token"), ("nobody", "does not answer")):
        passed, message = ServingHook(name).test_connection()
        assert not passed
        assert said in message
        assert "guess" not in message
    passed, message = ServingHook("no_token").test_connection()
    assert passed
    assert "nothing can be deployed" in message


def test_refusals_are_told_apart(service: Any, model: Model) -> None:
    with pytest.raises(InvalidInputError, match="token"):
        deploy(model, conn_id="no_token")
    with pytest.raises(UnreachableError, match="nobody"):
        deploy(model, conn_id="nobody")
    with pytest.raises(InvalidInputError, match="no model called"):
        ServingHook().predict(model="unheard of", rows=[{}])


def _dataset(store: Any, table: Any) -> Dataset:
    import hashlib
    import io

    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink)
    digest = hashlib.sha256(sink.getvalue()).hexdigest()[:32]
    draft = store.draft(Kind.DATASET, digest, lineage={})
    draft.write("part-0.parquet", sink.getvalue())
    draft.meta.update(rows=table.num_rows, columns={field.name: str(field.type) for field in table.schema})
    made: Dataset = draft.commit()
    return made
