"""Speaks to a local Airflow by REST."""

from __future__ import annotations

import configparser
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stagecraft.errors import StagecraftError

ENDED = ("success", "failed")
PATIENCE = 30
"""Seconds for which a question that gets no answer is asked again: a locked database, a busy machine."""


class AirflowError(StagecraftError, RuntimeError):
    """The local Airflow did not start, or died, or refused a request."""


class RestError(AirflowError):
    """Airflow answered with an error; ``status`` is its HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class AirflowClient:
    """The REST API of the local Airflow whose home this is, started here or elsewhere.

    :param home: its AIRFLOW_HOME, where its port and the users' passwords are found
    :param users: as it was started with; where None everyone is admin, without a login
    """

    def __init__(self, home: Path, *, users: str | None = None) -> None:
        self.home, self.users = Path(home).absolute(), users
        self._tokens: dict[str | None, str] = {}

    def check_alive(self) -> None:
        """Refuse to wait for an Airflow that is known to be dead; here nothing is known."""

    @property
    def config(self) -> configparser.RawConfigParser:
        """Its airflow.cfg, empty before the first start."""
        config = configparser.RawConfigParser()
        config.read(self.home / "airflow.cfg")
        return config

    @property
    def url(self) -> str:
        """Where the UI is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port of the last start, 0 before the first."""
        return int(self.config.get("api", "port", fallback="0"))

    def health(self) -> dict[str, str | None]:
        """Return part → ``"healthy"``, ``"unhealthy"`` or None."""
        answer = self.rest("GET", "/api/v2/monitor/health", patience=0)
        return {part: state["status"] for part, state in answer.items() if state is not None}

    def wait_healthy(self, timeout: float = 300) -> None:
        """Wait until every part reports that it is healthy.

        :param timeout: seconds
        :raises AirflowError: the time is up
        """
        deadline = time.monotonic() + timeout
        found: object = "no answer yet"
        while time.monotonic() < deadline:
            self.check_alive()
            try:
                found = self.health()
            except (OSError, http.client.HTTPException, RestError) as error:
                found = error
            else:
                if all(state == "healthy" for state in found.values()):
                    return
            time.sleep(0.3)
        raise AirflowError(f"Airflow at {self.url} is not healthy in time, see {self.home / 'logs'}: {found}")

    def password(self, user: str) -> str:
        """Return the password that Airflow made for a user."""
        passwords = json.loads((self.home / "simple_auth_manager_passwords.json.generated").read_text())
        return str(passwords[user])

    def token(self, user: str | None = None, *, patience: float = PATIENCE) -> str:
        """Return a bearer token of a user, kept for the next call.

        :param user: one of ``users``, the first one where None
        :param patience: as :meth:`rest` takes it
        """
        if self.users is not None and user is None:
            user = self.users.partition(":")[0]
        if user not in self._tokens:
            if self.users is None:
                answer = self._request("GET", "/auth/token", patience=patience)
            else:
                body = {"username": user, "password": self.password(str(user))}
                answer = self._request("POST", "/auth/token", json=body)
            self._tokens[user] = answer["access_token"]
        return self._tokens[user]

    def rest(
        self,
        method: str,
        path: str,
        json: object = None,
        *,
        user: str | None = None,
        patience: float = PATIENCE,
    ) -> Any:
        """Send a request as a user; return the answer's JSON.

        A GET changes nothing: where the status is 500 or above, or no answer comes, it is sent again.

        :param path: from the server's root, as ``"/api/v2/dags"``
        :param json: the body
        :param patience: seconds after the first failure of a GET in which it is sent again
        :raises RestError: the status is 400 or above
        """
        token = self.token(user, patience=patience)
        return self._request(method, path, json=json, token=token, patience=patience)

    def _request(
        self, method: str, path: str, *, json: object = None, token: str | None = None, patience: float = 0
    ) -> Any:
        deadline: float | None = None
        while True:
            try:
                return request(f"{self.url}{path}", method=method, body=json, token=token)
            except (OSError, http.client.HTTPException, RestError) as error:
                if method != "GET" or (isinstance(error, RestError) and error.status < 500):
                    raise
                deadline = deadline or time.monotonic() + patience
                if time.monotonic() >= deadline:
                    raise
            self.check_alive()
            time.sleep(0.5)

    def unpause(self, dag_id: str, timeout: float = 90) -> None:
        """Let a DAG run; waits until Airflow has parsed it.

        :raises AirflowError: its file has an import error, or the time is up
        """
        deadline = time.monotonic() + timeout
        while True:
            self.check_alive()
            try:
                self.rest("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})
                return
            except RestError as error:
                if error.status != 404:
                    raise
            broken = self.rest("GET", "/api/v2/importErrors")["import_errors"]
            if broken:
                raise AirflowError(f"{broken[0]['filename']} cannot be imported:\n{broken[0]['stack_trace']}")
            if time.monotonic() > deadline:
                raise AirflowError(f"no DAG {dag_id!r} appears; are its files in the DAG folder?")
            time.sleep(0.5)

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run, without a logical date, and return its id."""
        body = {"logical_date": None, "conf": dict(conf or {})}
        return str(self.rest("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def run_url(self, dag_id: str, run_id: str) -> str:
        """The page of a run."""
        return f"{self.url}/dags/{dag_id}/runs/{run_id}"

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self.rest("GET", f"{_run(dag_id, run_id)}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run as Airflow describes them."""
        answer = self.rest("GET", f"{_run(dag_id, run_id)}/taskInstances?limit=100")
        return list(answer["task_instances"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """Return task (``"train"``, mapped ``"trial[2]"``) → state."""
        return {task_label(task): task["state"] for task in self.tasks(dag_id, run_id)}

    def wait(self, dag_id: str, run_id: str, timeout: float = 600) -> str:
        """Wait for a run's end; return ``"success"`` or ``"failed"``.

        :param timeout: seconds
        :raises AirflowError: the time is up, or a part of Airflow died
        """
        deadline = time.monotonic() + timeout
        while (state := self.run_state(dag_id, run_id)) not in ENDED:
            self.check_alive()
            if time.monotonic() > deadline:
                states = self.task_states(dag_id, run_id)
                raise AirflowError(f"{dag_id} {run_id} is {state} after {timeout:.0f} s: {states}")
            time.sleep(0.5)
        return state

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return what a task pushed."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.rest("GET", f"{path}?stringify=false")["value"]

    def task_log(
        self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1
    ) -> str:
        """Return the log of one try of a task as text, one line an event."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/logs/{try_number}"
        answer = self.rest("GET", f"{path}?map_index={map_index}&full_content=true")
        return "\n".join(event_text(event) for event in answer["content"])


def _run(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}"


def task_label(task: Mapping[str, Any]) -> str:
    """Return a task instance's name, with its index where it is mapped."""
    index = task["map_index"]
    return f"{task['task_id']}[{index}]" if index >= 0 else str(task["task_id"])


def event_text(event: Any) -> str:
    """Return a log event as text: its time, its words, and its traceback where it has one."""
    if isinstance(event, str):
        return event
    lines = [f"{(event.get('timestamp') or '')[:19]} {event.get('event', '')}".strip()]
    for error in event.get("error_detail") or []:
        lines += [f"  {f['filename']}:{f['lineno']} in {f['name']}" for f in error.get("frames", [])]
        lines.append(f"  {error.get('exc_type')}: {error.get('exc_value')}")
    return "\n".join(lines)


def request(url: str, *, method: str = "GET", body: object = None, token: str | None = None) -> Any:
    """Send JSON, return JSON.

    :raises RestError: the status is 400 or above
    """
    headers = {"Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    call = urllib.request.Request(url, data=data, headers=headers, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(call, timeout=60) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        detail = error.read().decode(errors="replace")[:2000]
        raise RestError(error.code, f"{method} {url}: {error.code} {detail}") from error
    return json.loads(text) if text else None
