"""Jobs on a Ray cluster, through its Jobs API."""

from __future__ import annotations

import json
import shlex
import time

from stagecraft.artifacts.store import Store
from stagecraft.errors import JobFailedError
from stagecraft.jobs.job import Job, Result, State
from stagecraft.jobs.ray_jobs import ENDED, RayJobs
from stagecraft.jobs.run import STORAGE_OPTIONS_VARIABLE
from stagecraft.jobs.runner import Handle, Runner

STOP_SECONDS = 60.0


class RayRunner(Runner):
    """Runs a job as a Ray job, whose driver finds the cluster by ``RAY_ADDRESS``.

    The cluster needs Stagecraft installed, and the store within reach. The store's options travel in the
    job's environment, which whoever may see the cluster's dashboard can read: where that is too much, give
    the cluster credentials of its own and leave them out of the connection.

    :param store: the artifact store
    :param jobs: the cluster's jobs
    """

    def __init__(self, store: Store, jobs: RayJobs) -> None:
        self.store, self.jobs = store, jobs

    def submit(self, job: Job) -> Handle:
        submission = self._next(f"{job.id}-{job.digest}")
        if self.jobs.status(submission) is None:
            job.save(self.store)
        command = [
            "python",
            "-m",
            "stagecraft.jobs",
            f"--store={self.store.root}",
            f"--job={job.id}",
            f"--digest={job.digest}",
        ]
        options = self.store.storage_options
        environment = {STORAGE_OPTIONS_VARIABLE: json.dumps(options)} if options else {}
        self.jobs.submit(shlex.join(command), submission_id=submission, env=environment)
        return {"job": job.id, "digest": job.digest, "submission": submission}

    def state(self, handle: Handle) -> State:
        status = self.jobs.status(handle["submission"])
        if status is not None and status not in ENDED:
            return State.RUNNING
        result = Result.load(self.store, handle["job"], handle["digest"])
        return result.state if result else State.LOST

    def read_log(self, handle: Handle, offset: int) -> tuple[str, int]:
        text, _ = self.jobs.logs(handle["submission"], offset)
        whole = text if self.state(handle) is not State.RUNNING else text[: text.rfind("\n") + 1]
        return whole, offset + len(whole)

    def kill(self, handle: Handle) -> None:
        self.jobs.stop(handle["submission"])
        deadline = time.monotonic() + STOP_SECONDS
        while self.jobs.status(handle["submission"]) not in (None, *ENDED):
            if time.monotonic() > deadline:
                raise JobFailedError(
                    f"Ray at {self.jobs.address} does not end the job {handle['submission']}"
                )
            time.sleep(0.2)

    def _next(self, name: str) -> str:
        """Return the id of the living submission of this work, or the next unused one."""
        number = 1
        while self.jobs.status(f"{name}-{number}") in ENDED:
            number += 1
        return f"{name}-{number}"
