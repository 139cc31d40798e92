"""Versions come and go in a running service, and no request notices."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

from stagecraft.artifacts.model import Model
from stagecraft.serving.manifest import Version
from stagecraft.serving.manifest_file import ManifestFile
from stagecraft.serving.rows import rows_of


@pytest.fixture(scope="module")
def models(service: Any, commit: Callable[..., Model]) -> list[Model]:
    return [commit(service.store, seed) for seed in range(10, 14)]


class Stream:
    """Requests without a pause, until it is left."""

    def __init__(self, service: Any, body: dict[str, Any], threads: int = 3) -> None:
        self.service, self.body = service, body
        self.answers: list[tuple[int, Any]] = []
        self.failures: list[str] = []
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(threads)]

    def _send(self) -> None:
        with requests.Session() as session:
            while not self._end.is_set():
                try:
                    answer = session.post(f"{self.service.url}/predict", json=self.body, timeout=30)
                    self.answers.append((answer.status_code, answer.json()))
                except requests.RequestException as error:
                    self.failures.append(repr(error))

    def __enter__(self) -> Stream:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()


def test_versions_swap_and_roll_back_under_load(
    service: Any, models: list[Model], flights: Any, expected: Any
) -> None:
    first, second = models[:2]
    rows = flights(3, seed=5)
    scores = {model.fingerprint[-4:]: pytest.approx(expected(model, rows)) for model in (first, second)}
    one, two = scores
    service.wait(service.deploy("swap", first)["generation"])
    body = {"model": "swap", "rows": rows_of(rows)}
    with Stream(service, body) as stream:
        for _ in range(3):
            loaded = service.deploy("swap", second)
            service.wait(loaded["generation"])
            assert {service.predict(**body).json()["version"] for _ in range(8)} == {two}
            back = service.call("PUT", "/models/swap/aliases/default", json={"version": one})
            assert back.status_code == 200
            service.wait(back.json()["generation"])
            assert {service.predict(**body).json()["version"] for _ in range(8)} == {one}
    assert not stream.failures
    assert {status for status, _ in stream.answers} == {200}
    assert {answer["version"] for _, answer in stream.answers} == {one, two}
    assert all(answer["scores"] == scores[answer["version"]] for _, answer in stream.answers)
    assert service.predict(**body, version=two).json()["scores"] == scores[two]


def test_deploying_again_changes_nothing(service: Any, models: list[Model]) -> None:
    generation = service.deploy("again", models[0])["generation"]
    assert service.deploy("again", models[0])["generation"] == generation
    other = {"name": "again", "version": models[0].fingerprint[-4:], "uri": models[1].uri}
    refused = service.call("POST", "/models", json=other)
    assert refused.status_code == 409
    unknown = service.call("PUT", "/models/again/aliases/default", json={"version": "x"})
    assert unknown.status_code == 404


def test_a_corrupt_model_is_refused_and_the_old_one_serves(
    service: Any, models: list[Model], commit: Any, flights: Any, expected: Any
) -> None:
    good = models[0]
    generation = service.deploy("care", good)["generation"]
    service.wait(generation)
    bad = commit(service.store, 20)
    weights = bad.store.strip(bad.file_uri("2-linear/weights.npz"))
    with open(weights, "r+b") as file:
        file.seek(-30, os.SEEK_END)
        file.write(b"\0\1\2\3")
    answer = service.call("POST", "/models", json={"name": "care", "version": "bad", "uri": bad.uri})
    assert answer.status_code == 422
    assert "checksum" in answer.json()["error"]
    assert service.status()["generation"] == generation

    # The same by the other door: a manifest that somebody wrote.
    file = ManifestFile(service.root)
    artifact = Version(uri=bad.uri, fingerprint=bad.fingerprint)
    pushed = file.update(lambda manifest: manifest.deployed("care", "bad", artifact))
    workers = _wait_for(service, lambda state: all(worker["error"] for worker in state["workers"]))["workers"]
    assert all("checksum" in worker["error"] for worker in workers)
    assert not any("bad" in worker["models"]["care"] for worker in workers)
    rows = flights(2)
    answer = service.predict(model="care", rows=rows_of(rows)).json()
    assert answer["version"] == good.fingerprint[-4:]
    assert answer["scores"] == pytest.approx(expected(good, rows))

    # What was repaired is taken without another push.
    shutil.rmtree(bad.store.strip(bad.uri))
    commit(service.store, 20)
    service.wait(pushed.generation)
    _wait_for(service, lambda state: not any(worker["error"] for worker in state["workers"]))


def test_a_version_is_taken_out(service: Any, models: list[Model]) -> None:
    old, new = (model.fingerprint[-4:] for model in models[:2])
    for model in models[:2]:
        service.deploy("out", model)
    path = "/models/out/versions/"
    assert service.call("DELETE", path + old, token=None).status_code == 401
    assert service.call("DELETE", path + new).status_code == 409
    answer = service.call("DELETE", path + old)
    assert answer.status_code == 200, answer.text
    assert answer.json()["default"] == new
    service.wait(answer.json()["generation"])
    assert service.status()["models"]["out"]["versions"] == [new]
    assert all(worker["models"]["out"] == [new] for worker in service.status()["workers"])
    assert service.call("DELETE", path + old).status_code == 404


def test_old_versions_make_room(service: Any, models: list[Model]) -> None:
    for model in models:
        generation = service.deploy("room", model)["generation"]
    service.wait(generation)
    served = [model.fingerprint[-4:] for model in models[1:]]
    status = service.status()
    assert (status["models"]["room"]["default"], status["models"]["room"]["versions"]) == (served[-1], served)
    assert all(worker["models"]["room"] == served for worker in status["workers"])


def _wait_for(service: Any, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    for _ in range(3000):
        status: dict[str, Any] = service.status()
        if holds(status):
            return status
    raise AssertionError(status)
