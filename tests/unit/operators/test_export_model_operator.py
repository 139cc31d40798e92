from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import fill_model
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.operators.export_model import FORMATS, ExportModelOperator
from stagecraft.operators.output import Output
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding
from stagecraft.transforms.linear import Linear


def test_a_model_is_written_where_the_path_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    monkeypatch.setenv(
        "AIRFLOW_CONN_STAGECRAFT_STORE", json.dumps({"conn_type": "stagecraft_store", "host": store.root})
    )
    encoder = Chain((Encode(encodings=[NumericEncoding(column="wind", maps=[])]),))
    draft = store.draft(Kind.MODEL, "a" * 32, lineage={"stage": "test"})
    weights = np.array([0.5, -2], np.float32)
    fill_model(draft, encoder.then(Linear.of(encoder.layout, weights)), pa.table({"wind": [1.0]}))
    operator = ExportModelOperator(
        task_id="export",
        model=draft.commit().reference.model_dump(mode="json"),
        format="vw",
        path=str(tmp_path / "model.txt"),
    )
    assert operator.execute({}) == str(tmp_path / "model.txt")  # type: ignore[arg-type]
    assert (tmp_path / "model.txt").read_text() == "0:0.5\n1:-2\n"


def test_wiring_and_formats_are_checked_when_the_dag_is_parsed() -> None:
    from stagecraft.exports.export import WRITERS

    assert tuple(WRITERS) == FORMATS
    with DAG("export"):
        train = EmptyOperator(task_id="train")
        model, dataset = Output(train, "model", Kind.MODEL), Output(train, "dataset", Kind.DATASET)
        made = ExportModelOperator(task_id="fine", model=model, format="{{ params.format }}", path="x")
        assert made.upstream_task_ids == {"train"}
        with pytest.raises(InvalidInputError, match=r"task a: export_model\.model: train\.dataset"):
            ExportModelOperator(task_id="a", model=dataset, format="vw", path="x")
        with pytest.raises(InvalidInputError, match=r"task b: export_model\.format: 'pmml'.*onnx"):
            ExportModelOperator(task_id="b", model=model, format="pmml", path="x")
