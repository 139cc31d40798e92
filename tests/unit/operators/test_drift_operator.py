"""A drifted task hands its report on before it fails, and fails again without another run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG

from stagecraft.artifacts.artifact import Kind, Reference
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.operators.drift import DriftOperator
from stagecraft.operators.information_value import InformationValueOperator
from stagecraft.operators.profile import ProfileOperator
from stagecraft.operators.stage_group import StageGroup
from stagecraft.stages.drift import Drift

DATASET, REFERENCE = (
    Reference(kind=Kind.DATASET, fingerprint=letter * 32, uri=f"store/{letter}").model_dump(mode="json")
    for letter in "ab"
)


class Task:
    """A task instance that only takes XComs."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture(autouse=True)
def dag() -> Any:
    with DAG("example") as made:
        yield made


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store(str(tmp_path / "store"))
    monkeypatch.setattr(DriftOperator, "_store", lambda _: made)
    monkeypatch.setattr(DriftOperator, "submit_job", lambda *_: pytest.fail("the job was run again"))
    return made


def commit(store: Store, operator: DriftOperator, faults: dict[str, list[str]]) -> None:
    """Commit the report that the operator's stage would make."""
    stage = Drift.validated(operator.parameters)
    inputs = {"dataset": DATASET["fingerprint"], "reference": REFERENCE["fingerprint"]}
    draft = store.draft(Kind.REPORT, stage.addresses(inputs)["report"], lineage={})
    draft.meta.update(metrics={"columns": 3.0, "drifted": float(len(faults))}, faults=faults)
    draft.write("report.html", b"<html>")
    draft.commit()


def check(store: Store, faults: dict[str, list[str]], **choices: Any) -> dict[str, Any]:
    operator = DriftOperator(
        task_id="drift", dataset=DATASET, reference=REFERENCE, title="Drift", engine="duckdb", **choices
    )
    commit(store, operator, faults)
    task = Task()
    try:
        operator.execute({"ti": task})  # type: ignore[typeddict-item]
    finally:
        assert task.pushed["report"]["kind"] == "report"
        assert task.pushed["reused"] is True
    return task.pushed


FAULTS = {"age": ["PSI 0.31 > 0.2", "KS 0.4 > 0.1"], "city": ["PSI 0.9 > 0.2"]}


def test_drift_fails_the_task_after_its_report_is_handed_on(store: Store) -> None:
    with pytest.raises(
        AirflowFailException, match=r"2 columns drifted: 'age': PSI 0\.31 > 0\.2, KS .*'city'"
    ):
        check(store, FAULTS)


def test_drift_only_warns_where_that_is_chosen(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    check(store, FAULTS, on_drift="warn")
    assert "2 columns drifted: 'age': PSI 0.31 > 0.2" in capsys.readouterr().out


def test_no_drift_passes(store: Store) -> None:
    check(store, {})


def test_choices_are_checked_when_the_file_is_parsed() -> None:
    with pytest.raises(InvalidInputError, match=r"drift\.on_drift: the value 'ignore'.*'warn'"):
        DriftOperator(task_id="a", dataset=DATASET, reference=REFERENCE, on_drift="ignore")
    with pytest.raises(InvalidInputError, match=r"drift\.psi"):
        DriftOperator(task_id="b", dataset=DATASET, reference=REFERENCE, psi=-1)
    with pytest.raises(InvalidInputError, match=r"drift\.thresholds"):
        DriftOperator(task_id="c", dataset=DATASET, reference=REFERENCE, thresholds={"age": {"pis": 0.1}})
    DriftOperator(
        task_id="drift",
        dataset=DATASET,
        reference=REFERENCE,
        psi="{{ params.psi }}",
        on_drift="{{ params.on_drift }}",
    )


def test_a_choice_that_only_the_run_knows_is_checked_before_the_job() -> None:
    given: dict[str, Any] = {
        "dataset": DATASET,
        "reference": REFERENCE,
        "title": "Drift",
        "on_drift": "{{ params.on_drift }}",
    }
    alone = DriftOperator(task_id="alone", **given)
    alone.on_drift = "ignore"
    with StageGroup(task_id="group") as group:
        DriftOperator(task_id="drift", **given)
    group.steps[0]["on_drift"] = "ignore"
    for operator in (alone, group):
        with pytest.raises(InvalidInputError, match=r"drift\.on_drift: the value 'ignore'.*'warn'"):
            operator.job_steps()


def test_reports_are_requirements() -> None:
    profile = ProfileOperator(task_id="profile", dataset=DATASET, columns="age")
    information = InformationValueOperator(task_id="information", dataset=DATASET, label="late")
    drift = DriftOperator(task_id="drift", dataset=DATASET, reference=REFERENCE)
    assert repr(profile.report["max_missing"] < 0.1) == "profile['max_missing'] < 0.1"
    assert repr(information.report["max_iv"] < 0.5) == "information['max_iv'] < 0.5"
    assert repr(drift.report["max_psi"] < 0.2) == "drift['max_psi'] < 0.2"
