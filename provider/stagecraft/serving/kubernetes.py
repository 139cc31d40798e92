"""A prediction service on Kubernetes: a Deployment, a Service and an autoscaler, as objects and as YAML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Object = dict[str, Any]

PORT, GRPC_PORT = 3000, 3001
ROOT, CERTIFICATE = "/service", "/certificate"
FIELD_MANAGER = "stagecraft"


class Release(BaseModel):
    """What a service on Kubernetes is made from.

    :param name: of its objects
    :param image: an image that holds Stagecraft; ``docker/Dockerfile`` makes one
    :param store_root: the artifact store, on an object store that the pods reach
    :param manifest: the manifest's URI on an object store, which all pods follow
    :param secret: a Secret whose keys become environment variables: ``STAGECRAFT_SERVING_TOKEN``,
        ``STAGECRAFT_SERVING_STORE_OPTIONS``
    :param replicas: pods, at least
    :param max_replicas: pods at most; more than ``replicas`` adds an autoscaler
    :param cpu_percent: the share of the requested cores that the autoscaler keeps
    :param workers: processes a pod, each of which takes a core at most
    :param memory: memory of a pod, as Kubernetes writes it
    :param grpc: whether predictions and management are answered over gRPC too, on port 3001
    :param certificate: a Secret of the type ``kubernetes.io/tls``; with it, gRPC is spoken over TLS alone
    :param options: further options of ``python -m stagecraft.serving``, as ``{"max-rows": 1000}``
    :param pod: further fields of the pods' spec: ``serviceAccountName``, ``nodeSelector``, ``tolerations`` …

    >>> release = Release(name="predict", image="registry/stagecraft:1", store_root="s3://ml/store",
    ...     manifest="s3://ml/live/manifest.json")
    >>> [each["kind"] for each in release.objects()]
    ['Deployment', 'Service']
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z]([a-z0-9-]{0,51}[a-z0-9])?$")
    image: str = Field(min_length=1)
    store_root: str = Field(pattern=r"^[a-z0-9+.-]+://")
    manifest: str = Field(pattern=r"^[a-z0-9+.-]+://.+/.+")
    secret: str | None = Field(default=None, min_length=1)
    replicas: int = Field(default=1, ge=1)
    max_replicas: int | None = Field(default=None, ge=1)
    cpu_percent: int = Field(default=70, ge=1, le=100)
    workers: int = Field(default=2, ge=1)
    memory: str = Field(default="2Gi", pattern=r"^[1-9]\d*([MG]i?)$")
    grpc: bool = False
    certificate: str | None = Field(default=None, min_length=1)
    options: dict[str, str | int | float] = {}
    pod: Object = {}

    @model_validator(mode="after")
    def _scales_up(self) -> Release:
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise ValueError(f"max_replicas: {self.max_replicas} is fewer than {self.replicas} replicas")
        if self.certificate is not None and not self.grpc:
            raise ValueError("certificate: it is gRPC's, which is off; what would do: grpc=True")
        return self

    @property
    def labels(self) -> dict[str, str]:
        return {"app.kubernetes.io/name": self.name, "app.kubernetes.io/component": "prediction-service"}

    def objects(self) -> list[Object]:
        """Return the objects, in the order in which to apply them."""
        scaled = [self._autoscaler()] if (self.max_replicas or 0) > self.replicas else []
        return [self._deployment(), self._service(), *scaled]

    def yaml(self) -> str:
        """Return the objects as a YAML file that ``kubectl apply -f`` takes."""
        import yaml  # type: ignore[import-untyped]

        return str(yaml.safe_dump_all(self.objects(), sort_keys=False))

    def _deployment(self) -> Object:
        spec: Object = {
            "selector": {"matchLabels": self.labels},
            # A pod leaves once another is ready, so that an upgrade loses no request.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {"metadata": {"labels": self.labels}, "spec": self._pod()},
        }
        if (self.max_replicas or 0) <= self.replicas:  # Else the autoscaler decides.
            spec = {"replicas": self.replicas, **spec}
        return self._object("apps/v1", "Deployment", spec)

    def _pod(self) -> Object:
        return {
            "terminationGracePeriodSeconds": 60,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            **self.pod,
            "containers": [self._container()],
            "volumes": [*self.pod.get("volumes", []), *self._volumes()],
        }

    def _volumes(self) -> list[Object]:
        volumes: list[Object] = [{"name": "service", "emptyDir": {"sizeLimit": "1Gi"}}]
        if self.certificate is not None:
            volumes.append({"name": "certificate", "secret": {"secretName": self.certificate}})
        return volumes

    def _grpc_options(self) -> Object:
        options: Object = {"grpc-port": GRPC_PORT} if self.grpc else {}
        if self.certificate is not None:
            options["grpc-certificate"] = f"{CERTIFICATE}/tls.crt"
            options["grpc-key"] = f"{CERTIFICATE}/tls.key"
        return options

    def _container(self) -> Object:
        size = {"cpu": str(self.workers), "memory": self.memory}
        given = {
            "root": ROOT,
            "store-root": self.store_root,
            "manifest": self.manifest,
            "host": "0.0.0.0",
            "port": PORT,
            "workers": self.workers,
            **self._grpc_options(),
            **self.options,
        }
        container: Object = {
            "name": "service",
            "image": self.image,
            "command": ["python", "-m", "stagecraft.serving"],
            "args": [part for name, value in given.items() for part in (f"--{name}", str(value))],
            "ports": [{"name": "http", "containerPort": PORT}],
            "env": [
                {
                    "name": "STAGECRAFT_SERVING_INSTANCE",
                    "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
                }
            ],
            "resources": {"requests": size, "limits": {"memory": self.memory}},
            "startupProbe": _probe("/readyz", period=2, failures=90),
            "readinessProbe": _probe("/readyz", period=5, failures=2),
            "livenessProbe": _probe("/livez", period=10, failures=6),
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "volumeMounts": [{"name": "service", "mountPath": ROOT}],
        }
        if self.grpc:
            container["ports"].append({"name": "grpc", "containerPort": GRPC_PORT})
        if self.certificate is not None:
            mount = {"name": "certificate", "mountPath": CERTIFICATE, "readOnly": True}
            container["volumeMounts"].append(mount)
        if self.secret is not None:
            container["envFrom"] = [{"secretRef": {"name": self.secret}}]
        return container

    def _service(self) -> Object:
        ports: list[Object] = [{"name": "http", "port": 80, "targetPort": "http"}]
        if self.grpc:
            protocol = "https" if self.certificate else "kubernetes.io/h2c"
            ports.append({"name": "grpc", "port": GRPC_PORT, "targetPort": "grpc", "appProtocol": protocol})
        return self._object("v1", "Service", {"selector": self.labels, "ports": ports})

    def _autoscaler(self) -> Object:
        target = {"type": "Utilization", "averageUtilization": self.cpu_percent}
        spec = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name},
            "minReplicas": self.replicas,
            "maxReplicas": self.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }
        return self._object("autoscaling/v2", "HorizontalPodAutoscaler", spec)

    def _object(self, version: str, kind: str, spec: Object) -> Object:
        metadata = {"name": self.name, "labels": self.labels}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _probe(path: str, *, period: int, failures: int) -> Object:
    get = {"path": path, "port": "http"}
    return {"httpGet": get, "periodSeconds": period, "timeoutSeconds": 5, "failureThreshold": failures}


def apply(client: Any, namespace: str, item: Object) -> None:
    """Bring an object of a cluster to what it should be, by server-side apply; again is the same.

    :param client: a ``kubernetes.client.ApiClient``
    """
    from kubernetes.client import AppsV1Api, AutoscalingV2Api, CoreV1Api  # type: ignore[import-untyped]

    patches = {
        "Deployment": AppsV1Api(client).patch_namespaced_deployment,
        "Service": CoreV1Api(client).patch_namespaced_service,
        "HorizontalPodAutoscaler": AutoscalingV2Api(client).patch_namespaced_horizontal_pod_autoscaler,
    }
    patches[item["kind"]](
        item["metadata"]["name"],
        namespace,
        item,
        field_manager=FIELD_MANAGER,
        force=True,
        _content_type="application/apply-patch+yaml",
    )
