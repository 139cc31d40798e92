"""A local Airflow runs DAGs, listens on the loopback alone, and leaves nothing behind."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from stagecraft.demo.airflow import LocalAirflow
from stagecraft.demo.client import RestError
from stagecraft.demo.processes import DiedError
from stagecraft.demo.progress import failures, follow

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]

DAG, MAPPED = "two_tasks", "mapped_sweep"


@pytest.fixture(scope="module")
def airflow(start_airflow: Callable[..., LocalAirflow]) -> LocalAirflow:
    files = [Path(__file__).parent / "dags" / f"{name}.py" for name in (DAG, MAPPED)]
    airflow = start_airflow(files, users="ada:admin,vera:viewer")
    for name in (DAG, MAPPED):
        airflow.unpause(name)
    return airflow


def test_a_run_succeeds_and_is_told(airflow: LocalAirflow) -> None:
    run = airflow.trigger(DAG)
    lines: list[str] = []
    assert follow(airflow, DAG, run, say=lines.append) == "success"
    assert airflow.task_states(DAG, run) == {"first": "success", "second": "success"}
    assert airflow.xcom(DAG, run, "second") == airflow.xcom(DAG, run, "first")
    assert "hello from the first" in airflow.task_log(DAG, run, "first")
    assert [line.split()[2:4] for line in lines if "success" in line] == [
        ["first", "success"],
        ["second", "success"],
    ]


def test_a_failure_is_told_with_the_end_of_its_log(airflow: LocalAirflow) -> None:
    run = airflow.trigger(DAG, {"fail": True})
    assert airflow.wait(DAG, run, timeout=600) == "failed"
    told = failures(airflow, DAG, run)
    assert told.startswith("--- second, try 1")
    assert "ValueError: asked to fail" in told


def test_trials_run_as_mapped_tasks_and_the_best_is_found_beside_one_that_fails(
    airflow: LocalAirflow,
) -> None:
    run = airflow.trigger(MAPPED)
    tried = runpy.run_path(str(airflow.dags_folder / f"{MAPPED}.py"))["TRIALS"]
    assert airflow.wait(MAPPED, run, timeout=600) == "success"
    good = [trial for trial in tried if trial["number"] != 1]
    best = min(good, key=lambda trial: abs(trial["parameters"]["x"] - 0.3))
    assert airflow.xcom(MAPPED, run, "best")["number"] == best["number"]


def test_a_schedule_starts_nothing_unless_asked(airflow: LocalAirflow) -> None:
    runs = airflow.rest("GET", f"/api/v2/dags/{DAG}/dagRuns")["dag_runs"]
    assert {run["run_type"] for run in runs} <= {"manual"}


def test_rights_are_those_of_the_user(airflow: LocalAirflow) -> None:
    body = {"logical_date": None}
    assert airflow.rest("GET", "/api/v2/dags", user="vera")["total_entries"] == 2
    with pytest.raises(RestError, match="Forbidden") as refused:
        airflow.rest("POST", f"/api/v2/dags/{DAG}/dagRuns", body, user="vera")
    assert refused.value.status == 403


def test_it_listens_on_the_loopback_alone(airflow: LocalAirflow) -> None:
    own = {process.pid for process in airflow.processes()}
    listening = [
        found.laddr
        for found in psutil.net_connections("inet")
        if found.pid in own and found.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert {address.port for address in listening} == {airflow.port}


def test_secrets_are_readable_by_their_owner_alone(airflow: LocalAirflow) -> None:
    for name in ("airflow.cfg", "simple_auth_manager_passwords.json.generated"):
        assert (airflow.home / name).stat().st_mode & 0o077 == 0


def test_a_dead_part_ends_the_rest_and_a_second_start_keeps_the_runs(airflow: LocalAirflow) -> None:
    run = airflow.trigger(DAG)
    assert airflow.wait(DAG, run, timeout=600) == "success"
    job = airflow.xcom(DAG, run, "first")
    port, before = airflow.port, airflow.processes()
    assert job in {process.pid for process in before}
    next(process for process in before if "triggerer" in process.cmdline()).kill()
    psutil.wait_procs(before, timeout=300)
    with pytest.raises(DiedError, match="triggerer ended with status -9"):
        airflow.check_alive()
    assert not psutil.pid_exists(job)
    airflow.stop()
    airflow.start()
    assert airflow.port == port
    assert airflow.run_state(DAG, run) == "success"


def test_stopping_leaves_no_process(airflow: LocalAirflow) -> None:
    before = airflow.processes()
    assert len(before) > 4
    airflow.stop()
    assert [process for process in before if process.is_running()] == []
    assert airflow.processes() == []
