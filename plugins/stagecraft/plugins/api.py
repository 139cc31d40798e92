"""What the tab asks the API server for. Every route checks that the caller may read the task instance."""

from __future__ import annotations

import json
import logging
import math
import time
from pathlib import Path
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from fastapi import Depends, FastAPI, HTTPException, Query, status
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel
from sqlalchemy import or_, select

from stagecraft.artifacts.artifact import Reference
from stagecraft.artifacts.report import Report
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError, StagecraftError
from stagecraft.hooks.store import StoreHook
from stagecraft.tracking.folder import tracking_folder
from stagecraft.tracking.reader import read_events

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
UPLOT = "uplot-1.6.32"
FILES = {
    "live.js": "text/javascript",
    "chart.js": "text/javascript",
    "series.js": "text/javascript",
    "sweep.js": "text/javascript",
    "sweep_view.js": "text/javascript",
    "sweep_charts.js": "text/javascript",
    "parallel.js": "text/javascript",
    "trial_table.js": "text/javascript",
    "live.css": "text/css",
    "sweep.css": "text/css",
    f"{UPLOT}/uPlot.esm.js": "text/javascript",
    f"{UPLOT}/uPlot.min.css": "text/css",
    f"{UPLOT}/LICENSE": "text/plain",
}
REPORT = "report"
PAGE_BYTES = 1 << 20
STORE_SECONDS = 30.0

READ_TASK = Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE))
READ_XCOM = Depends(requires_access_dag("GET", DagAccessEntity.XCOM))

DagId = Annotated[str, PathParameter(pattern=r"^[\w.-]+$")]
MapIndex = Annotated[int, Query(ge=-1)]

app = FastAPI(
    title="Stagecraft", dependencies=[Depends(get_user)], docs_url=None, redoc_url=None, openapi_url=None
)


class Events(BaseModel):
    """Events and records since the cursor that was given.

    :param state: the task instance's, None before it is scheduled
    :param reports: the XComs of the reports that the task instance, or a step of it, has made
    :param complete: whether there is nothing more to read at once
    """

    events: list[dict[str, int | float | str]]
    records: list[dict[str, Any]]
    cursor: str
    complete: bool
    state: str | None
    reports: list[str]


@app.get("/dags/{dag_id}/live", dependencies=[READ_TASK])
def live(dag_id: DagId) -> FileResponse:
    """The tab's page; which run and task it shows stands in the query, which its script reads."""
    return FileResponse(
        STATIC / "live.html",
        media_type="text/html",
        headers={"Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'"},
    )


@app.get("/dags/{dag_id}/events", dependencies=[READ_TASK])
def events(
    dag_id: DagId, run_id: str, task_id: str, session: SessionDep, map_index: MapIndex = -1, after: str = ""
) -> Events:
    """The events and records of a task instance since the cursor ``after``, one mebibyte of them at most."""
    found = session.execute(
        select(TaskInstance.state).where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.run_id == run_id,
            TaskInstance.task_id == task_id,
            TaskInstance.map_index == map_index,
        )
    ).one_or_none()
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such task instance")
    folder = tracking_folder(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index)
    store = _store(session, dag_id, run_id, task_id, map_index)
    try:
        page = read_events(store, folder, after=after, limit=PAGE_BYTES)
    except InvalidInputError as error:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, str(error)) from error
    except (OSError, ImportError) as error:
        raise _store_failed(error) from error
    return Events(
        events=[event.record() for event in page.events],
        records=[record._asdict() for record in page.records],
        cursor=page.cursor,
        complete=page.complete,
        state=found.state,
        reports=sorted(_reports(session, dag_id, run_id, task_id, map_index)),
    )


@app.get("/dags/{dag_id}/report", dependencies=[READ_TASK, READ_XCOM])
def report(
    dag_id: DagId, run_id: str, task_id: str, session: SessionDep, map_index: MapIndex = -1, key: str = REPORT
) -> HTMLResponse:
    """The page of a report that a task instance made, by the key of its XCom."""
    reference = _reports(session, dag_id, run_id, task_id, map_index).get(key)
    if reference is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "The task has made no report")
    store = _store(session, dag_id, run_id, task_id, map_index)
    try:
        artifact = store.open(reference.fingerprint)
        if not isinstance(artifact, Report):
            raise HTTPException(status.HTTP_404_NOT_FOUND, "The task has made no report")
        html = artifact.html()
    except (StagecraftError, OSError, ImportError) as error:
        raise _store_failed(error) from error
    # A job wrote this page: it gets no part in the reader's session.
    return HTMLResponse(
        html,
        headers={
            "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; img-src data:; "
            "font-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        },
    )


@app.get("/static/{name:path}")
def static(name: str) -> FileResponse:
    """A file of the page, for any user who is signed in."""
    if name not in FILES:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such file")
    return FileResponse(
        STATIC / name, media_type=FILES[name], headers={"Cache-Control": "private, max-age=300"}
    )


def _reports(
    session: SessionDep, dag_id: str, run_id: str, task_id: str, map_index: int
) -> dict[str, Reference]:
    """Return the references in the task instance's XComs ``report`` and ``<step>.report``."""
    rows = session.execute(
        select(XComModel.key, XComModel.value).where(
            XComModel.dag_id == dag_id,
            XComModel.run_id == run_id,
            XComModel.task_id == task_id,
            XComModel.map_index == map_index,
            or_(XComModel.key == REPORT, XComModel.key.endswith(f".{REPORT}", autoescape=True)),
        )
    )
    return {key: reference for key, value in rows if (reference := _reference(value))}


def _reference(value: Any) -> Reference | None:
    """Return the reference in an XCom's value, or None where there is none of ours."""
    try:
        reference = Reference.model_validate(json.loads(value) if isinstance(value, str) else value)
    except ValueError:
        return None
    # The fingerprint becomes a path.
    return reference if reference.fingerprint.isalnum() else None


def _store_failed(error: Exception) -> HTTPException:
    log.warning("Stagecraft: the artifact store does not answer: %s", error, exc_info=True)
    return HTTPException(
        status.HTTP_503_SERVICE_UNAVAILABLE,
        f"The artifact store does not answer ({type(error).__name__}); the API server's log says more",
    )


_known: dict[str, tuple[float, Store]] = {}


def _store(session: SessionDep, dag_id: str, run_id: str, task_id: str, map_index: int) -> Store:
    """Return the task instance's store, looking its connection up twice a minute rather than at every poll.

    Which connection that is stands in the operator's rendered field ``store_conn_id``.
    """
    fields = session.scalar(
        select(RenderedTaskInstanceFields.rendered_fields).where(
            RenderedTaskInstanceFields.dag_id == dag_id,
            RenderedTaskInstanceFields.run_id == run_id,
            RenderedTaskInstanceFields.task_id == task_id,
            RenderedTaskInstanceFields.map_index == map_index,
        )
    )
    conn_id = str((fields or {}).get("store_conn_id") or StoreHook.default_conn_name)
    found_at, store = _known.get(conn_id, (-math.inf, None))
    if store is None or time.monotonic() - found_at > STORE_SECONDS:
        try:
            store = StoreHook(conn_id).store()
        except (StagecraftError, AirflowNotFoundException) as error:
            raise _store_failed(error) from error
        _known[conn_id] = time.monotonic(), store
    return store
