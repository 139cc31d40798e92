"""What a DAG's author sees when the file is parsed: wiring, dependencies, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG, Param

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.operators.encode import EncodeOperator
from stagecraft.operators.evaluate import EvaluateOperator
from stagecraft.operators.gbdt_encode import GBDTEncodeOperator
from stagecraft.operators.gbdt_train import GBDTTrainOperator
from stagecraft.operators.job import job_id
from stagecraft.operators.k_fold_split import KFoldSplitOperator
from stagecraft.operators.output import measure
from stagecraft.operators.predict import PredictOperator
from stagecraft.operators.ps_train import PSTrainOperator
from stagecraft.operators.random_split import RandomSplitOperator
from stagecraft.operators.ray_tune_sweep import RayTuneSweepOperator
from stagecraft.operators.sample import SampleOperator
from stagecraft.operators.sql import SQLOperator
from stagecraft.operators.stratified_sample import StratifiedSampleOperator
from stagecraft.operators.time_split import TimeSplitOperator
from stagecraft.stages.encodings import Count, Cross, Fill, Hash, Index, Standardize
from stagecraft.stages.trainers import Command, LeafRegression
from stagecraft.tuning.space import Integer


@pytest.fixture(autouse=True)
def dag() -> Any:
    with DAG("example", params={"fraction": Param(0.5)}) as made:
        yield made


def rows(task_id: str = "rows") -> SQLOperator:
    return SQLOperator(task_id=task_id, sql="SELECT 1 AS x", inputs={})


def test_data_flow_makes_the_dependencies(dag: DAG) -> None:
    split = TimeSplitOperator(task_id="split", dataset=rows().dataset, column="day")
    sample = StratifiedSampleOperator(
        task_id="sample", dataset=split.train, strata="y", fraction=0.5, key="id"
    )
    encode = EncodeOperator(task_id="encode", fit=sample.dataset, columns={"x": Fill("median")})
    sweep = RayTuneSweepOperator(
        task_id="sweep",
        train=encode.dataset,
        validation=split.validation,
        trainer=LeafRegression(label="y"),
        space={"boosting.rounds": Integer(2, 4)},
    )
    leaves = GBDTEncodeOperator(task_id="leaves", dataset=encode.dataset, label="y", boosting=sweep.boosting)
    PSTrainOperator(task_id="train", dataset=leaves.dataset, label="y", optimizer=sweep.optimizer)
    assert split.upstream_task_ids == {"rows"}
    assert sweep.upstream_task_ids == {"encode", "split"}
    assert leaves.upstream_task_ids == {"encode", "sweep"}
    assert dag.get_task("train").upstream_task_ids == {"leaves", "sweep"}


def test_boosted_trees_are_a_model_that_is_judged(dag: DAG) -> None:
    trees = GBDTTrainOperator(task_id="trees", dataset=rows().dataset, label="y", boosting={"depth": 3})
    judged = EvaluateOperator(task_id="evaluate", model=trees.model, dataset=rows("test").dataset, label="y")
    assert judged.upstream_task_ids == {"trees", "test"}
    with pytest.raises(InvalidInputError, match=r"depth.*-1"):
        GBDTTrainOperator(task_id="t", dataset=rows("r").dataset, label="y", boosting={"depth": -1})


def test_a_requirement_depends_on_its_report(dag: DAG) -> None:
    from stagecraft.operators.bentoml_deploy import BentoMLDeployOperator

    train = PSTrainOperator(task_id="train", dataset=rows().dataset, label="y")
    report = EvaluateOperator(task_id="evaluate", model=train.model, dataset=rows("test").dataset, label="y")
    live = BentoMLDeployOperator(
        task_id="deploy", model=train.model, name="m", require=report.report["auc"] > 0.6
    )
    assert live.upstream_task_ids == {"train", "evaluate"}


def test_an_artifact_of_the_wrong_kind_is_refused_with_both_names() -> None:
    encode = EncodeOperator(task_id="encode", fit=rows().dataset, columns={"x": Fill("median")})
    with pytest.raises(InvalidInputError, match=r"task split: time_split\.dataset: a model .*encode\.model"):
        TimeSplitOperator(task_id="split", dataset=encode.model, column="day")
    train = PSTrainOperator(task_id="train", dataset=encode.dataset, label="y")
    report = EvaluateOperator(task_id="evaluate", model=train.model, dataset=rows("t").dataset, label="y")
    with pytest.raises(InvalidInputError, match=r"evaluate\.report \(report\)"):
        PredictOperator(task_id="predict", model=train.model, dataset=report.report, key=["id"])


@pytest.mark.parametrize("fraction", [0, -0.5, 1.5, "half"])
def test_a_fraction_out_of_bounds_is_refused_when_the_file_is_parsed(fraction: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"stratified_sample\.fraction: the value"):
        StratifiedSampleOperator(
            task_id="sample", dataset=rows().dataset, strata="y", fraction=fraction, key="id"
        )


def test_samples_and_splits_are_wired_by_their_parts(dag: DAG) -> None:
    split = RandomSplitOperator(task_id="split", dataset=rows().dataset, key="id", validation=0.1)
    fold = KFoldSplitOperator(task_id="fold", dataset=split.train, key="id", fold="{{ params.fraction }}")
    sample = SampleOperator(
        task_id="sample", dataset=fold.test, key="id", strata="y", sizes={"a": "{{ params.fraction }}", 2: 3}
    )
    assert {fold.train.kind, split.validation.kind, split.test.kind, sample.dataset.kind} == {Kind.DATASET}
    assert dag.get_task("fold").upstream_task_ids == {"split"}
    assert dag.get_task("sample").upstream_task_ids == {"fold"}
    with pytest.raises(InvalidInputError, match=r"k_fold_split\.fold: .*one of 0 … 4"):
        KFoldSplitOperator(task_id="sixth", dataset=split.train, key="id", fold=5)
    with pytest.raises(InvalidInputError, match=r"sample: .*exactly one of fraction, count and sizes"):
        SampleOperator(task_id="both", dataset=split.train, key="id", fraction=0.5, count=3)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no engine 'dukdb'"):
        SQLOperator(task_id="rows", sql="SELECT 1 AS x", inputs={}, engine="dukdb")


def test_what_only_the_run_knows_is_left_to_the_run() -> None:
    StratifiedSampleOperator(
        task_id="sample", dataset=rows().dataset, strata="y", fraction="{{ params.fraction }}", key="id"
    )


def test_a_bad_parameter_beside_a_template_is_refused_all_the_same() -> None:
    with pytest.raises(InvalidInputError, match=r"stratified_sample\.strata"):
        StratifiedSampleOperator(
            task_id="sample", dataset=rows().dataset, strata=[], fraction="{{ params.fraction }}", key="id"
        )


def test_a_column_encoded_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="'a' is made twice"):
        EncodeOperator(
            task_id="encode",
            fit=rows().dataset,
            columns={("a", "b"): Fill(0) | Standardize(), "a": Index()},
        )


def test_a_category_is_filled_with_text() -> None:
    with pytest.raises(InvalidInputError, match=r"before Hash\(.*Fill\(\"a text\"\)"):
        EncodeOperator(task_id="encode", fit=rows().dataset, columns={"a": Fill(0) | Hash(bits=4)})


def test_an_encoding_takes_crosses_lists_and_a_label_from_a_template() -> None:
    operator = EncodeOperator(
        task_id="encode",
        fit=rows().dataset,
        columns={"a": [Index(), Count()], (Cross("a", "b"), "c"): Fill("?") | Hash(bits=4)},
        label="{{ params.label }}",
    )
    stage = operator.stage_class.validated(operator.parameters)
    assert [encoding.columns for encoding in stage.columns] == [["a"], ["a"], [Cross("a", "b"), "c"]]


def test_an_unknown_parameter_of_the_space_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"no parameter 'boosting\.round'"):
        RayTuneSweepOperator(
            task_id="sweep",
            train=rows().dataset,
            validation=rows("v").dataset,
            trainer=LeafRegression(label="y"),
            space={"boosting.round": Integer(2, 4)},
        )


def test_a_sweep_hands_on_its_model_and_no_more_than_its_trainer_has(dag: DAG) -> None:
    command = Command(argv=["train", "--rows={{ params.rows }}", "--depth={depth}"])
    given: dict[str, Any] = {
        "train": rows("train").dataset,
        "validation": rows("validation").dataset,
        "test": rows("test").dataset,
        "space": {"depth": Integer(2, 4)},
    }
    sweep = RayTuneSweepOperator(task_id="sweep", trainer=command, **given)
    assert (sweep.model.kind, sweep.report.kind) == (Kind.MODEL, Kind.REPORT)
    assert sweep.upstream_task_ids == {"train", "validation", "test"}
    with pytest.raises(InvalidInputError, match=r"task sweep: sweep\.boosting: the trainer is a command"):
        _ = sweep.boosting
    rendered = sweep.render_template(sweep.parameters, {"params": {"rows": 9}})  # type: ignore[typeddict-item]
    assert sweep.stage_class.validated(rendered).trainer.argv[1:] == ["--rows=9", "--depth={depth}"]

    mapped = RayTuneSweepOperator(
        task_id="mapped", trainer={"type": "leaf_regression", "label": "{{ params.label }}"}, **given
    )
    assert mapped.boosting.name == "boosting"
    with pytest.raises(InvalidInputError, match="no parameter 'width'"):
        RayTuneSweepOperator(task_id="other", trainer=Command(argv=["train", "{width}"]), **given)


def test_a_missing_input_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"time_split\.dataset: the input is missing"):
        TimeSplitOperator(task_id="split", dataset=None, column="day")  # type: ignore[arg-type]


def test_a_metric_that_the_report_lacks_is_named() -> None:
    with pytest.raises(InvalidInputError, match="no metric 'acu'"):
        measure({"auc": 0.7}, "acu", ">", 0.5)


def test_job_ids_are_their_own_and_fit_for_a_file() -> None:
    names = {"dag_id": "d/../..", "run_id": "manual__2013-01-01T00:00:00+00:00", "task_id": "t"}
    plain, mapped = job_id(**names, map_index=-1), job_id(**names, map_index=0)
    assert plain != mapped
    assert "/" not in plain


def test_an_operator_cannot_be_mapped() -> None:
    with pytest.raises(InvalidInputError, match="StratifiedSampleOperator cannot be mapped"):
        StratifiedSampleOperator.partial(task_id="sample", dataset=rows().dataset)


def test_spark_without_a_connection_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"task rows\.spark_conn_id"):
        SQLOperator(task_id="rows", sql="SELECT 1 AS x", inputs={}, engine="spark")
    encode = EncodeOperator(task_id="encode", fit=rows("raw").dataset, columns={"x": Fill("median")})
    PSTrainOperator(task_id="train", dataset=encode.dataset, label="y", engine="spark")
