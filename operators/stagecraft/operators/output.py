"""What an operator hands on: outputs with a kind, and requirements on a report's metrics."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self, cast

from airflow.sdk.definitions._internal.mixins import ResolveMixin
from airflow.sdk.definitions.xcom_arg import PlainXComArg

from stagecraft.artifacts.artifact import Kind, Reference
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.operator import BaseOperator
    from airflow.sdk.definitions._internal.mixins import Operator

COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


class Handed(PlainXComArg):
    """What a task hands on; a step's is handed on by its group's task, as ``step.name``.

    :param step: the step that makes it, None where the task itself does
    :param name: what that one calls it
    """

    def __new__(cls, *_: Any, **__: Any) -> Self:
        return object.__new__(cls)

    def __init__(self, task: BaseOperator, name: str) -> None:
        group = getattr(task, "group", None)
        self.step = None if group is None else task.task_id
        self.name = name
        super().__init__(group or task, name if self.step is None else f"{self.step}.{name}")

    def __repr__(self) -> str:
        return f"{self.operator.task_id}.{self.key}"


class Output(Handed):
    """An artifact that a task will make: wire it into another operator, and the tasks depend on each other.

    At run time it is the artifact's reference: ``{"kind", "fingerprint", "uri"}``.
    """

    def __init__(self, task: BaseOperator, key: str, kind: Kind) -> None:
        super().__init__(task, key)
        self.kind = kind

    def __repr__(self) -> str:
        return f"{super().__repr__()} ({self.kind})"


class Value(Handed):
    """What a task notes of one of its outputs, such as the best parameters of a sweep.

    :param output: whose ``meta`` has it as ``name``
    """

    def __init__(self, task: BaseOperator, name: str, output: str) -> None:
        super().__init__(task, name)
        self.output = output


class ReportOutput(Output):
    """A report that a task will make; ``report["auc"] > 0.65`` is a requirement on its metrics."""

    def __init__(self, task: BaseOperator, key: str = "report") -> None:
        super().__init__(task, key, Kind.REPORT)

    def __getitem__(self, metric: str) -> Metric:  # type: ignore[override]
        return Metric(self, metric)


class Metric:
    """A metric of a report; compare it with a number to require something of it."""

    def __init__(self, report: ReportOutput, name: str) -> None:
        self.report, self.name = report, name

    def __gt__(self, bound: float) -> Requirement:
        return Requirement(self, ">", bound)

    def __ge__(self, bound: float) -> Requirement:
        return Requirement(self, ">=", bound)

    def __lt__(self, bound: float) -> Requirement:
        return Requirement(self, "<", bound)

    def __le__(self, bound: float) -> Requirement:
        return Requirement(self, "<=", bound)


class Requirement(ResolveMixin):
    """``metric comparison bound``; at run time ``{"metric", "op", "bound", "value", "holds"}``.

    ``bound`` may be a template.
    """

    def __init__(self, metric: Metric, op: str, bound: float | str) -> None:
        self.metric, self.op, self.bound = metric, op, bound

    def __repr__(self) -> str:
        report = self.metric.report
        task = ".".join(filter(None, [report.operator.task_id, report.step]))
        return f"{task}[{self.metric.name!r}] {self.op} {self.bound}"

    def iter_references(self) -> Iterator[tuple[Operator, str]]:
        yield from self.metric.report.iter_references()

    def resolve(self, context: Mapping[str, Any]) -> dict[str, Any]:
        from stagecraft.hooks.store import StoreHook

        report = self.metric.report
        reference = Reference.model_validate(report.resolve(context))
        conn_id = getattr(report.operator, "store_conn_id", StoreHook.default_conn_name)
        metrics = StoreHook(conn_id).store().open(reference).meta["metrics"]
        return measure(metrics, self.metric.name, self.op, self._bound(context))

    def _bound(self, context: Mapping[str, Any]) -> float:
        if isinstance(self.bound, str):
            return float(self.metric.report.operator.render_template(self.bound, cast("Context", context)))
        return float(self.bound)


def measure(metrics: Mapping[str, float], metric: str, op: str, bound: float) -> dict[str, Any]:
    """Compare a metric with its bound.

    >>> measure({"auc": 0.7}, "auc", ">", 0.65)["holds"]
    True
    """
    if metric not in metrics:
        raise InvalidInputError(
            "require", f"the report has no metric {metric!r}", f"one of {sorted(metrics)}"
        )
    value = metrics[metric]
    return {
        "metric": metric,
        "op": op,
        "bound": bound,
        "value": value,
        "holds": COMPARISONS[op](value, bound),
    }


def reference_of(where: str, value: Any, kind: Kind) -> Reference:
    """Return what an operator's resolved argument refers to.

    :raises InvalidInputError: the value is no reference, or of another kind
    """
    try:
        reference = Reference.model_validate(value)
    except ValueError as error:
        raise InvalidInputError(
            where, f"{value!r} is no artifact", f"the output of a task, a {kind}"
        ) from error
    if reference.kind != kind:
        raise InvalidInputError(where, f"a {reference.kind} is wired here", f"a {kind}")
    return reference


def open_reference(store: Store, where: str, value: Any, kind: Kind) -> Any:
    """Return the artifact that an operator's resolved argument refers to.

    :raises InvalidInputError: the value is no reference, or of another kind
    """
    return store.open(reference_of(where, value, kind))
