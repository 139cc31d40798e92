"""What a busy Airflow answers now and then must not end a demo."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stagecraft.demo import client
from stagecraft.demo.client import AirflowClient, RestError


class Airflow(ThreadingHTTPServer):
    """Gives a token, then the answers it is told to: a status, or 0 for a connection that breaks."""

    answers: list[int]
    asked: int


class Handler(BaseHTTPRequestHandler):
    server: Airflow

    def do_GET(self) -> None:
        status = 200
        if self.path != "/auth/token":
            self.server.asked += 1
            status = self.server.answers.pop(0) if self.server.answers else 200
        if not status:
            return  # The connection is closed without an answer.
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps({"access_token": "t", "state": "success"}).encode())

    do_POST = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Airflow]:
    with Airflow(("127.0.0.1", 0), Handler) as served:
        served.answers, served.asked = [], 0
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def airflow(server: Airflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AirflowClient:
    (tmp_path / "airflow.cfg").write_text(f"[api]\nport = {server.server_port}\n")
    monkeypatch.setattr(client.time, "sleep", lambda seconds: None)
    return AirflowClient(tmp_path)


def test_a_question_is_asked_again(server: Airflow, airflow: AirflowClient) -> None:
    server.answers = [500, 0, 503]
    assert airflow.wait("dag", "run") == "success"
    assert server.asked == 4


def test_patience_ends(server: Airflow, airflow: AirflowClient) -> None:
    server.answers = [500] * 3
    with pytest.raises(RestError, match="500"):
        airflow.rest("GET", "/x", patience=0)
    assert server.asked == 1


@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("POST", 500)])
def test_a_refusal_and_a_change_are_not_repeated(
    server: Airflow, airflow: AirflowClient, method: str, status: int
) -> None:
    server.answers = [status]
    with pytest.raises(RestError):
        airflow.rest(method, "/x")
    assert server.asked == 1
