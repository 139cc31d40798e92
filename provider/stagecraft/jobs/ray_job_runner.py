"""Jobs on Ray clusters of their own, which KubeRay starts on Kubernetes and ends with the job."""

from __future__ import annotations

import logging
import shlex
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from stagecraft.errors import InvalidInputError, UnreachableError
from stagecraft.jobs.job import Job, Step
from stagecraft.jobs.kubernetes_api import RAY_JOB, Object
from stagecraft.jobs.kubernetes_runner import MANAGED, KubernetesRunner, command
from stagecraft.jobs.runner import Handle
from stagecraft.stages.load import load_stage

log = logging.getLogger(__name__)

ENDED = ("Complete", "Failed")
ACTORS = ("workers", "shards", "concurrency")
"""The parameters of stages on Ray that count actors of one core each."""


class RayJobRunner(KubernetesRunner):
    """Runs a job as a ``RayJob`` of KubeRay: a head for the driver, workers for the actors, and a pod that
    submits the driver and shows its log.

    The cluster asks for a token of its own where KubeRay is 1.5.1 or newer.
    """

    kind = RAY_JOB
    prefix = "ray"

    def submit(self, job: Job) -> Handle:
        handle = super().submit(job)
        try:
            self._tidy()
        except UnreachableError as error:
            log.warning("RayJobs that ended long ago are not removed: %s", error)
        return handle

    def spec(self, job: Job, secret: str | None) -> Object:
        submitter = self.pods.template(secret=None, cpu="500m", memory="1Gi")
        submitter["spec"]["restartPolicy"] = "Never"
        workers = self._workers(job)
        limit = self.pods.active_deadline_seconds
        return {
            "entrypoint": shlex.join(command(self.store, job)),
            "submissionMode": "K8sJobMode",
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 0,  # The cluster's, which costs; the RayJob stays, see _tidy.
            **({"activeDeadlineSeconds": limit} if limit else {}),
            "submitterPodTemplate": submitter,
            "rayClusterSpec": {
                "rayVersion": version("ray"),
                "authOptions": {"mode": "token"},
                "headGroupSpec": {
                    # No actor may take the driver's cores.
                    "rayStartParams": {"dashboard-host": "0.0.0.0", "num-cpus": "0"},
                    "template": self.pods.template(secret=secret),
                },
                "workerGroupSpecs": [
                    {
                        "groupName": "workers",
                        "replicas": workers,
                        "minReplicas": workers,
                        "maxReplicas": workers,
                        "rayStartParams": {},
                        "template": self.pods.template(secret=secret),
                    }
                ],
            },
        }

    def ended(self, found: Object) -> str | None:
        status = found.get("status", {})
        if status.get("jobDeploymentStatus") not in ENDED:
            return None
        told = (status["jobDeploymentStatus"], status.get("reason"), status.get("message"))
        return ": ".join(part for part in told if part)

    def progress(self, found: Object) -> str:
        status = found.get("status", {})
        stage = status.get("jobDeploymentStatus") or "waits for KubeRay's operator"
        cluster = status.get("rayClusterName")
        waiting = self.api.waiting(f"ray.io/cluster={cluster}") if cluster and stage != "Running" else ""
        return f"{stage} ({waiting})" if waiting else str(stage)

    def _workers(self, job: Job) -> int:
        """Return the number of worker pods.

        :raises InvalidInputError: the connection's pods are too few or too small
        """
        counts = [actors(step) for step in job.steps]
        together = max(count["workers"] if count.get("shards") == 0 else 1 for count in counts)
        if together > self.pods.cpu:
            raise InvalidInputError(
                f"job {job.id}",
                f"{together} workers without shards share one machine, and a pod has {self.pods.cpu} cores",
                f"{together} as cpu in the connection's extra, or shards",
            )
        cores = max(sum(count.values()) for count in counts)
        workers = self.pods.workers or max(1, -(-cores // self.pods.cpu))
        if workers * self.pods.cpu < cores:
            raise InvalidInputError(
                f"job {job.id}",
                f"its actors need {cores} cores, and the connection gives {workers} pods of {self.pods.cpu}",
                f"{-(-cores // self.pods.cpu)} workers in the connection's extra, or none: then they suffice",
            )
        return workers

    def _tidy(self) -> None:
        """Remove ended RayJobs, as Kubernetes does Jobs: KubeRay itself ends their clusters alone."""
        oldest = datetime.now(UTC) - timedelta(seconds=self.pods.ttl_seconds)
        for found in self.api.find(RAY_JOB, ",".join(f"{name}={value}" for name, value in MANAGED.items())):
            end = found.get("status", {}).get("endTime")
            if self.ended(found) and end and datetime.fromisoformat(end) < oldest:
                self.api.delete(RAY_JOB, found)


def actors(step: Step) -> dict[str, int]:
    """Return the actors that a step starts on Ray, by what they are.

    What an earlier step decides counts as by default.
    """
    stage = load_stage(step.stage)
    if stage.engines != ("ray",):
        return {}
    defaults = {name: stage.model_fields[name].default for name in ACTORS if name in stage.model_fields}
    return {name: int(step.parameters.get(name, default)) for name, default in defaults.items()}
