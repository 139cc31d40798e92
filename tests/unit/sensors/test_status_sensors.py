"""Sensors of a service's status: what they wait for, and how they defer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from stagecraft.errors import UnreachableError
from stagecraft.hooks.serving import ServingHook
from stagecraft.sensors.drift import DriftSensor
from stagecraft.sensors.model_version import ModelVersionSensor
from stagecraft.serving.conditions import drifted, new_version
from stagecraft.triggers.status import StatusTrigger

pytestmark = pytest.mark.usefixtures("fires_at_once")

STATUS = {
    "generation": 5,
    "models": {
        "late": {"aliases": {"default": {"version": "b"}, "champion": {"version": "a"}}},
    },
    "expected_workers": 2,
    "workers": [
        {"drift": {"late": {"b": {"wind": 0.3, "rain": 0.05}, "a": {"wind": 0.9}}}},
        {"drift": {"late": {"b": {"wind": 0.4, "rain": 0.25}}}},
        {},
    ],
}


class Task:
    """What a sensor pushes."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, *, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ServingHook, "status", lambda self: STATUS)


def test_a_version_is_new_once_it_is_another() -> None:
    assert new_version(STATUS, name="late", after="b") is None
    assert new_version(STATUS, name="later") is None
    assert new_version(STATUS, name="late", alias="canary") is None
    found = new_version(STATUS, name="late", alias="champion", after="b")
    assert found == {"name": "late", "version": "a", "generation": 5}


def test_drift_is_the_largest_that_a_worker_saw() -> None:
    found = drifted(STATUS, name="late", psi=0.2)
    assert found == {"name": "late", "version": "b", "columns": {"wind": 0.4, "rain": 0.25}}
    assert drifted(STATUS, name="late", psi=0.2, columns=["rain"])["columns"] == {"rain": 0.25}  # type: ignore[index]
    assert drifted(STATUS, name="late", psi=0.2, version="champion")["columns"] == {"wind": 0.9}  # type: ignore[index]
    assert drifted(STATUS, name="late", psi=0.5) is None
    assert drifted(STATUS, name="later", psi=0.1) is None


@pytest.mark.usefixtures("service")
def test_what_was_found_is_handed_on() -> None:
    for sensor, found in (
        (ModelVersionSensor(task_id="new", name="late", after="a"), {"version": "b"}),
        (DriftSensor(task_id="drift", name="late", psi="0.2"), {"version": "b"}),
    ):
        task = Task()
        sensor.execute({"ti": task})  # type: ignore[typeddict-item]
        assert task.pushed["found"].items() > found.items()


@pytest.mark.usefixtures("service")
def test_what_is_not_there_yet_is_waited_for_by_the_triggerer() -> None:
    sensor = DriftSensor(task_id="drift", name="late", psi=0.5, deferrable=True, poke_interval=3)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute({"ti": Task()})  # type: ignore[typeddict-item]
    path, arguments = deferred.value.trigger.serialize()
    assert path == "stagecraft.triggers.status.StatusTrigger"
    assert arguments == {
        "condition": "drifted",
        "arguments": {"name": "late", "version": "default", "psi": 0.5, "columns": None},
        "conn_id": "stagecraft_serving",
        "poke_interval": 3.0,
    }
    task = Task()
    sensor.execute_complete({"ti": task}, {"found": {"columns": {"wind": 0.6}}, "error": None})  # type: ignore[typeddict-item]
    assert task.pushed["found"] == {"columns": {"wind": 0.6}}
    with pytest.raises(AirflowFailException, match="the token"):
        sensor.execute_complete({"ti": task}, {"found": None, "error": "the token"})  # type: ignore[typeddict-item]


def test_a_service_that_does_not_answer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(self: ServingHook) -> Any:
        raise UnreachableError("nobody")

    monkeypatch.setattr(ServingHook, "status", nobody)
    assert not ModelVersionSensor(task_id="new", name="late").poke({})  # type: ignore[typeddict-item]


def test_the_trigger_fires_once_the_condition_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "stagecraft_serving", "host": "127.0.0.1", "port": 9}
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_SERVING", json.dumps(connection))
    answers = [UnreachableError("not yet"), {**STATUS, "models": {}}, STATUS]

    async def ask(*_: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("stagecraft.triggers.status.ask_status", ask)
    trigger = StatusTrigger("new_version", {"name": "late"}, "stagecraft_serving", 0.01)

    async def fires() -> Any:
        return (await anext(trigger.run())).payload

    event = asyncio.run(asyncio.wait_for(fires(), 30))
    assert event == {"found": {"name": "late", "version": "b", "generation": 5}, "error": None}
    assert not answers
