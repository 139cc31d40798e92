"""The few requests to a Kubernetes API server that a runner needs."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from stagecraft.errors import JobFailedError, UnreachableError
from stagecraft.jobs.pods import CONTAINER

Object = dict[str, Any]

GONE, CONFLICT = 404, 409
NOT_STARTED = 400
TEMPORARY = (408, 409, 429)
CLOCK_SECONDS = 30
"""How far this machine's clock may be from a node's."""

STAMPED = re.compile(
    r"(?P<time>[\d-]{10}T[\d:]{8})(\.(?P<fraction>\d{1,9}))?(?P<zone>Z|[+-]\d\d:\d\d) ?(?P<text>.*)",
    re.DOTALL,
)


class Kind(NamedTuple):
    """A kind of objects, as the API's paths and manifests name it."""

    group: str
    version: str
    plural: str
    name: str

    @property
    def path(self) -> tuple[str, str]:
        return self.group, self.version


RAY_JOB = Kind("ray.io", "v1", "rayjobs", "RayJob")
JOB = Kind("batch", "v1", "jobs", "Job")


class KubernetesApi:
    """Objects of one namespace, and the logs of their pods.

    :param client: a ``kubernetes.client.ApiClient``, which knows the server and how to log in
    :param namespace: where the objects are
    """

    def __init__(self, client: Any, namespace: str) -> None:
        from kubernetes.client import CoreV1Api, CustomObjectsApi  # type: ignore[import-untyped]

        self.client, self.namespace = client, namespace
        # The path of a custom object is that of every other: one client serves RayJobs and Jobs.
        self._objects, self._core = CustomObjectsApi(client), CoreV1Api(client)

    @property
    def address(self) -> str:
        return str(self.client.configuration.host)

    def serves(self, kind: Kind) -> bool:
        """Whether the cluster knows a kind: for a RayJob, whether KubeRay is installed."""
        found = self._ask("look for", self._objects.get_api_resources, *kind.path, absent=(GONE,))
        return found is not None and any(one.name == kind.plural for one in found.resources)

    def may(self, verb: str, group: str, resource: str) -> bool:
        """Whether the user may do this in the namespace."""
        from kubernetes.client import AuthorizationV1Api

        resource, _, subresource = resource.partition("/")
        asked = {
            "namespace": self.namespace,
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
        }
        review = {"spec": {"resourceAttributes": asked}}
        ask = AuthorizationV1Api(self.client).create_self_subject_access_review
        return bool(self._ask("ask for permissions", ask, review).status.allowed)

    def create(self, kind: Kind, manifest: Object) -> Object | None:
        """Create an object; return it, or None where there is one of its name."""
        create = self._objects.create_namespaced_custom_object
        where = (*kind.path, self.namespace, kind.plural)
        found: Object | None = self._ask(
            f"create a {kind.name}", create, *where, manifest, absent=(CONFLICT,)
        )
        return found

    def create_secret(self, manifest: Object) -> None:
        """Create a Secret unless there is one of its name."""
        create = self._core.create_namespaced_secret
        self._ask("create a Secret", create, self.namespace, manifest, absent=(CONFLICT,))

    def get(self, kind: Kind, name: str) -> Object | None:
        get = self._objects.get_namespaced_custom_object
        where = (*kind.path, self.namespace, kind.plural, name)
        found: Object | None = self._ask(f"read a {kind.name}", get, *where, absent=(GONE,))
        return found

    def find(self, kind: Kind, labels: str) -> list[Object]:
        """Return the objects with certain labels, as ``name=value``."""
        every = self._objects.list_namespaced_custom_object
        where = (*kind.path, self.namespace, kind.plural)
        found = self._ask(f"list every {kind.name}", every, *where, label_selector=labels)
        return list(found["items"])

    def delete(self, kind: Kind, found: Object) -> None:
        """Delete this object, and first what belongs to it; not another that has its name by now."""
        delete = self._objects.delete_namespaced_custom_object
        metadata = found["metadata"]
        where = (*kind.path, self.namespace, kind.plural, metadata["name"])
        options = {"propagationPolicy": "Foreground", "preconditions": {"uid": metadata["uid"]}}
        self._ask(f"delete a {kind.name}", delete, *where, body=options, absent=(GONE, CONFLICT))

    def waiting(self, labels: str) -> str:
        """Say why pods do not start; empty where they do."""
        reasons = set()
        for pod in self._pods(labels):
            for condition in pod.status.conditions or []:
                if condition.type == "PodScheduled" and condition.status == "False":
                    reasons.add(condition.message or condition.reason)
            for container in pod.status.container_statuses or []:
                if container.state.waiting and container.state.waiting.message:
                    reasons.add(f"{container.state.waiting.reason}: {container.state.waiting.message}")
        return "; ".join(sorted(reasons))

    def log(self, labels: str, since: int) -> tuple[list[str], int]:
        """Return the whole lines that the newest pod has logged after an instant, and that of the last one.

        :param since: nanoseconds since the epoch by the node's clock, as an earlier call returned it, or 0
        """
        pods = self._pods(labels)
        if not pods:
            return [], since
        newest = max(pods, key=lambda pod: pod.metadata.creation_timestamp)
        age = math.ceil((time.time_ns() - since) / 1e9) + CLOCK_SECONDS
        raw = self._ask(
            "read a log",
            self._core.read_namespaced_pod_log,
            newest.metadata.name,
            self.namespace,
            container=CONTAINER,
            timestamps=True,
            absent=(GONE, NOT_STARTED),
            _preload_content=False,
            **({"since_seconds": max(age, 1)} if since else {}),
        )
        if raw is None:
            return [], since
        whole = raw.data.decode(errors="replace").split("\n")[:-1]
        new = [(at, text) for at, text in map(stamped, whole) if at > since]
        return [text for _, text in new], max((at for at, _ in new), default=since)

    def _pods(self, labels: str) -> list[Any]:
        pods = self._ask("list pods", self._core.list_namespaced_pod, self.namespace, label_selector=labels)
        return list(pods.items)

    def _ask(
        self, what: str, call: Callable[..., Any], *args: Any, absent: tuple[int, ...] = (), **kwargs: Any
    ) -> Any:
        """Send a request; return None where the answer is one of the ``absent`` statuses."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return call(*args, **kwargs)
        except HTTPError as error:
            raise UnreachableError(
                f"Kubernetes at {self.address} does not answer ({error}); what would do: a connection whose "
                "address can be reached from here"
            ) from error
        except ApiException as error:
            if error.status in absent:
                return None
            told = f"Kubernetes at {self.address} refuses to {what} in {self.namespace!r} with {error.status}"
            detail = str(error.body or error.reason or "").strip()[:500]
            if error.status in (401, 403):
                raise UnreachableError(
                    f"{told}: {detail}; what would do: the role of docs/connections.md"
                ) from error
            if error.status in TEMPORARY or error.status >= 500:
                raise UnreachableError(f"{told}: {detail}") from error
            remedy = "; what would do: KubeRay's operator, and a namespace that exists"
            raise JobFailedError(f"{told}: {detail}{remedy if error.status == GONE else ''}") from error


def stamped(line: str) -> tuple[int, str]:
    """Split a log line from its RFC 3339 instant, in nanoseconds since the epoch.

    What bears none is a message of the node's, not of the job's: its instant is 0.

    >>> stamped("1970-01-01T00:00:01.000000002Z begun")
    (1000000002, 'begun')
    """
    found = STAMPED.fullmatch(line)
    if found is None:
        return 0, line
    seconds = int(datetime.fromisoformat(found["time"] + found["zone"]).timestamp())
    return seconds * 10**9 + int((found["fraction"] or "").ljust(9, "0")), found["text"]
