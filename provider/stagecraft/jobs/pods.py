"""The pods of a job on Kubernetes: their image and size, and how they come by the store's credentials."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stagecraft.jobs.run import STORAGE_OPTIONS_VARIABLE

CONTAINER = "stagecraft"
OPTIONS_KEY = "storage-options"
OURS = {
    "pod": {"containers", "restartPolicy"},
    "container": {"name", "image", "command", "args", "resources"},
}


class Pods(BaseModel):
    """What the pods of a job are made from; the extras of a Kubernetes connection.

    :param image: an image that holds Stagecraft and its dependencies
    :param cpu: cores of a pod
    :param memory: memory of a pod, as Kubernetes writes it
    :param workers: pods beside the head, for a job on Ray; enough for the job's actors where None
    :param secret: a Secret of the namespace whose keys become environment variables, such as the store's
        credentials. Where None, the store connection's options go into a Secret that ends with the job
    :param active_deadline_seconds: after this time Kubernetes ends a job; never where None
    :param ttl_seconds: how long what is left of an ended job stays, its log among it
    :param pod: further fields of the pods' spec: ``serviceAccountName``, ``nodeSelector``, ``volumes`` …
    :param container: further fields of the containers: ``volumeMounts``, ``env``, ``securityContext`` …

    >>> [container] = Pods(image="registry/stagecraft:1").template(secret=None)["spec"]["containers"]
    >>> container["resources"]["limits"]
    {'cpu': '2', 'memory': '4Gi'}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str = Field(min_length=1)
    cpu: int = Field(default=2, ge=1, le=1024)
    memory: str = Field(default="4Gi", pattern=r"^[1-9]\d*([MGT]i?)$")
    workers: int | None = Field(default=None, ge=1, le=1024)
    secret: str | None = Field(default=None, min_length=1)
    active_deadline_seconds: int | None = Field(default=None, ge=1)
    ttl_seconds: int = Field(default=3600, ge=0)
    pod: dict[str, Any] = Field(default_factory=dict)
    container: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _leave_ours(self) -> Self:
        for name, ours in OURS.items():
            if taken := ours & set(getattr(self, name)):
                raise ValueError(f"{name}: Stagecraft sets {', '.join(sorted(taken))} itself")
        return self

    def template(
        self,
        *,
        secret: str | None,
        command: list[str] | None = None,
        cpu: str | None = None,
        memory: str | None = None,
    ) -> dict[str, Any]:
        """Return a pod template, whose restart policy is left to the one that uses it.

        :param secret: the Secret with the store's options
        :param command: what runs in it; where None, whoever starts the pod decides
        """
        env = [{"name": "PYTHONUNBUFFERED", "value": "1"}]
        reference = {"secretKeyRef": {"name": secret, "key": OPTIONS_KEY}}
        options = [{"name": STORAGE_OPTIONS_VARIABLE, "valueFrom": reference}] if secret else []
        credentials = [{"secretRef": {"name": self.secret}}] if self.secret else []
        size = {"cpu": cpu or str(self.cpu), "memory": memory or self.memory}
        container = {
            **self.container,
            "name": CONTAINER,
            "image": self.image,
            "env": [*self.container.get("env", []), *env, *options],
            "envFrom": [*self.container.get("envFrom", []), *credentials],
            "resources": {"requests": size, "limits": size},
        }
        if command is not None:
            container["command"] = command
        return {"spec": {**self.pod, "containers": [container]}}
