"""The Ray connection, and the Jobs API's client against a small HTTP server."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stagecraft.errors import InvalidInputError, JobFailedError, UnreachableError
from stagecraft.hooks.ray import RayHook
from stagecraft.jobs.ray_jobs import RayJobs
from stagecraft.provider_info import get_provider_info


def connect(monkeypatch, **fields):
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_RAY", json.dumps({"conn_type": "stagecraft_ray", **fields}))


@pytest.fixture
def server():
    """A server that answers what ``server.answers`` holds: (method, path) → list of (status, body)."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            self.server.seen.append((self.command, self.path, self.headers.get("Authorization")))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            waiting = self.server.answers.get((self.command, self.path), [(404, "")])
            status, body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write((body if isinstance(body, str) else json.dumps(body)).encode())

        do_GET = do_POST = _answer

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers, server.seen = {}, []
    server.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_connection_that_works(monkeypatch, server):
    server.answers["GET", "/api/version"] = [(200, {"ray_version": "2.60.0"})]
    connect(monkeypatch, host=server.address + "/", password="secret-token")
    assert RayHook().test_connection() == (True, f"Ray 2.60.0 answers at {server.address}")
    assert server.seen == [("GET", "/api/version", "Bearer secret-token")]
    assert "secret-token" not in repr(RayHook().jobs())


@pytest.mark.parametrize("status", [401, 403])
def test_refused_token(monkeypatch, server, status):
    server.answers["GET", "/api/version"] = [(status, "no")]
    connect(monkeypatch, host=server.address)
    works, message = RayHook().test_connection()
    assert not works
    assert "refuses the token" in message
    assert server.address in message


def test_nobody_answers(monkeypatch):
    connect(monkeypatch, host="http://127.0.0.1:1")
    works, message = RayHook().test_connection()
    assert not works
    assert "http://127.0.0.1:1 does not answer" in message


def test_no_such_connection():
    works, message = RayHook("nowhere").test_connection()
    assert not works
    assert "nowhere" in message


@pytest.mark.parametrize("host", ["", "head:8265", "ray://head:10001", "http://me:pass@head:8265"])
def test_hosts_that_are_no_address(monkeypatch, host):
    connect(monkeypatch, host=host)
    with pytest.raises(InvalidInputError, match=r"connection stagecraft_ray\.host"):
        RayHook().jobs()


def test_port_and_verify(monkeypatch):
    connect(monkeypatch, host="https://head", port=8265, extra={"verify": False})
    jobs = RayHook().jobs()
    assert (jobs.address, jobs.verify) == ("https://head:8265", False)
    connect(monkeypatch, host="https://head", extra={"verify": "no"})
    with pytest.raises(InvalidInputError, match="verify"):
        RayHook().jobs()


def test_submit_tries_again_while_there_is_no_agent(server):
    server.answers["POST", "/api/jobs/"] = [(500, "No available agent to submit job"), (200, {})]
    assert RayJobs(server.address).submit("true", submission_id="a") == "a"
    assert [seen[0] for seen in server.seen] == ["GET", "POST", "GET", "GET", "POST"]


def test_submit_gives_up_in_time(server):
    server.answers["POST", "/api/jobs/"] = [(500, "No available agent to submit job")]
    with pytest.raises(UnreachableError, match="no agent"):
        RayJobs(server.address, patience=0).submit("true", submission_id="a")


def test_submit_leaves_a_job_alone_that_is_there(server):
    server.answers["GET", "/api/jobs/a"] = [(200, {"status": "RUNNING"})]
    assert RayJobs(server.address).submit("true", submission_id="a") == "a"
    assert [seen[0] for seen in server.seen] == ["GET"]


def test_submit_that_is_refused(server):
    server.answers["POST", "/api/jobs/"] = [(400, "bad runtime_env")]
    with pytest.raises(JobFailedError, match="bad runtime_env"):
        RayJobs(server.address).submit("true", submission_id="a")


def test_the_form_is_declared():
    (form,) = [
        entry
        for entry in get_provider_info()["connection-types"]
        if entry["connection-type"] == RayHook.conn_type
    ]
    assert form["hook-class-name"] == f"{RayHook.__module__}.{RayHook.__name__}"
    assert form["hook-name"] == RayHook.hook_name
