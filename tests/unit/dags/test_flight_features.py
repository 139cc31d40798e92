"""The example of a group, as Airflow's DAG processor sees it."""

from __future__ import annotations

import runpy
from pathlib import Path

from airflow.serialization.serialized_objects import DagSerialization

FILE = Path(__file__).parents[3] / "dags" / "flight_features.py"


def test_five_stages_are_one_task() -> None:
    dag = runpy.run_path(str(FILE))["dag"]
    dag.resolve_template_files()
    features = dag.get_task("features")
    assert {task.task_id: task.upstream_task_ids for task in dag.tasks} == {
        "features": set(),
        "train": {"features"},
        "evaluate": {"features", "train"},
    }
    assert [step["step"] for step in features.steps] == ["flights", "split", "sample", "encode", "leaves"]
    assert features.steps[0]["sql"].startswith("-- What is known before departure")
    assert features.steps[2]["inputs"]["dataset"].output == "train"
    assert features.retries == 2
    assert DagSerialization.from_dict(DagSerialization.to_dict(dag)).task_ids == dag.task_ids
