"""A group in a DAG's file: what it wires, what it takes over, and what it refuses."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, Param, TaskGroup, XComArg, task
from airflow.serialization.serialized_objects import DagSerialization

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.jobs.job import StepOutput, StepValue
from stagecraft.operators.encode import EncodeOperator
from stagecraft.operators.evaluate import EvaluateOperator
from stagecraft.operators.gbdt_encode import GBDTEncodeOperator
from stagecraft.operators.ps_train import PSTrainOperator
from stagecraft.operators.ray_tune_sweep import RayTuneSweepOperator
from stagecraft.operators.sql import SQLOperator
from stagecraft.operators.stage_group import StageGroup
from stagecraft.operators.stratified_sample import StratifiedSampleOperator
from stagecraft.stages.encode import EncodeColumns
from stagecraft.stages.encodings import Fill
from stagecraft.stages.trainers import LeafRegression
from stagecraft.tuning.space import Integer

DEFAULTS = {"retries": 3, "spark_conn_id": "spark", "seed": 7, "cache": False}


@pytest.fixture(autouse=True)
def dag() -> Any:
    with DAG("example", params={"fraction": Param(0.5)}, default_args=DEFAULTS) as made:
        yield made


def rows(task_id: str = "rows", **given: Any) -> SQLOperator:
    return SQLOperator(task_id=task_id, sql="SELECT 1 AS x", inputs={}, **given)


def sample(source: Any, task_id: str = "sample", **given: Any) -> StratifiedSampleOperator:
    return StratifiedSampleOperator(
        task_id=task_id, dataset=source, strata="y", key="id", fraction="{{ params.fraction }}", **given
    )


def reference(kind: str, name: str) -> dict[str, str]:
    return {"kind": kind, "fingerprint": name, "uri": f"/store/{name}"}


def test_one_task_in_the_outer_dag_wired_by_what_goes_in_and_out(dag: DAG) -> None:
    raw, other = rows(), rows("other")
    with TaskGroup("outer"):
        with StageGroup(task_id="prepare", engine="duckdb") as prepare:
            part = sample(raw.dataset)
            encode = EncodeOperator(task_id="encode", fit=part.dataset, columns={"x": Fill("median")})
            leaves = GBDTEncodeOperator(task_id="leaves", dataset=encode.dataset, label="y")
            joined = SQLOperator(
                task_id="joined",
                sql="SELECT * FROM a, b, c",
                inputs={"a": part.dataset, "b": other.dataset, "c": "/files/c.csv"},
            )
        train = PSTrainOperator(task_id="train", dataset=leaves.dataset, label="y")
    with StageGroup(task_id="judge") as judge:
        trained = PSTrainOperator(task_id="again", dataset=leaves.dataset, label="y")
        report = EvaluateOperator(task_id="evaluate", model=trained.model, dataset=joined.dataset, label="y")
    requirement = report.report["auc"] > 0.6

    assert set(dag.task_ids) == {"rows", "other", "outer.prepare", "outer.train", "judge"}
    assert prepare.upstream_task_ids == {"rows", "other"}
    assert prepare.downstream_task_ids == {"outer.train", "judge"}
    assert train.inputs["dataset"].key == "leaves.dataset"
    assert repr(leaves.dataset) == "outer.prepare.leaves.dataset (dataset)"
    assert [(found.task_id, key) for found, key in XComArg.iter_xcom_references(requirement)] == [
        ("judge", "evaluate.report")
    ]
    assert repr(requirement) == "judge.evaluate['auc'] > 0.6"
    inner = StepOutput(step="sample", output="dataset")
    assert [fields["inputs"] for fields in prepare.steps[1:]] == [
        {"dataset": inner},
        {"dataset": StepOutput(step="encode", output="dataset")},
        {"a": inner, "b": other.dataset},
    ]
    assert "| leaves | gbdt_encode | dataset: encode.dataset |" in str(prepare.doc_md)
    assert (prepare.retries, prepare.spark_conn_id, prepare.cache, prepare.engine) == (
        3,
        "spark",
        False,
        "duckdb",
    )
    assert prepare.steps[0]["parameters"]["seed"] == 7  # A default of the DAG that is a stage's argument.
    assert judge.engine == "auto"


def test_it_is_serialized_with_its_steps_in_their_order(dag: DAG) -> None:
    raw = rows()
    with StageGroup(task_id="prepare"):
        sample(sample(raw.dataset, "second").dataset, "first")
    encoded = DagSerialization.to_dict(dag)["dag"]["tasks"]
    found = next(each["__var"] for each in encoded if each["__var"]["task_id"] == "prepare")
    assert [step["step"] for step in found["steps"]] == ["second", "first"]
    assert found["steps"][1]["inputs"] == {"dataset": "second.dataset"}
    assert "'rows'" in found["steps"][0]["inputs"]["dataset"]
    assert DagSerialization.from_dict(DagSerialization.to_dict(dag)).task_ids == dag.task_ids


def test_templates_files_and_xcoms_of_the_steps_are_rendered(dag: DAG, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT {{ params.fraction }} AS f FROM r")
    dag.template_searchpath = [str(tmp_path)]
    dag.render_template_as_native_obj = True
    raw = rows()
    with StageGroup(task_id="prepare") as prepare:
        part = sample(raw.dataset)
        SQLOperator(task_id="query", sql="q.sql", inputs={"r": part.dataset})
    for fraction in (0.25, 0.75):  # One parse serves several runs: nothing rendered stays behind.
        run = prepare.prepare_for_execution()
        found = SimpleNamespace(xcom_pull=lambda **_: reference("dataset", "raw"))
        run.render_template_fields({"ti": found, "params": {"fraction": fraction}, "task": run})  # type: ignore[typeddict-item]
        first, second = run.job_steps()
        assert first.parameters["fraction"] == fraction
        assert first.inputs["dataset"].fingerprint == "raw"  # type: ignore[union-attr]
        assert second.parameters["query"] == f"SELECT {fraction} AS f FROM r"
        assert second.inputs == {"r": StepOutput(step="sample", output="dataset")}


def test_what_an_earlier_step_finds_decides_a_later_one() -> None:
    with StageGroup(task_id="tune") as tune:
        train, held_out = rows("train"), rows("held_out")
        sweep = RayTuneSweepOperator(
            task_id="sweep",
            train=train.dataset,
            validation=held_out.dataset,
            trainer=LeafRegression(label="y"),
            space={"boosting.rounds": Integer(2, 4)},
        )
        GBDTEncodeOperator(task_id="leaves", dataset=train.dataset, label="y", boosting=sweep.boosting)
    step = tune.job_steps()[-1]
    assert step.values == {"boosting": StepValue(step="sweep", output="report", name="boosting")}
    assert "boosting" not in step.parameters
    assert tune.upstream_task_ids == set()


def test_each_step_hands_on_under_its_name() -> None:
    with StageGroup(task_id="prepare") as prepare:
        sample(rows().dataset)
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))
    made = {"rows": {"dataset": _artifact("a")}, "sample": {"dataset": _artifact("b")}}
    prepare.hand_on({"ti": ti}, made, ["rows"])  # type: ignore[typeddict-item]
    assert pushed == {
        "rows.dataset": reference("dataset", "a"),
        "rows.reused": True,
        "sample.dataset": reference("dataset", "b"),
        "sample.reused": False,
        "reused": False,
    }


def _artifact(name: str) -> Any:
    from stagecraft.artifacts.artifact import Reference

    return Reference.model_validate(reference("dataset", name))


def test_relations_of_steps_are_their_groups() -> None:
    before, after = rows("before"), rows("after")
    with StageGroup(task_id="prepare") as prepare:
        first, second = rows("first"), rows("second")
        first >> second
    before >> second
    first >> after
    assert (prepare.upstream_task_ids, prepare.downstream_task_ids) == ({"before"}, {"after"})
    for relation in (lambda: second >> first, lambda: first << second):
        with pytest.raises(InvalidInputError, match="first: it is to run after second, which is"):
            relation()


def plain() -> Any:
    @task
    def hello() -> None: ...

    return hello()


def nested() -> None:
    with StageGroup(task_id="inner"):
        rows()


def takes_a_report() -> None:
    report = EvaluateOperator(
        task_id="evaluate", model=reference("model", "m"), dataset=rows().dataset, label="y"
    )
    sample(rows("more").dataset, weight=report.report["auc"] > 0.5)


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (
            plain,
            r"prepare: step hello: a _PythonDecoratedOperator, which runs no stage; .* outside",
        ),
        (nested, r"prepare: step inner: a StageGroup"),
        (lambda: None, r"prepare: no stage in the group"),
        (
            lambda: rows(engine="spark"),
            r"prepare: step rows\.engine: the value 'spark', and the group has 'duckdb'",
        ),
        (lambda: rows(retries=5), r"prepare: step rows\.retries: the value 5, and the group has 3"),
        (lambda: rows(trigger_rule="all_done"), r"step rows\.trigger_rule"),
        (
            lambda: [rows("same", params={"fraction": 0.5}), rows(params={"fraction": 0.25})],
            r"step rows\.params\.fraction: the value 0\.25, and the group has 0\.5",
        ),
        (lambda: rows(params={"day": Param(1)}), r"step rows\.params\.day: the value 1, .* has None"),
        (lambda: [rows(), rows()], r"'rows' has already been added"),
        (lambda: sample(rows().output), r"sample\.inputs: it takes 'return_value' of another step"),
        (takes_a_report, r"sample\.parameters: it takes 'evaluate\.report' of another step"),
        (
            lambda: EncodeOperator(
                task_id="e",
                fit=EvaluateOperator(
                    task_id="v", model=reference("model", "m"), dataset=rows().dataset, label="y"
                ).report,
                columns={"x": Fill(0)},
            ),
            r"task e: encode\.dataset: a report is wired here: prepare\.v\.report",
        ),
    ],
)
def test_what_no_group_takes_is_refused(inside: Callable[[], Any], said: str, dag: DAG) -> None:
    with pytest.raises(Exception, match=said), StageGroup(task_id="prepare", engine="duckdb"):
        inside()
    rows("after")  # The outer DAG takes tasks again.
    assert dag.task_ids == ["prepare", "after"]


def test_an_engine_that_every_stage_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EncodeColumns, "engines", ("spark",))
    names = map(str, itertools.count())

    def group(**given: Any) -> StageGroup:
        with StageGroup(task_id=f"g{next(names)}", **given) as made:
            EncodeOperator(task_id="encode", fit=rows().dataset, columns={"x": Fill("median")})
            PSTrainOperator(task_id="train", dataset=rows("more").dataset, label="y")
        return made

    found = group()
    assert found._placement().engine_for(Store("/nowhere"), []) == "spark"
    assert found._placement().place("spark") == "spark"
    with pytest.raises(InvalidInputError, match=r"spark_conn_id: the engine is spark"):
        group(spark_conn_id=None)
    with pytest.raises(InvalidInputError, match=r"encode\.engine: it does not run on duckdb"):
        group(engine="duckdb")
    with pytest.raises(InvalidInputError, match="stages for Spark and for a Ray cluster"):
        group(ray_conn_id="ray")
