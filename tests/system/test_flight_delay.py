"""The main job in a real Airflow, on a part of the data: whole, again, on Spark, and killed at every step."""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from stagecraft.artifacts.artifact import Reference
from stagecraft.artifacts.store import Store
from stagecraft.demo.airflow import LocalAirflow
from stagecraft.demo.connections import connections, flights
from stagecraft.demo.service import PredictionService
from stagecraft.jobs.job import Job, Result, State
from stagecraft.jobs.run import run_job

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(3600)]

DAG = "flight_delay"
ROOT = Path(__file__).parents[2]
STAGES = ["flights", "split", "sample", "encode", "sweep", "leaves", "train", "evaluate", "predict"]
TASKS = {*STAGES, "deploy", "served", "compare"}
FEATURES = "flight_features"
GROUP = ["flights", "split", "sample", "encode", "leaves"]
PART = 12
"""One flight of so many is used."""
SMALL = {"trials": 2, "searcher": "random"}
PATIENCE = 1800
"""Seconds for a run of the DAG, which takes a minute or two where nothing else runs."""


@dataclass
class World:
    """A running Airflow and a prediction service over a part of the flights."""

    airflow: LocalAirflow
    service: PredictionService
    store: Store
    data: Path

    def take(self, offset: int) -> None:
        """Take other flights, so that no stage finds its work done."""
        raw = Path(flights()["STAGECRAFT_FLIGHTS"])
        with zipfile.ZipFile(raw / "flights.csv.zip") as archive:
            header, *rows = archive.read(archive.namelist()[0]).splitlines(keepends=True)
        with zipfile.ZipFile(self.data / "flights.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("flights.csv", header + b"".join(rows[offset::PART]))
        for name in ("weather.csv", "planes.csv"):
            shutil.copy(raw / name, self.data)

    def trigger(self, **conf: Any) -> str:
        self.airflow.unpause(DAG)
        return self.airflow.trigger(DAG, {**SMALL, **conf})

    def finish(self, run: str, seconds: float = PATIENCE) -> None:
        """Wait until the run has ended, and refuse any end but success in every task."""
        self.airflow.wait(DAG, run, seconds)
        states = self.airflow.task_states(DAG, run)
        failed = [task for task, state in states.items() if state != "success"]
        logs = "\n".join(str(self.log(run, task)) for task in failed if states[task] == "failed")
        assert states == dict.fromkeys(TASKS, "success"), logs

    def artifact(self, run: str, task: str, output: str) -> Any:
        return self.store.open(Reference.model_validate(self.airflow.xcom(DAG, run, task, output)))

    def log(self, run: str, task: str) -> str:
        tries = {found["task_id"]: found["try_number"] for found in self.airflow.tasks(DAG, run)}
        return "\n".join(
            str(self.airflow.task_log(DAG, run, task, number)) for number in range(1, tries[task] + 1)
        )

    def jobs(self, run: str) -> dict[str, Job]:
        """The run's jobs, by the names of their tasks."""
        found = {}
        for path in Path(self.store.root, "jobs").glob("*/*/job.json"):
            job = Job.model_validate_json(path.read_text())
            if run.replace(":", "-").replace("+", "-") in job.id:
                found[job.steps[0].name] = job
        return found

    def job_log(self, run: str, task: str) -> str:
        return (self.airflow.home / "stagecraft-jobs" / self.jobs(run)[task].id / "log").read_text()

    def instance(self, run: str, task: str) -> str:
        """The task instance's id, which its worker's command line names."""
        return next(found["id"] for found in self.airflow.tasks(DAG, run) if found["task_id"] == task)

    def processes(self, *words: str) -> list[psutil.Process]:
        """Living processes whose command line holds all the words."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or [])
            if all(word in line for word in words):
                found.append(process)
        return found

    def job_processes(self, task: str) -> list[psutil.Process]:
        return self.processes("stagecraft.jobs", self.store.root, f".{task}-")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("world")
    data = home / "data"
    data.mkdir()
    store = Store(str(home / "store"))
    service = PredictionService(home / "serving", store.root)
    service.choose_port()
    env = {**connections(Path(store.root), service), "STAGECRAFT_FLIGHTS": str(data)}
    airflow = LocalAirflow(home / "airflow", ROOT / "dags", env=env, parallelism=2, heartbeat_timeout=30)
    made = World(airflow, service, store, data)
    made.take(0)
    try:
        service.start()
        airflow.start(timeout=600)
        service.wait_ready()
        yield made
    finally:
        airflow.stop()
        service.stop()


@pytest.fixture(scope="module")
def first_run(world: World) -> str:
    run = world.trigger()
    world.finish(run)
    return run


def test_from_raw_rows_to_a_served_model(world: World, first_run: str) -> None:
    report = world.artifact(first_run, "evaluate", "report")
    test = world.artifact(first_run, "split", "test")
    predictions = world.artifact(first_run, "predict", "dataset")
    assert report.metrics["rows"] == test.rows == predictions.rows
    assert report.metrics["auc"] > report.metrics["baseline_auc"]
    deployment = world.airflow.xcom(DAG, first_run, "deploy", "deployment")
    assert deployment["version"] == world.artifact(first_run, "train", "model").fingerprint[:12]
    assert f"{test.rows} rows compared" in world.log(first_run, "compare")


def test_a_second_run_reuses_every_stage(world: World, first_run: str) -> None:
    run = world.trigger()
    world.finish(run)
    assert {task: world.airflow.xcom(DAG, run, task, "reused") for task in STAGES} == dict.fromkeys(
        STAGES, True
    )
    assert world.jobs(run) == {}
    for task, output in {"train": "model", "predict": "dataset"}.items():
        assert world.artifact(run, task, output).uri == world.artifact(first_run, task, output).uri


def test_stages_in_one_task_go_on_where_another_dag_has_been(world: World, first_run: str) -> None:
    """Two of the group's steps are what ``flight_delay`` committed; the rest runs as one job."""
    world.airflow.unpause(FEATURES)
    run = world.airflow.trigger(FEATURES)
    assert world.airflow.wait(FEATURES, run, PATIENCE) == "success"
    made = {step: world.airflow.xcom(FEATURES, run, "features", f"{step}.reused") for step in GROUP}
    assert made == {"flights": True, "split": True, "sample": False, "encode": False, "leaves": False}
    assert world.airflow.xcom(FEATURES, run, "features", "reused") is False
    log = world.airflow.task_log(FEATURES, run, "features")
    assert "[flights] Stage sql: reused" in log
    assert "[leaves] Stage gbdt_encode: committed dataset" in log
    report = world.store.open(
        Reference.model_validate(world.airflow.xcom(FEATURES, run, "evaluate", "report"))
    )
    assert report.metrics["rows"] == world.artifact(first_run, "split", "test").rows  # type: ignore[attr-defined]
    assert report.metrics["auc"] > report.metrics["baseline_auc"]  # type: ignore[attr-defined]
    path = f"/api/v2/dags/{FEATURES}/dagRuns/{run}/taskInstances/features"
    steps = world.airflow.rest("GET", path)["rendered_fields"]["steps"]
    assert [step["step"] for step in steps] == GROUP
    assert steps[2]["parameters"]["fraction"] == 0.25


@pytest.mark.spark
def test_the_same_dag_on_spark(world: World) -> None:
    world.take(1)
    run = world.trigger(engine="spark", trials=1)
    world.finish(run)
    engines = {task: job.engine for task, job in world.jobs(run).items()}
    assert engines == {
        **dict.fromkeys(STAGES, "spark"),
        **dict.fromkeys(["sweep", "train"], "duckdb"),  # these run on Ray, and need no relational engine
    }
    assert f"{world.artifact(run, 'split', 'test').rows} rows compared" in world.log(run, "compare")


def test_every_job_and_its_worker_killed(world: World, tmp_path: Path) -> None:
    """SIGKILL to each stage's job, and to workers in mid-sweep and mid-training: the result is the same."""
    world.take(2)
    run = world.trigger()
    killed: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while world.airflow.run_state(DAG, run) in ("queued", "running"):
        assert time.monotonic() < deadline
        for task in {*STAGES} - killed:
            if jobs := world.job_processes(task):
                if task == "sweep":
                    _kill(world.processes("airflow worker", world.instance(run, task)))
                    assert all(job.is_running() for job in jobs)
                elif task == "train":
                    _kill(world.processes(f"airflow worker -- {world.instance(run, task)}"))
                    _wait(lambda: "Reconnecting to existing job" in world.log(run, "train"))
                    _kill(jobs)
                else:
                    _kill(jobs)
                killed.add(task)
        time.sleep(0.05)
    world.finish(run)
    assert killed == {*STAGES}
    for task in {*STAGES} - {"sweep"}:
        assert "a retry resumes it at its last committed step" in world.log(run, task), task
    # When the retry comes, the job still runs, has ended, or has committed: it is never run again.
    told = ("Reconnecting to existing job", "Job already completed successfully", "Reused what was committed")
    assert any(words in world.log(run, "sweep") for words in told)
    assert world.job_log(run, "sweep").count("Stage sweep: running") == 1
    _assert_same_as_undisturbed(world, run, Store(str(tmp_path / "undisturbed")))


def test_ending_a_task_in_the_ui_ends_its_processes(world: World) -> None:
    run = world.trigger(trials=200)  # The stages before the sweep are reused where another test has run them.
    _wait(lambda: world.job_processes("sweep"))
    family = [*world.job_processes("sweep")]
    _wait(lambda: len(family[0].children(recursive=True)) > 3)
    family += family[0].children(recursive=True)
    path = f"/api/v2/dags/{DAG}/dagRuns/{run}/taskInstances/sweep"
    world.airflow.rest("PATCH", path, {"new_state": "failed"})
    _wait(lambda: not any(process.is_running() for process in family))
    assert "Stage sweep: committed" not in world.job_log(run, "sweep")
    assert world.airflow.wait(DAG, run, PATIENCE) == "failed"


def _kill(processes: list[psutil.Process]) -> None:
    assert processes
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _assert_same_as_undisturbed(world: World, run: str, store: Store) -> None:
    """Run the same jobs again, one after another, in a store of their own: the same files come out."""
    for task, job in world.jobs(run).items():
        assert Result.load(world.store, job.id, job.digest), task
    for task in ("flights", "split", "sample", "encode", "leaves", "train"):
        text = world.jobs(run)[task].model_dump_json()
        job = Job.model_validate_json(text.replace(world.store.root, store.root))
        job.save(store)
        result = run_job(store, job.id, job.digest)
        assert result.state is State.SUCCEEDED, result.error
        for output, reference in result.outputs[task].items():
            assert reference.fingerprint == world.artifact(run, task, output).fingerprint
        if task in ("leaves", "train"):
            ours = store.open(result.outputs[task]["model"]).manifest.files
            theirs = world.artifact(run, task, "model").manifest.files
            exact = [name for name in ours if name.endswith(("trees.parquet", "weights.npz"))]
            assert exact
            assert {name: ours[name] for name in exact} == {name: theirs[name] for name in exact}
