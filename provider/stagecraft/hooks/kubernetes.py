"""The connection to a Kubernetes cluster that runs jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException, BaseHook
from pydantic import ValidationError

from stagecraft.errors import InvalidInputError, JobFailedError
from stagecraft.jobs.pods import Pods

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from stagecraft.artifacts.store import Store
    from stagecraft.jobs.kubernetes_api import KubernetesApi
    from stagecraft.jobs.pod_runner import PodRunner
    from stagecraft.jobs.ray_job_runner import RayJobRunner

JSON_FIELDS = ("pod", "container")

NEEDED = (
    *((verb, "ray.io", "rayjobs") for verb in ("create", "get", "list", "delete")),
    ("list", "", "pods"),
    ("get", "", "pods/log"),
    ("create", "", "secrets"),
)
"""What a RayJob takes, as (verb, group, resource)."""


class KubernetesJobHook(BaseHook):
    """Runs jobs on the Kubernetes cluster of a ``stagecraft_kubernetes`` connection, as RayJobs or as pods.

    The connection's extra says how to reach the cluster, as that of Airflow's type ``kubernetes`` does
    (``in_cluster``, ``kube_config_path``, ``kube_config``, ``cluster_context``, ``namespace``), and what the
    pods are made from: the fields of :class:`Pods`. A connection of the type ``kubernetes`` with these fields
    does as well.

    :param stagecraft_kubernetes_conn_id: the connection's name

    >>> KubernetesJobHook().test_connection()  # doctest: +SKIP
    (True, 'https://10.0.0.1 runs RayJobs in default')
    """

    conn_name_attr = "stagecraft_kubernetes_conn_id"
    default_conn_name = "stagecraft_kubernetes"
    conn_type = "stagecraft_kubernetes"
    hook_name = "Stagecraft Kubernetes"

    def __init__(self, stagecraft_kubernetes_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stagecraft_kubernetes_conn_id = stagecraft_kubernetes_conn_id

    def test_connection(self) -> tuple[bool, str]:
        """Ask the cluster whether it knows RayJobs, and whether this user may run them in the namespace."""
        from kubernetes.config import ConfigException  # type: ignore[import-untyped]

        try:
            connection = self.get_connection(self.stagecraft_kubernetes_conn_id)
            pods_of(connection)
            api = api_of(connection)
            return _check(api)
        except (AirflowException, ConfigException, JobFailedError, OSError, ValueError) as error:
            return False, str(error)


def is_kubernetes(connection: Connection) -> bool:
    """Whether a connection leads to a Kubernetes cluster."""
    return connection.conn_type in (KubernetesJobHook.conn_type, "kubernetes")


def ray_job_runner(store: Store, connection: Connection) -> RayJobRunner:
    """Return the runner of RayJobs of a connection."""
    from stagecraft.jobs.ray_job_runner import RayJobRunner

    return RayJobRunner(store, api_of(connection), pods_of(connection))


def pod_runner(store: Store, connection: Connection) -> PodRunner:
    """Return the runner of pods of a connection."""
    from stagecraft.jobs.pod_runner import PodRunner

    return PodRunner(store, api_of(connection), pods_of(connection))


def pods_of(connection: Connection) -> Pods:
    """Return what the pods of a connection are made from.

    :raises InvalidInputError: a field lacks or is of no use
    """
    where, extra = f"connection {connection.conn_id}", connection.extra_dejson
    given = {name: extra[name] for name in Pods.model_fields if extra.get(name) not in (None, "")}
    for name in JSON_FIELDS:
        if isinstance(given.get(name), str):
            given[name] = _object(f"{where}.{name}", given[name])
    try:
        return Pods.model_validate(given)
    except ValidationError as error:
        [first, *_] = error.errors()
        field = ".".join([where, *map(str, first["loc"])])
        found = "no value" if first["type"] == "missing" else f"{first['msg']}: {first['input']!r}"
        raise InvalidInputError(field, found, "a field of the extra as docs/connections.md has it") from error


def api_of(connection: Connection) -> KubernetesApi:
    """Return the namespace of a connection; nothing is contacted yet."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    from stagecraft.jobs.kubernetes_api import KubernetesApi

    hook = KubernetesHook(kubernetes_conn_id=connection.conn_id)
    hook.conn_extras = connection.extra_dejson  # The hook would ask for it, for which a trigger cannot wait.
    namespace = hook.get_namespace() or KubernetesHook.DEFAULT_NAMESPACE
    return KubernetesApi(hook.api_client, namespace)


def _check(api: KubernetesApi) -> tuple[bool, str]:
    from stagecraft.jobs.kubernetes_api import RAY_JOB

    if not api.serves(RAY_JOB):
        return False, f"{api.address} knows no RayJob; what would do: KubeRay's operator in the cluster"
    lacking = [f"{verb} {resource}" for verb, group, resource in NEEDED if not api.may(verb, group, resource)]
    if lacking:
        return False, (
            f"{api.address} does not let this user {', '.join(lacking)} in {api.namespace}; "
            "what would do: the role of docs/connections.md"
        )
    return True, f"{api.address} runs RayJobs in {api.namespace}"


def _object(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidInputError(where, f"text that is no JSON ({error})", "a JSON object") from None
