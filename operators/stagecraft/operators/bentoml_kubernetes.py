"""Puts a prediction service onto a Kubernetes cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator
from pydantic import ValidationError

from stagecraft.errors import InvalidInputError, UnreachableError
from stagecraft.serving.kubernetes import Release, apply

if TYPE_CHECKING:
    from airflow.sdk import Context


class BentoMLKubernetesOperator(BaseOperator):
    """Applies a prediction service's Deployment, Service and autoscaler to a cluster, through a connection of
    Airflow's Kubernetes provider.

    Applied on the server's side, so that a retry, or the same again, changes nothing. Models go live in the
    service afterwards, by :class:`BentoMLDeployOperator`; no pod is started anew for them. Hands on ``yaml``:
    what was applied.

    >>> service = BentoMLKubernetesOperator(
    ...     task_id="service",
    ...     release={
    ...         "name": "predict",
    ...         "image": "registry/stagecraft:1",
    ...         "store_root": "s3://ml/store",
    ...         "manifest": "s3://ml/live/manifest.json",
    ...         "secret": "predict",
    ...         "replicas": 2,
    ...         "max_replicas": 10,
    ...     },
    ... )  # doctest: +SKIP

    :param release: the fields of :class:`stagecraft.serving.kubernetes.Release`
    :param namespace: where the objects are; the connection's where None
    :param kubernetes_conn_id: a connection of the type ``kubernetes``
    """

    template_fields: Sequence[str] = ("release", "namespace")

    def __init__(
        self,
        *,
        release: Mapping[str, Any],
        namespace: str | None = None,
        kubernetes_conn_id: str = "kubernetes_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.release = release
        self.namespace = namespace
        self.kubernetes_conn_id = kubernetes_conn_id

    def execute(self, context: Context) -> None:
        from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
        from urllib3.exceptions import HTTPError

        release = self._release()
        hook = KubernetesHook(conn_id=self.kubernetes_conn_id)
        namespace = self.namespace or hook.get_namespace() or KubernetesHook.DEFAULT_NAMESPACE
        for item in release.objects():
            try:
                apply(hook.api_client, namespace, item)
            except HTTPError as error:
                raise UnreachableError(
                    f"the cluster of {self.kubernetes_conn_id!r} does not answer: {error}"
                ) from error
            self.log.info("%s %s is applied in %s", item["kind"], release.name, namespace)
        context["ti"].xcom_push(key="yaml", value=release.yaml())

    def _release(self) -> Release:
        try:
            return Release.model_validate(dict(self.release))
        except ValidationError as error:
            first = error.errors()[0]
            raise InvalidInputError(
                f"task {self.task_id}: kubernetes.release.{'.'.join(map(str, first['loc']))}",
                f"{first['msg']}: {first['input']!r}",
                "a field as the class Release has it",
            ) from error
