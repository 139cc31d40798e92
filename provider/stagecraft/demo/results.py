"""What the demo ends with: the model's quality, and a prediction from the service."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from stagecraft.artifacts.artifact import Reference
from stagecraft.artifacts.store import Store
from stagecraft.demo.client import AirflowClient, request
from stagecraft.errors import StagecraftError

SHOWN = {"auc": "AUC", "log_loss": "log loss", "ks": "KS"}
MEANS = {"auc": "higher is better", "log_loss": "lower is better", "ks": "higher is better"}


def quality(airflow: AirflowClient, store: Store, dag_id: str, run_id: str, *, task_id: str) -> str:
    """Return the metrics of the run's report as a table, the baseline's beside them.

    :param task_id: the task that hands on the report
    """
    report = Reference.model_validate(airflow.xcom(dag_id, run_id, task_id, "report"))
    metrics = store.open(report).meta["metrics"]
    lines = [f"{'':<10} {'model':>8} {'baseline':>9}"]
    for name, title in SHOWN.items():
        lines.append(f"{title:<10} {metrics[name]:>8.4f} {metrics[f'baseline_{name}']:>9.4f}   {MEANS[name]}")
    return "\n".join(lines)


def prediction_request(service_url: str, service_root: Path, store: Store) -> dict[str, Any]:
    """Return a request for the model that the service serves by default: its name, and one raw row.

    :raises StagecraftError: no model is deployed
    """
    from stagecraft.serving.manifest_file import ManifestFile
    from stagecraft.serving.rows import rows_of

    manifest = ManifestFile(service_root).read()
    if not manifest.models:
        raise StagecraftError(f"no model is deployed in the service at {service_url}")
    name = next(reversed(manifest.models))
    versions, version = manifest.find(name)
    model: Any = store.open(versions.versions[version].fingerprint)
    return {"model": name, "rows": rows_of(model.golden().select(model.input_schema.names).slice(0, 1))}


def curl_line(service_url: str, body: dict[str, Any]) -> str:
    """Return the command that asks the service for a prediction."""
    data = json.dumps(body).replace("'", "'\\''")
    return f"curl -s {service_url}/predict -H 'Content-Type: application/json' -d '{data}'"


def predict(service_url: str, body: dict[str, Any]) -> str:
    """Run the command of :func:`curl_line`, or send the same where there is no curl; return the answer."""
    if shutil.which("curl") is None:
        return json.dumps(request(f"{service_url}/predict", method="POST", body=body))
    line = curl_line(service_url, body).replace("curl -s", "curl -s --fail-with-body --noproxy '*'", 1)
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise StagecraftError(f"the service at {service_url} refuses: {done.stdout or done.stderr}")
    return done.stdout.strip()
