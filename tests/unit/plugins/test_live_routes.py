"""The tab's routes, with Airflow's own auth manager and models over an empty database."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from airflow import settings
from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.store import Store
from stagecraft.plugins import StagecraftPlugin, api
from stagecraft.tracking.folder import tracking_folder
from stagecraft.tracking.writer import Tracker

RUN = "manual__2013-01-01T00:00:00+00:00"
EVENTS = f"/stagecraft/dags/flights/events?run_id={quote(RUN, safe='')}&task_id=train"
ROUTES = [
    EVENTS,
    f"/stagecraft/dags/flights/live?run_id={RUN}&task_id=train",
    EVENTS.replace("/events", "/report"),
]
FINGERPRINT = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import_all_models()
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('database') / 'airflow.db'}")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.execute(
            TaskInstance.__table__.insert(),
            {
                "id": uuid.uuid4(), "dag_id": "flights", "run_id": RUN, "task_id": "train", "map_index": -1,
                "pool": "default_pool", "pool_slots": 1, "try_number": 1, "state": "running",
            },
        )  # fmt: skip
        session.commit()
    return engine


@pytest.fixture
def store(tmp_path: Path, engine: Any, monkeypatch: pytest.MonkeyPatch) -> Store:
    sessions = sessionmaker(bind=engine, expire_on_commit=False)
    monkeypatch.setattr(settings, "NonScopedSession", sessions)
    monkeypatch.setattr(settings, "Session", scoped_session(sessions))
    connection = {"conn_type": "stagecraft_store", "host": str(tmp_path / "store")}
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_STORE", json.dumps(connection))
    monkeypatch.setattr(api, "_known", {})
    return Store(str(tmp_path / "store"))


@pytest.fixture
def client(store: Store) -> TestClient:
    """The plugin mounted as Airflow mounts it, called by nobody."""
    app = FastAPI()
    for mounted in StagecraftPlugin.fastapi_apps:
        app.mount(mounted["url_prefix"], mounted["app"])
    return TestClient(app)


def bearer(role: str | None) -> dict[str, str]:
    user = SimpleAuthManagerUser(username="someone", role=role)
    return {"Authorization": f"Bearer {create_auth_manager().generate_jwt(user)}"}


@pytest.fixture
def viewer(client: TestClient) -> TestClient:
    client.headers.update(bearer("viewer"))
    return client


@pytest.fixture
def tracker(store: Store) -> Iterator[Tracker]:
    with Tracker(store, tracking_folder(dag_id="flights", run_id=RUN, task_id="train")) as tracker:
        yield tracker


@pytest.fixture
def push_report(engine: Any) -> Iterator[Any]:
    def push(reference: object, key: str = "report") -> None:
        with Session(engine) as session:
            session.execute(
                XComModel.__table__.insert(),
                {
                    "dag_run_id": 1, "dag_id": "flights", "run_id": RUN, "task_id": "train", "map_index": -1,
                    "key": key, "value": json.dumps(reference), "timestamp": datetime.now(UTC),
                },
            )  # fmt: skip
            session.commit()

    yield push
    with Session(engine) as session:
        session.execute(XComModel.__table__.delete())
        session.commit()


@pytest.mark.parametrize("route", [*ROUTES, *(f"/stagecraft/static/{name}" for name in api.FILES)])
def test_no_route_answers_a_stranger(client: TestClient, route: str) -> None:
    create_auth_manager()
    assert client.get(route).status_code == 401
    assert client.get(route, headers={"Authorization": "Bearer nonsense"}).status_code == 403
    assert client.get(route, headers={"Cookie": "_token=nonsense"}).status_code == 403


@pytest.mark.parametrize("route", ROUTES)
def test_a_user_without_the_right_is_refused(client: TestClient, route: str) -> None:
    assert client.get(route, headers=bearer(None)).status_code == 403
    assert client.get(route, headers=bearer("viewer")).status_code in (200, 404)


def test_every_route_is_in_these_tests() -> None:
    assert {route.path for route in api.app.routes} == {  # type: ignore[attr-defined]
        "/dags/{dag_id}/live", "/dags/{dag_id}/events", "/dags/{dag_id}/report", "/static/{name:path}",
    }  # fmt: skip


def test_events_come_since_the_cursor(viewer: TestClient, tracker: Tracker) -> None:
    tracker.log(1, loss=0.5, auc=math.nan)
    tracker.record("trial", {"number": 3, "curve": [[1, 0.5]]})
    first = viewer.get(EVENTS).json()
    assert [(event["step"], event["name"], event["value"]) for event in first["events"]] == [
        (1, "loss", 0.5),
        (1, "auc", "NaN"),
    ]
    assert (first["state"], first["complete"], first["reports"]) == ("running", True, [])
    assert [(record["name"], record["data"]) for record in first["records"]] == [
        ("trial", {"number": 3, "curve": [[1, 0.5]]})
    ]
    tracker.log(2, loss=0.25)
    second = viewer.get(EVENTS, params={"after": first["cursor"], **query()}).json()
    assert [event["step"] for event in second["events"]] == [2]
    assert second["records"] == []


def query() -> dict[str, str]:
    return {"run_id": RUN, "task_id": "train"}


def test_a_task_that_tracked_nothing_has_no_events(viewer: TestClient) -> None:
    answer = viewer.get(EVENTS)
    assert (answer.status_code, answer.json()["events"], answer.json()["cursor"]) == (200, [], "")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"task_id": "other"}, 404),
        ({"run_id": "../../" + RUN}, 404),
        ({"task_id": "../train"}, 404),
        ({"map_index": "0"}, 404),
        ({"map_index": "-2"}, 422),
        ({"map_index": "../1"}, 422),
        ({"after": "../../etc/passwd"}, 400),
    ],
)
def test_crafted_queries_are_refused(viewer: TestClient, change: dict[str, str], status: int) -> None:
    answer = viewer.get("/stagecraft/dags/flights/events", params=query() | change)
    assert answer.status_code == status
    assert "detail" in answer.json()


@pytest.mark.parametrize("dag_id", ["..%2F..", "%2E%2E%2Fflights", "~", "a%00b", "a%5Cb"])
def test_crafted_dag_ids_are_refused(viewer: TestClient, dag_id: str) -> None:
    assert viewer.get(f"/stagecraft/dags/{dag_id}/events", params=query()).status_code in (404, 422)


@pytest.mark.parametrize(
    "name", ["../api.py", "..%2Fapi.py", "%2E%2E/api.py", "uplot-1.6.32/../../api.py", "live.html", ""]
)
def test_static_serves_its_own_files_alone(viewer: TestClient, name: str) -> None:
    assert viewer.get(f"/stagecraft/static/{name}").status_code == 404


def test_the_page_and_what_it_loads_are_served(viewer: TestClient) -> None:
    page = viewer.get(ROUTES[1])
    assert page.status_code == 200
    assert "://" not in page.text
    for name, kind in api.FILES.items():
        answer = viewer.get(f"/stagecraft/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
    shipped = {str(path.relative_to(api.STATIC)) for path in api.STATIC.rglob("*") if path.is_file()}
    assert shipped == {*api.FILES, "live.html"}


def test_a_store_that_does_not_answer_is_said(
    viewer: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_STORE", json.dumps({"conn_type": "x", "host": "relative"}))
    answer = viewer.get(EVENTS)
    assert answer.status_code == 503
    assert "store does not answer" in answer.json()["detail"]


def test_the_store_is_the_one_of_the_operator(
    viewer: TestClient, engine: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task = {"dag_id": "flights", "run_id": RUN, "task_id": "train", "map_index": -1}
    with Session(engine) as session:
        session.execute(
            RenderedTaskInstanceFields.__table__.insert(),
            {**task, "rendered_fields": {"store_conn_id": "team_store"}},
        )
        session.commit()
    try:
        assert viewer.get(EVENTS).status_code == 503
        connection = {"conn_type": "stagecraft_store", "host": str(tmp_path / "team")}
        monkeypatch.setenv("AIRFLOW_CONN_TEAM_STORE", json.dumps(connection))
        with Tracker(Store(str(tmp_path / "team")), tracking_folder(**task)) as tracker:  # type: ignore[arg-type]
            tracker.log(7, loss=0.5)
        assert [event["step"] for event in viewer.get(EVENTS).json()["events"]] == [7]
    finally:
        with Session(engine) as session:
            session.execute(RenderedTaskInstanceFields.__table__.delete())
            session.commit()


def test_the_report_is_served_without_a_part_in_the_session(
    viewer: TestClient, store: Store, push_report: Any
) -> None:
    draft = store.draft(Kind.REPORT, FINGERPRINT, lineage={"stage": "evaluate"})
    draft.write("report.html", b"<h1>AUC 0.7</h1>")
    reference = draft.commit().reference.model_dump(mode="json")
    push_report(reference, "judge.report")  # Of a step of a group.
    push_report(reference, "no_report")
    assert viewer.get(EVENTS).json()["reports"] == ["judge.report"]
    assert viewer.get(ROUTES[2]).status_code == 404
    assert viewer.get(f"{ROUTES[2]}&key=no_report").status_code == 404
    assert viewer.get(f"{ROUTES[2]}&key=judge.report").status_code == 200
    push_report(reference)
    assert viewer.get(EVENTS).json()["reports"] == ["judge.report", "report"]
    answer = viewer.get(ROUTES[2])
    assert (answer.status_code, answer.text) == (200, "<h1>AUC 0.7</h1>")
    assert answer.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")


@pytest.mark.parametrize(
    "reference",
    [
        {"kind": "report", "fingerprint": "../../elsewhere", "uri": "x"},
        {"kind": "report", "fingerprint": "", "uri": "x"},
        {"some": "thing"},
        "text",
        None,
    ],
)
def test_an_xcom_that_is_no_reference_is_no_report(
    viewer: TestClient, push_report: Any, reference: object
) -> None:
    push_report(reference)
    assert viewer.get(EVENTS).json()["reports"] == []
    assert viewer.get(ROUTES[2]).status_code == 404


def test_the_plugin_loads_nothing_of_the_api() -> None:
    """Plugins load in every task, where the API's modules would cost seconds."""
    program = (
        "import sys, airflow.sdk; before = set(sys.modules); import stagecraft.plugins;"
        "new = set(sys.modules) - before;"
        "print([m for m in new if m.split('.')[0] in ('fastapi', 'starlette', 'sqlalchemy', 'fsspec')"
        " or m.startswith(('airflow.api_fastapi', 'airflow.models', 'stagecraft.hooks'))])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip().splitlines()[-1] == "[]"
