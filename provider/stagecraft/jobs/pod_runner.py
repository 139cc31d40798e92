"""Jobs as single pods of a Kubernetes cluster."""

from __future__ import annotations

from stagecraft.jobs.job import Job
from stagecraft.jobs.kubernetes_api import JOB, Object
from stagecraft.jobs.kubernetes_runner import KubernetesRunner, command, terminal_condition

SHARED_MEMORY = {"name": "shared-memory", "emptyDir": {"medium": "Memory"}}


class PodRunner(KubernetesRunner):
    """Runs a job in one pod: a Kubernetes ``Job`` without retries, since a retry is Airflow's to decide.

    The pod's ``/dev/shm`` is as large as its memory allows, for a Ray or parameter server of its own.
    """

    kind = JOB
    prefix = "pod"

    def spec(self, job: Job, secret: str | None) -> Object:
        template = self.pods.template(secret=secret, command=command(self.store, job))
        pod = template["spec"]
        pod["restartPolicy"] = "Never"
        pod["volumes"] = [*pod.get("volumes", []), SHARED_MEMORY]
        [container] = pod["containers"]
        mount = {"name": SHARED_MEMORY["name"], "mountPath": "/dev/shm"}
        container["volumeMounts"] = [*container.get("volumeMounts", []), mount]
        limit = self.pods.active_deadline_seconds
        return {
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": self.pods.ttl_seconds,
            **({"activeDeadlineSeconds": limit} if limit else {}),
            "template": template,
        }

    def ended(self, found: Object) -> str | None:
        return terminal_condition(found.get("status", {}).get("conditions", []))

    def progress(self, found: Object) -> str:
        if found.get("status", {}).get("ready"):
            return "Running"
        waiting = self.api.waiting(f"job-name={found['metadata']['name']}")
        return f"Pending ({waiting})" if waiting else "Pending"
