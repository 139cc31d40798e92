"""What a service sees of its own answers: metrics, drift, and versions that it takes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from prometheus_client.parser import text_string_to_metric_families

from stagecraft.artifacts.model import Model
from stagecraft.operators.bentoml_promote import BentoMLPromoteOperator
from stagecraft.serving.rows import rows_of


@pytest.fixture(scope="module")
def models(service: Any, commit: Callable[..., Model]) -> list[Model]:
    return [commit(service.store, seed) for seed in (40, 41)]


def samples(service: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What ``/metrics`` says, by name and labels."""
    text = service.call("GET", "/metrics", token=None).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def until(holds: Callable[[], Any], seconds: float = 30) -> Any:
    begun = time.monotonic()
    while not (found := holds()):
        assert time.monotonic() - begun < seconds
        time.sleep(0.05)
    return found


def test_the_metrics_add_up_over_the_workers(service: Any, models: list[Model], flights: Any) -> None:
    version = models[0].fingerprint[-4:]
    service.wait(service.deploy("counted", models[0])["generation"])
    for row in rows_of(flights(40)):
        assert service.predict(model="counted", rows=[row]).status_code == 200
    assert service.predict(model="counted", rows=[{"wind": 1}]).status_code == 400
    labels = {("model", "counted"), ("version", version)}

    def counted() -> Any:
        found = samples(service)
        name = ("stagecraft_requests_total", frozenset(labels | {("status", "200")}))
        return found if found.get(name) == 40 else None

    found = until(counted)
    assert found["stagecraft_rows_total", frozenset(labels)] == 40
    assert found["stagecraft_request_seconds_count", frozenset(labels)] == 40
    assert found["stagecraft_score_bucket", frozenset(labels | {("le", "1.0")})] == 40
    refused = {("model", "counted"), ("version", ""), ("status", "400")}
    assert found["stagecraft_requests_total", frozenset(refused)] == 1
    generations = [value for (name, _), value in found.items() if name == "stagecraft_generation"]
    assert len(generations) == 2
    assert min(generations) >= 1


def test_a_canary_whose_scores_moved_is_taken_back_by_itself(
    service: Any, models: list[Model], flights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady, moved = (model.fingerprint[-4:] for model in models)
    for model in models:
        service.deploy("guarded", model, alias="default" if model is models[0] else None)
    bounds = {"psi": 0.2, "min_requests": 60}
    rule = {"split": {moved: 50}, "bounds": bounds}
    answer = service.call("PUT", "/models/guarded/aliases/default", json=rule)
    assert answer.status_code == 200, answer.text
    generation = answer.json()["generation"]
    service.wait(generation)
    rows = rows_of(flights(100, seed=3))

    def judged() -> Any:
        for start in range(0, 100, 10):
            assert service.predict(model="guarded", rows=rows[start : start + 10]).status_code == 200
        return [entry for entry in service.status()["verdicts"] if entry["model"] == "guarded"]

    ((verdict),) = until(judged)
    assert (verdict["version"], verdict["alias"]) == (moved, "default")
    assert "PSI" in verdict["reason"]
    service.wait(verdict["generation"])
    assert {service.predict(model="guarded", rows=rows[:1]).json()["version"] for _ in range(20)} == {steady}
    assert service.status()["models"]["guarded"]["versions"] == [steady, moved]

    address = f"stagecraft-serving://:a-token-for-tests@127.0.0.1:{service.port}/http"
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_SERVING", address)
    canary = {"name": "guarded", "version": moved, "generation": generation, "url": service.url}
    with pytest.raises(AirflowFailException, match="was taken back"):
        BentoMLPromoteOperator(task_id="promote", deployment=canary).execute({})  # type: ignore[typeddict-item]


def test_a_shadow_never_answers_and_its_differences_are_counted(
    service: Any, models: list[Model], flights: Any, expected: Any
) -> None:
    first, shadow = (model.fingerprint[-4:] for model in models)
    for model in models:
        service.deploy("shadowed", model, alias="default" if model is models[0] else None)
    rule = {"shadow": shadow}
    service.wait(service.call("PUT", "/models/shadowed/aliases/default", json=rule).json()["generation"])
    rows = flights(30, seed=4)
    for number, row in enumerate(rows_of(rows)):
        answer = service.predict(model="shadowed", rows=[row]).json()
        assert answer["version"] == first
        assert answer["scores"] == pytest.approx(expected(models[0], rows.slice(number, 1)), abs=1e-9)
    labels = frozenset({("model", "shadowed"), ("version", first), ("shadow", shadow)})
    until(lambda: samples(service).get(("stagecraft_shadow_difference_count", labels)) == 30)
    largest = max(
        abs(one - other)
        for one, other in zip(expected(models[0], rows), expected(models[1], rows), strict=True)
    )
    total = samples(service)["stagecraft_shadow_difference_bucket", labels | {("le", "1.0")}]
    assert (total, largest > 0) == (30, True)


def test_requests_are_kept_for_later_and_their_drift_is_told(
    service: Any, models: list[Model], flights: Any
) -> None:
    version = models[0].fingerprint[-4:]
    service.wait(service.deploy("kept", models[0])["generation"])
    rows = rows_of(flights(600, seed=5))
    for row in rows:
        row["wind"] = 500.0
    for start in range(0, 600, 100):
        for _ in range(4):  # Each worker needs a few hundred rows of its own.
            assert service.predict(model="kept", rows=rows[start : start + 100]).status_code == 200

    def drift() -> Any:
        found: dict[str, float] = {}
        for worker in service.status()["workers"]:
            found |= worker["drift"].get("kept", {}).get(version, {})
        return found

    found = until(drift, 60)
    assert found["wind"] > 0.5
    assert found["rain"] < 0.2
    assert found["origin"] < 0.2
