"""What is sent to a Kubernetes API server, checked against the published schemas of what it takes."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.jobs.job import Job, Step
from stagecraft.jobs.kubernetes_api import stamped
from stagecraft.jobs.kubernetes_runner import DIGEST_LABEL, JOB_LABEL, job_label, object_name
from stagecraft.jobs.pod_runner import PodRunner
from stagecraft.jobs.pods import Pods
from stagecraft.jobs.ray_job_runner import RayJobRunner
from stagecraft.stages.ps_train import PSTrain

SECRET = {"key": "AKIA", "secret": "hush"}
API: Any = SimpleNamespace(namespace="ml")

# The fields of ray.io/v1 that are used, with their types, as KubeRay's API reference of version 1.6 has them;
# those of 1.0 but for authOptions, which older operators leave out.
INTEGER, TEXT, TRUTH, TEXTS = int, str, bool, dict
RAY_JOB = {
    "entrypoint": TEXT,
    "submissionMode": TEXT,
    "shutdownAfterJobFinishes": TRUTH,
    "ttlSecondsAfterFinished": INTEGER,
    "activeDeadlineSeconds": INTEGER,
    "submitterPodTemplate": "pod",
    "rayClusterSpec": {
        "rayVersion": TEXT,
        "authOptions": {"mode": TEXT},
        "headGroupSpec": {"rayStartParams": TEXTS, "template": "pod"},
        "workerGroupSpecs": [
            {
                "groupName": TEXT,
                "replicas": INTEGER,
                "minReplicas": INTEGER,
                "maxReplicas": INTEGER,
                "rayStartParams": TEXTS,
                "template": "pod",
            }
        ],
    },
}
REQUIRED = {"headGroupSpec", "template", "rayStartParams", "groupName", "minReplicas", "maxReplicas"}


def check(value: Any, schema: Any, where: str = "spec") -> None:
    """Check a value as an API server does, whose schema prunes what it does not know."""
    if schema == "pod":
        typed(value, "V1PodTemplateSpec")
    elif isinstance(schema, list):
        for one in value:
            check(one, schema[0], f"{where}[]")
    elif isinstance(schema, dict):
        assert set(value) <= set(schema), where
        assert REQUIRED & set(schema) <= set(value), where
        for name in value:
            check(value[name], schema[name], f"{where}.{name}")
    else:
        assert type(value) is schema, where
        if schema is TEXTS:
            assert all(type(text) is str for text in value.values()), where


def typed(value: Any, kind: str) -> None:
    """Check a value against a type of Kubernetes' own: its client drops what the type does not have."""
    from kubernetes.client import ApiClient

    client = ApiClient()
    parsed = client.deserialize(SimpleNamespace(data=json.dumps(value)), kind)
    assert client.sanitize_for_serialization(parsed) == value


def job(**parameters: Any) -> Job:
    given = {"label": "y", "workers": 3, "shards": 2, **parameters}
    step = Step(name="train", stage="stagecraft.stages.ps_train:PSTrain", parameters=given)
    name = "My_Dag.scheduled__2026-01-01T00-00-00.Train-0a1b2c3d"
    return Job(id=name, engine="duckdb", store="s3://bucket/a b", tracking="t", steps=[step])


def spec_of(pods: Pods, store: Store | None = None, **parameters: Any) -> Any:
    store = store or Store("s3://bucket/a b", SECRET)
    return RayJobRunner(store, API, pods).manifest(job(**parameters))["spec"]


def containers(spec: Any) -> list[Any]:
    cluster = spec["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"]["spec"]["containers"][0] for group in groups]


FULL = Pods(
    image="registry/stagecraft:1",
    active_deadline_seconds=600,
    pod={"serviceAccountName": "trainer", "tolerations": [{"key": "ml", "operator": "Exists"}]},
    container={"env": [{"name": "A", "value": "1"}], "securityContext": {"runAsNonRoot": True}},
    secret="s3",
)


@pytest.mark.parametrize("pods", [Pods(image="stagecraft"), FULL], ids=["least", "full"])
def test_a_rayjob_is_as_kuberay_takes_it(pods: Pods) -> None:
    manifest = RayJobRunner(Store("s3://bucket/a b", SECRET), API, pods).manifest(job())
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayJob")
    typed(manifest["metadata"], "V1ObjectMeta")
    assert manifest["metadata"]["labels"][DIGEST_LABEL] == job().digest
    assert manifest["metadata"]["annotations"] == {JOB_LABEL: job().id}
    check(manifest["spec"], RAY_JOB)
    assert manifest["spec"]["entrypoint"] == (
        f"python -m stagecraft.jobs '--store=s3://bucket/a b' --job={job().id} --digest={job().digest}"
    )
    assert manifest["spec"]["submitterPodTemplate"]["spec"]["restartPolicy"] == "Never"
    assert manifest["spec"].get("activeDeadlineSeconds") == pods.active_deadline_seconds


@pytest.mark.parametrize("pods", [Pods(image="stagecraft"), FULL], ids=["least", "full"])
def test_a_job_is_as_kubernetes_takes_it(pods: Pods) -> None:
    manifest = PodRunner(Store("s3://bucket", SECRET), API, pods).manifest(job())
    typed(manifest, "V1Job")
    [container] = manifest["spec"]["template"]["spec"]["containers"]
    assert container["command"][:3] == ["python", "-m", "stagecraft.jobs"]
    assert manifest["spec"]["backoffLimit"] == 0


def test_credentials_go_by_reference_alone() -> None:
    options = "STAGECRAFT_STORAGE_OPTIONS"
    spec = spec_of(Pods(image="stagecraft"))
    for container in containers(spec):
        [entry] = [entry for entry in container["env"] if entry["name"] == options]
        assert set(entry["valueFrom"]) == {"secretKeyRef"}
    for given in (spec, spec_of(FULL)):
        assert "hush" not in json.dumps(given)
        assert options not in json.dumps(given["submitterPodTemplate"])
    for container in containers(spec_of(FULL)):
        assert container["envFrom"] == [{"secretRef": {"name": "s3"}}]
        assert options not in json.dumps(container)
    assert "secretKeyRef" not in json.dumps(spec_of(Pods(image="stagecraft"), Store("/mnt/store")))


@pytest.mark.parametrize(
    ("cpu", "workers", "parameters", "pods"),
    [
        (2, None, {}, 3),  # 3 workers and 2 shards on pods of 2 cores.
        (8, None, {}, 1),
        (2, 4, {}, 4),
        (1, None, {"workers": 1, "shards": 0}, 1),
    ],
)
def test_there_are_pods_for_every_actor(
    cpu: int, workers: int | None, parameters: dict[str, int], pods: int
) -> None:
    spec = spec_of(Pods(image="stagecraft", cpu=cpu, workers=workers), **parameters)
    [group] = spec["rayClusterSpec"]["workerGroupSpecs"]
    assert {group["replicas"], group["minReplicas"], group["maxReplicas"]} == {pods}
    for container in containers(spec):
        assert container["resources"]["limits"]["cpu"] == str(cpu)
    assert spec["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_actors_that_an_earlier_step_decides_count_as_by_default() -> None:
    step = Step(name="train", stage="stagecraft.stages.ps_train:PSTrain", parameters={"label": "y"})
    plain = job().model_copy(update={"steps": [step]})
    spec = RayJobRunner(Store("/s"), API, Pods(image="i", cpu=1)).spec(plain, None)
    defaults = [PSTrain.model_fields[name].default for name in ("workers", "shards")]
    assert spec["rayClusterSpec"]["workerGroupSpecs"][0]["replicas"] == sum(defaults)


def test_pods_that_are_too_few_are_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"need 5 cores.*2 pods of 2.*3 workers"):
        spec_of(Pods(image="stagecraft", cpu=2, workers=2))


def test_workers_without_shards_share_a_pod() -> None:
    spec = spec_of(Pods(image="stagecraft", cpu=3), shards=0)
    assert spec["rayClusterSpec"]["workerGroupSpecs"][0]["replicas"] == 1
    with pytest.raises(InvalidInputError, match=r"3 workers without shards.*a pod has 2 cores.*3 as cpu"):
        spec_of(Pods(image="stagecraft", cpu=2), shards=0)


@pytest.mark.parametrize("field", [{"pod": {"containers": []}}, {"container": {"image": "x"}}])
def test_what_stagecraft_sets_cannot_be_set_beside_it(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Stagecraft sets"):
        Pods(image="stagecraft", **field)


@pytest.mark.parametrize(
    "name", [job().id, "ä" * 100 + "-12345678", "-.x-12345678", "a.b.c" * 20 + "-12345678"]
)
def test_names_and_labels_are_as_kubernetes_takes_them(name: str) -> None:
    work = job().model_copy(update={"id": name})
    made = object_name("ray", Store("/store"), work)
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", made)
    assert len(made) <= 47
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", job_label(work))
    assert made != object_name("ray", Store("/another"), work)
    assert made != object_name("ray", Store("/store"), work.model_copy(update={"id": name + "x"}))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("1970-01-01T00:00:01Z a b", (10**9, "a b")),
        ("1970-01-01T00:00:01.5Z ", (1_500_000_000, "")),
        ("1970-01-01T02:00:00.000000009+02:00 x\ry", (9, "x\ry")),
        ("unable to retrieve container logs", (0, "unable to retrieve container logs")),
    ],
)
def test_instants_of_log_lines(line: str, found: tuple[int, str]) -> None:
    assert stamped(line) == found
