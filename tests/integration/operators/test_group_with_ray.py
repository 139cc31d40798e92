"""A group whose steps search, train on Ray and judge: values go from step to step within the job."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from stagecraft.artifacts.artifact import Reference
from stagecraft.artifacts.store import Store
from stagecraft.operators.encode import EncodeOperator
from stagecraft.operators.evaluate import EvaluateOperator
from stagecraft.operators.gbdt_encode import GBDTEncodeOperator
from stagecraft.operators.ps_train import PSTrainOperator
from stagecraft.operators.ray_tune_sweep import RayTuneSweepOperator
from stagecraft.operators.sql import SQLOperator
from stagecraft.operators.stage_group import StageGroup
from stagecraft.stages.encodings import Standardize
from stagecraft.stages.trainers import LeafRegression
from stagecraft.tuning.space import Integer, LogUniform

pytestmark = pytest.mark.ray


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    connection = {"conn_type": "stagecraft_store", "host": str(tmp_path / "store")}
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_STORE", json.dumps(connection))
    draw = random.Random(0)
    pairs = [(draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(1200)]
    lines = [f"{a},{b},{int(a * b + draw.gauss(0, 0.3) > 0)}" for a, b in pairs]
    path = tmp_path / "raw.csv"
    path.write_text("\n".join(["a,b,y", *lines, ""]))
    return path


def test_what_a_sweep_finds_trains_the_next_steps(raw: Path, tmp_path: Path, tries_of: Any) -> None:
    with DAG("d"), StageGroup(task_id="whole", engine="duckdb") as group:
        rows = SQLOperator(task_id="rows", sql="SELECT * FROM raw", inputs={"raw": str(raw)})
        encode = EncodeOperator(task_id="encode", fit=rows.dataset, columns={("a", "b"): Standardize()})
        sweep = RayTuneSweepOperator(
            task_id="sweep",
            train=encode.dataset,
            validation=rows.dataset,
            trainer=LeafRegression(label="y"),
            space={"boosting.rounds": Integer(3, 9), "optimizer.alpha": LogUniform(0.01, 0.1)},
            trials=2,
            searcher="random",
        )
        leaves = GBDTEncodeOperator(
            task_id="leaves", dataset=encode.dataset, label="y", boosting=sweep.boosting
        )
        train = PSTrainOperator(
            task_id="train", dataset=leaves.dataset, label="y", optimizer=sweep.optimizer, epochs=2
        )
        report = EvaluateOperator(task_id="evaluate", model=train.model, dataset=rows.dataset, label="y")
    tries = tries_of(group)
    tries.run()
    store = Store(str(tmp_path / "store"))

    def parameters(output: str) -> Any:
        return store.open(Reference.model_validate(tries.xcoms[output])).manifest.lineage["parameters"]

    assert parameters("leaves.model")["boosting"] == tries.xcoms["sweep.boosting"]
    assert parameters("train.model")["optimizer"] == tries.xcoms["sweep.optimizer"]
    pulled: Any = {"ti": _Task(tries.xcoms)}
    assert (report.report["auc"] > 0.8).resolve(pulled)["holds"]

    again = tries_of(group)
    again.run()
    assert again.xcoms["reused"] is True
    assert again.xcoms["sweep.optimizer"] == tries.xcoms["sweep.optimizer"]


class _Task:
    """A task instance that finds the group's XComs."""

    def __init__(self, xcoms: dict[str, Any]) -> None:
        self._xcoms = xcoms

    def xcom_pull(self, *, task_ids: str, key: str, **_: Any) -> Any:
        assert task_ids in ("whole", ["whole"])
        return self._xcoms[key]
