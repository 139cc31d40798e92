from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stagecraft.serving.deployment import Deployment, NoLongerServedError, missing
from stagecraft.serving.workers import Workers


def test_a_worker_reports_and_leaves(tmp_path: Path) -> None:
    workers = Workers(tmp_path)
    assert workers.alive() == []
    workers.report(3, {"late": ["a"]}, None)
    workers.report(4, {"late": ["a", "b"]}, "no")
    (state,) = workers.alive()
    assert (state.pid, state.generation, state.models, state.error) == (
        os.getpid(),
        4,
        {"late": ["a", "b"]},
        "no",
    )
    workers.leave()
    assert workers.alive() == []
    assert not any(workers.folder.iterdir())


def test_the_dead_are_not_counted_and_are_swept_away(tmp_path: Path) -> None:
    workers = Workers(tmp_path)
    workers.report(1, {}, None)
    own = next(workers.folder.iterdir()).read_text()
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    (workers.folder / f"{gone.pid}.json").write_text(own.replace(str(os.getpid()), str(gone.pid)))
    # Its number was given to another process: the first one.
    (workers.folder / "1.json").write_text(own.replace(str(os.getpid()), "1"))
    (workers.folder / "2.json").write_text('{"of another": "version"}')
    assert [state.pid for state in workers.alive()] == [os.getpid()]
    workers.leave()
    assert not any(workers.folder.iterdir())


def test_a_deployment_is_served_when_all_workers_have_it() -> None:
    deployment = Deployment(name="late", version="b", generation=2, url="http://service")

    def status(*generations: int, expected: int = 2) -> dict[str, object]:
        return {
            "generation": max(generations),
            "models": {"late": {"default": "b", "versions": ["a", "b"]}},
            "expected_workers": expected,
            "workers": [
                {"pid": pid, "generation": generation, "models": {"late": ["a", "b"]}, "error": None}
                for pid, generation in enumerate(generations)
            ],
        }

    assert missing(deployment, status(2, 3)) is None
    assert missing(deployment, status(2, 1)) == "worker 1 follows generation 1, not yet 2"
    assert missing(deployment, status(1, 1)) == "the service is at generation 1, not yet 2"
    assert missing(deployment, status(2, 2, expected=3)) == "2 of 3 workers are up"


def test_a_version_that_was_taken_back_is_not_waited_for() -> None:
    status = {
        "generation": 4,
        "models": {"late": {"default": "a", "versions": ["a", "b"]}},
        "expected_workers": 0,
        "workers": [],
        "verdicts": [
            {"model": "late", "version": "b", "generation": 3, "at": "2026-01-31", "reason": "3 of 9 failed"}
        ],
    }
    deployed = Deployment(name="late", version="b", generation=2, url="http://service")
    with pytest.raises(NoLongerServedError, match="taken back at http://service, 2026-01-31: 3 of 9 failed"):
        missing(deployed, status)
    # Deployed again since, or another version.
    for kept in (deployed.model_copy(update={"generation": 4}), deployed.model_copy(update={"version": "a"})):
        assert missing(kept, status) is None


def test_drift_travels_with_the_state(tmp_path: Path) -> None:
    workers = Workers(tmp_path)
    workers.report(1, {"late": ["a"]}, None, {("late", "a", "wind"): 0.25, ("late", "a", "rain"): 0.0})
    (state,) = workers.alive()
    assert state.drift == {"late": {"a": {"wind": 0.25, "rain": 0.0}}}


def test_what_else_a_worker_could_not_load_is_not_waited_for() -> None:
    worker = {"pid": 7, "generation": 2, "models": {"late": ["b"]}, "error": "late a: it is missing"}
    status = {
        "generation": 2,
        "models": {"late": {"default": "b", "versions": ["a", "b"]}},
        "expected_workers": 1,
        "workers": [worker],
    }
    assert missing(Deployment(name="late", version="b", generation=2, url=""), status) is None
    assert missing(Deployment(name="late", version="a", generation=2, url=""), status) == (
        "worker 7 has not loaded version 'a' of 'late': late a: it is missing"
    )
