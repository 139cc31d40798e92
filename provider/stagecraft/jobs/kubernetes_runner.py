"""Jobs as objects of a Kubernetes cluster, whose controllers start their pods."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from abc import abstractmethod
from typing import Any, ClassVar

from stagecraft.artifacts.store import Store
from stagecraft.errors import JobFailedError
from stagecraft.jobs.job import Job, Result, State
from stagecraft.jobs.kubernetes_api import Kind, KubernetesApi, Object
from stagecraft.jobs.pods import OPTIONS_KEY, Pods
from stagecraft.jobs.runner import Handle, Runner

log = logging.getLogger(__name__)

STOP_SECONDS = 120.0
MANAGED = {"app.kubernetes.io/managed-by": "stagecraft"}
JOB_LABEL, DIGEST_LABEL = "stagecraft/job", "stagecraft/digest"


class KubernetesRunner(Runner):
    """Runs a job as one object, whose name the job alone decides: the API server lets only one of them live.

    The pods need Stagecraft in their image, and the store within reach. What the store's connection holds
    goes to them by a Secret, which belongs to the object and ends with it.

    :param store: the artifact store
    :param api: the namespace that the job runs in
    :param pods: what its pods are made from
    """

    kind: ClassVar[Kind]
    prefix: ClassVar[str]
    """What its objects' names begin with: a RayJob has a Job of its own name, which must be no other's."""

    def __init__(self, store: Store, api: KubernetesApi, pods: Pods) -> None:
        self.store, self.api, self.pods = store, api, pods
        self._told = ""

    @abstractmethod
    def spec(self, job: Job, secret: str | None) -> Object:
        """Return the object's spec.

        :param secret: the Secret with the store's options
        """

    @abstractmethod
    def ended(self, found: Object) -> str | None:
        """Return how the object has ended, in Kubernetes' words, or None while it lives."""

    @abstractmethod
    def progress(self, found: Object) -> str:
        """Say where an object stands that lives."""

    def manifest(self, job: Job) -> Object:
        """Return what is sent to the API server."""
        name = object_name(self.prefix, self.store, job)
        return {
            "apiVersion": "/".join(self.kind.path),
            "kind": self.kind.name,
            "metadata": {
                "name": name,
                "namespace": self.api.namespace,
                "labels": {**MANAGED, JOB_LABEL: job_label(job), DIGEST_LABEL: job.digest},
                "annotations": {JOB_LABEL: job.id},
            },
            "spec": self.spec(job, name if self._sends_options else None),
        }

    def submit(self, job: Job) -> Handle:
        manifest = self.manifest(job)
        name = manifest["metadata"]["name"]
        while True:
            found = self.api.get(self.kind, name)
            if found is not None and self._runs(found, job):
                log.info("The %s %s runs already", self.kind.name, name)
                break
            if found is not None:
                self._remove(found)
            job.save(self.store)
            found = self.api.create(self.kind, manifest)
            if found is not None:
                log.info("Created the %s %s in %s", self.kind.name, name, self.api.namespace)
                break
        if self._sends_options:
            self.api.create_secret(self._secret(found))
        return {
            "job": job.id,
            "digest": job.digest,
            "namespace": self.api.namespace,
            "name": name,
            "uid": found["metadata"]["uid"],
        }

    def state(self, handle: Handle) -> State:
        found = self._find(handle)
        how = "it is gone" if found is None else self.ended(found)
        if found is not None and how is None:
            self._tell(f"The {self.kind.name} {handle['name']}: {self.progress(found)}")
            return State.RUNNING
        if result := Result.load(self.store, handle["job"], handle["digest"]):
            return result.state
        self._tell(f"The {self.kind.name} {handle['name']} left no result: {how}")
        return State.LOST

    def read_log(self, handle: Handle, offset: int) -> tuple[str, int]:
        lines, offset = self._at(handle).log(f"job-name={handle['name']}", offset)
        return "".join(f"{line}\n" for line in lines), offset

    def kill(self, handle: Handle) -> None:
        if found := self._find(handle):
            self._remove(found)

    def _runs(self, found: Object, job: Job) -> bool:
        """Whether an object is at this very work, and nobody has ended it."""
        metadata = found["metadata"]
        same = metadata.get("labels", {}).get(DIGEST_LABEL) == job.digest
        return same and "deletionTimestamp" not in metadata and self.ended(found) is None

    def _find(self, handle: Handle) -> Object | None:
        """Return the object of a submission, not one of a later submission."""
        found = self._at(handle).get(self.kind, handle["name"])
        return found if found is not None and found["metadata"]["uid"] == handle["uid"] else None

    def _remove(self, found: Object) -> None:
        """Delete an object and wait until its pods are gone too: then nothing of it runs any more."""
        metadata = found["metadata"]
        self._at(metadata).delete(self.kind, found)
        deadline = time.monotonic() + STOP_SECONDS
        while self._find(metadata) is not None:
            if time.monotonic() > deadline:
                raise JobFailedError(f"Kubernetes does not end the {self.kind.name} {metadata['name']}")
            time.sleep(0.5)

    def _at(self, submitted: Handle) -> KubernetesApi:
        """Return the namespace of a submission: the connection may name another since."""
        return KubernetesApi(self.api.client, submitted["namespace"])

    @property
    def _sends_options(self) -> bool:
        return bool(self.store.storage_options) and self.pods.secret is None

    def _secret(self, owner: Object) -> Object:
        metadata = owner["metadata"]
        reference = {
            "apiVersion": "/".join(self.kind.path),
            "kind": self.kind.name,
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
        return {
            "metadata": {"name": metadata["name"], "labels": MANAGED, "ownerReferences": [reference]},
            "stringData": {OPTIONS_KEY: json.dumps(self.store.storage_options)},
        }

    def _tell(self, what: str) -> None:
        """Log what is new."""
        if what != self._told:
            log.info(what)
            self._told = what


def command(store: Store, job: Job) -> list[str]:
    """Return the command line that runs a saved job."""
    return [
        "python",
        "-m",
        "stagecraft.jobs",
        f"--store={store.root}",
        f"--job={job.id}",
        f"--digest={job.digest}",
    ]


def object_name(prefix: str, store: Store, job: Job) -> str:
    """Return the name of a job's object: at most 47 characters, which is what KubeRay takes."""
    key = hashlib.sha256(f"{store.root}\n{job.id}".encode()).hexdigest()[:12]
    readable = re.sub(r"[^a-z0-9]+", "-", job.id.lower())[:30].strip("-")
    return f"{prefix}-{readable}-{key}"


def job_label(job: Job) -> str:
    """Return a job's id as a label may hold it: its end, which is its own."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", job.id)[-63:].lstrip("-_.")


def terminal_condition(conditions: list[dict[str, Any]]) -> str | None:
    """Return the condition that says how a Kubernetes Job has ended."""
    for condition in conditions:
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            told = (condition["type"], condition.get("reason"), condition.get("message"))
            return ": ".join(part for part in told if part)
    return None
