"""Two instances of the service that follow one manifest."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from stagecraft.artifacts.store import Store
from stagecraft.serving.deployment import Deployment, missing
from stagecraft.serving.rows import rows_of


def test_a_deployment_through_one_instance_is_served_by_both(
    run_service: Any, commit: Any, flights: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    store = Store(str(tmp_path / "store"))
    model = commit(store, 1)
    options = ["--workers", "1", "--manifest", f"file://{tmp_path}/live/manifest.json"]
    (tmp_path / "live").mkdir()
    with ExitStack() as both:
        services = []
        for name in ("pod-a", "pod-b"):
            (tmp_path / name).mkdir()
            monkeypatch.setenv("STAGECRAFT_SERVING_INSTANCE", name)
            services.append(both.enter_context(run_service(tmp_path / name, store, *options)))
        first, second = services
        done = first.deploy("late", model)
        deployment = Deployment(
            name="late", version=done["version"], generation=done["generation"], url=first.url
        )
        while missing(deployment, first.status()) is not None:
            pass
        status = first.status()
        assert {worker["instance"] for worker in status["workers"]} == {"pod-a", "pod-b"}
        assert status["expected_workers"] == 2
        rows = flights(2)
        answer = second.predict(model="late", rows=rows_of(rows)).json()
        assert answer["version"] == done["version"]
        # What went live through one instance is taken back through the other.
        gone = second.call("DELETE", "/models/late").json()
        first.wait(gone["generation"])
        assert first.predict(model="late", rows=rows_of(rows)).status_code == 404
