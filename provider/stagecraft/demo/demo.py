"""The demo: a local Airflow and a prediction service, one run of the DAG, and what came of it."""

from __future__ import annotations

import fcntl
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from stagecraft.artifacts.store import Store
from stagecraft.demo import progress, results
from stagecraft.demo.airflow import LocalAirflow
from stagecraft.demo.client import AirflowClient
from stagecraft.demo.connections import connections, flights
from stagecraft.demo.memory import PeakMemory
from stagecraft.demo.service import PredictionService
from stagecraft.errors import StagecraftError


class Demo:
    """One home folder: at most one demo runs in it, and another call uses what is up.

    :param home: takes Airflow's home, the artifact store and the service's folder
    :param dags: the folder of the DAG files
    :param engine: ``duckdb`` or ``spark``; the DAG's own choice where None
    :param dag_id: the DAG to run
    :param report_task: the task that hands on the report
    :param say: takes a line of text
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        *,
        engine: str | None = None,
        dag_id: str = "flight_delay",
        report_task: str = "evaluate",
        say: Callable[[str], None] = print,
    ) -> None:
        self.home, self.dags = home.absolute(), dags.absolute()
        self.engine, self.dag_id, self.report_task, self.say = engine, dag_id, report_task, say
        self.store = Store(str(self.home / "store"))
        self.service = PredictionService(self.home / "serving", self.store.root)
        self.begin = time.monotonic()

    @property
    def airflow_home(self) -> Path:
        return self.home / "airflow"

    def start(self, *, stay: bool = True) -> bool:
        """Run the DAG, in the demo that is up or in a new one; return whether the run succeeded.

        :param stay: whether a new demo stays up until this process is interrupted
        """
        with self._only() as alone:
            if not alone:
                self.say(f"A demo is up in {self.home}: another run in it")
                airflow = AirflowClient(self.airflow_home)
                airflow.wait_healthy()
                return self.run(airflow)
            return self._start_new(stay)

    def stop(self, timeout: float = 60) -> bool:
        """End the demo that runs in this home; return whether there was one.

        :param timeout: seconds to wait for its end
        :raises StagecraftError: it does not end in time, or what holds the home is not a demo
        """
        with self._only() as alone:
            if alone:
                return False
        owner = self._owner()
        owner.terminate()
        try:
            owner.wait(timeout)
        except psutil.TimeoutExpired as error:
            raise StagecraftError(f"process {owner.pid} does not end in {timeout:.0f} s") from error
        return True

    def run(self, airflow: AirflowClient) -> bool:
        """Trigger a run, follow it, and tell what came of it."""
        airflow.unpause(self.dag_id)
        run_id = airflow.trigger(self.dag_id, {"engine": self.engine} if self.engine else {})
        begin = time.monotonic()
        self.say(f"Run {run_id}: {airflow.run_url(self.dag_id, run_id)}\n")
        state = progress.follow(airflow, self.dag_id, run_id, say=self.say)
        took = time.monotonic() - begin
        if state != "success":
            self.say(
                f"\nThe run failed after {took:.0f} s.\n{progress.failures(airflow, self.dag_id, run_id)}"
            )
            return False
        body = results.prediction_request(self.service.url, self.service.home, self.store)
        answer = results.predict(self.service.url, body)
        self.say(f"\nThe run took {took:.0f} s. Quality on the held-out months:\n")
        self.say(results.quality(airflow, self.store, self.dag_id, run_id, task_id=self.report_task))
        self.say("\nA prediction from the deployed model:\n")
        self.say(f"{results.curl_line(self.service.url, body)}\n{answer}\n")
        self.say(f"Airflow:            {airflow.run_url(self.dag_id, run_id)}")
        self.say(f"Prediction service: {self.service.url}")
        return True

    def _start_new(self, stay: bool) -> bool:
        self.say("Starting the prediction service and Airflow")
        self.service.choose_port()
        env = connections(Path(self.store.root), self.service) | flights()
        # Each of Airflow's workers takes seconds to warm up, and the DAG has little to do side by side.
        airflow = LocalAirflow(self.airflow_home, self.dags, env=env, parallelism=2)
        ended = threading.Event()
        try:
            self.service.start()
            with PeakMemory(lambda: [*airflow.processes(), *self.service.processes()]) as peak:
                airflow.start()
                self.service.wait_ready()
                self.say(f"Airflow is up after {time.monotonic() - self.begin:.0f} s: {airflow.url}")
                succeeded = self.run(airflow)
            total = time.monotonic() - self.begin
            self.say(f"From the start: {total:.0f} s, peak memory {peak.bytes / 2**30:.1f} GiB")
            if stay and succeeded:
                self.say("\nBoth stay up: Ctrl-C, or make stop elsewhere, ends them.")
                while not ended.wait(1):
                    airflow.check_alive()
            return succeeded
        finally:
            self.say("Ending Airflow and the prediction service")
            airflow.stop()
            self.service.stop()

    @contextmanager
    def _only(self) -> Iterator[bool]:
        """Hold the home's lock, which ends with the process; give False where another process has it."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.home / "demo.lock", "a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            file.truncate(0)
            own = psutil.Process()
            file.write(json.dumps({"pid": own.pid, "created": own.create_time()}))
            file.flush()
            yield True

    def _owner(self) -> psutil.Process:
        """The process that holds the lock."""
        found: dict[str, Any] = json.loads((self.home / "demo.lock").read_text())
        process = psutil.Process(found["pid"])
        if abs(process.create_time() - found["created"]) > 1:
            raise StagecraftError(f"process {found['pid']} is not the demo of {self.home}")
        return process
