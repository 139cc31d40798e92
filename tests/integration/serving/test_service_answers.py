"""A real service of two workers: what it answers, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model
from stagecraft.serving.rows import rows_of


@pytest.fixture(scope="module")
def model(service: Any, commit: Callable[..., Model]) -> Model:
    made = commit(service.store, 1)
    service.wait(service.deploy("late", made)["generation"])
    return made


def test_online_scores_are_the_chain_s_own(service: Any, model: Model, flights: Any, expected: Any) -> None:
    rows = flights(600, seed=9)
    scores = []
    for start in range(0, 600, 200):
        answer = service.predict(model="late", rows=rows_of(rows.slice(start, 200)))
        assert answer.status_code == 200, answer.text
        scores += answer.json()["scores"]
    assert scores == pytest.approx(expected(model, rows), rel=1e-12)
    labels = answer.json()["labels"]
    assert set(labels) == {"no", "yes"}
    assert [label == "yes" for label in labels] == [score >= 0.5 for score in scores[400:]]


def test_one_row_by_version_and_by_default(service: Any, model: Model, flights: Any) -> None:
    row = rows_of(flights(1))
    by_default = service.predict(model="late", rows=row).json()
    assert by_default == service.predict(model="late", version="0001", rows=row).json()
    assert by_default["version"] == "0001"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"wind": "strong"}, ["rows[1].wind", "'strong'", "number"]),
        ({"rain": 1}, ["rows[1].rain", "true or false"]),
        ({"seats": 1.5}, ["rows[1].seats", "1.5"]),
        ({"day": "2013-02-30"}, ["rows[1].day", "2013-02-30", "ISO 8601"]),
        ({"origin": None, "wind": ...}, ["rows[1].wind", "absent"]),
    ],
)
def test_a_wrong_row_is_named(
    service: Any, model: Model, flights: Any, change: dict[str, Any], named: list[str]
) -> None:
    rows = rows_of(flights(2))
    rows[1] = {name: value for name, value in {**rows[1], **change}.items() if value is not ...}
    answer = service.predict(model="late", rows=rows)
    assert answer.status_code == 400
    assert all(text in answer.json()["error"] for text in named), answer.text


def test_unknown_names_are_answered_with_the_known_ones(service: Any, model: Model, flights: Any) -> None:
    rows = rows_of(flights(1))
    for body, known in (({"model": "lat"}, "late"), ({"model": "late", "version": "9"}, "0001")):
        answer = service.predict(rows=rows, **body)
        assert answer.status_code == 404
        assert known in answer.json()["error"]


def test_bad_bodies(service: Any, model: Model, flights: Any) -> None:
    row = rows_of(flights(1))[0]
    for body in (
        b"",
        b"{",
        b"[]",
        b'{"model": "late"}',
        b"[" * 100_000,
        b"\xff",
        b'{"model":"late","rows":[1]}',
    ):
        assert service.call("POST", "/predict", data=body).status_code == 400, body[:20]
    pickled = {"Content-Type": "application/vnd.bentoml+pickle"}
    assert service.call("POST", "/predict", token=None, data=b"\x80\x04.").status_code == 400
    body = json.dumps({"model": "late", "rows": [row]})
    import requests

    assert requests.post(f"{service.url}/predict", data=body, headers=pickled, timeout=30).status_code == 200
    misspelt = service.predict(model="late", rows=[row], versoin="9")
    assert misspelt.status_code == 400
    assert "versoin" in misspelt.text
    nan = service.call("POST", "/predict", data=body.replace(str(row["seats"]), "NaN"))
    assert nan.status_code == 400


def test_limits(service: Any, model: Model, flights: Any) -> None:
    row = rows_of(flights(1))[0]
    assert service.predict(model="late", rows=[]).status_code == 400
    many = service.predict(model="late", rows=[row] * 1001)
    assert many.status_code == 400
    assert "1001" in many.json()["error"]
    huge = b" " * 1_000_001
    assert service.call("POST", "/predict", data=huge).status_code == 413
    chunks = (huge[:100_000] for _ in range(11))
    assert service.call("POST", "/predict", data=chunks).status_code == 413
    assert service.predict(model="late", rows=[row]).status_code == 200


def test_only_the_token_changes_what_is_served(service: Any, model: Model) -> None:
    body = {"name": "other", "version": "1", "uri": model.uri}
    assert service.call("POST", "/models", token=None, json=body).status_code == 401
    assert service.call("POST", "/models", token="wrong", json=body).status_code == 403
    assert (
        service.call("PUT", "/models/late/aliases/default", token="wrong", json={"version": "x"}).status_code
        == 403
    )
    assert service.call("GET", "/status", token="wrong").status_code == 403
    assert "other" not in service.status()["models"]


def test_models_come_from_the_service_s_store_alone(
    service: Any, model: Model, tmp_path: Any, commit: Any
) -> None:
    from stagecraft.artifacts.store import Store

    elsewhere = commit(Store(str(tmp_path)), 2).uri
    traversal = f"{service.store.root}/artifacts/../../{tmp_path.name}/artifacts/{2:032x}"
    absent = service.store.artifact_uri("f" * 32)
    for uri, status in (
        (elsewhere, 400),
        (traversal, 400),
        ("http://127.0.0.1:1/artifacts/" + "a" * 32, 400),
        ("../../etc/passwd", 400),
        ("", 400),
        (absent, 422),
    ):
        answer = service.call("POST", "/models", json={"name": "x", "version": "1", "uri": uri})
        assert answer.status_code == status, (uri, answer.text)


def test_what_is_no_scoring_model_is_refused(service: Any, model: Model) -> None:
    draft = service.store.draft(Kind.REPORT, "e" * 32, lineage={})
    draft.write("report.html", b"")
    body = {"name": "x", "version": "1", "uri": draft.commit().uri}
    answer = service.call("POST", "/models", json=body)
    assert answer.status_code == 422
    assert "report" in answer.json()["error"]


def test_bentoml_s_own_routes_stay(service: Any, model: Model) -> None:
    page = service.call("GET", "/docs.json").json()
    assert {"/predict", "/models", "/models/{name}/predict", "/status", "/metrics"} <= page["paths"].keys()
    assert set(page["paths"]["/models/{name}/aliases/{alias}"]) == {"put", "delete"}
    wanted = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(page)))
    assert {"Asked", "Bounds"} <= wanted <= page["components"]["schemas"].keys()
    assert service.call("GET", "/docs.json").json() == page
    assert "bentoml_service_request" in service.call("GET", "/metrics").text
    assert service.call("GET", "/readyz").status_code == 200
