"""Several stages as one task: one job, one process, one session of the engine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from airflow.sdk import DAG, XComArg
from airflow.sdk.definitions._internal.contextmanager import DagContext, TaskGroupContext
from airflow.sdk.definitions.param import ParamsDict

from stagecraft.errors import InvalidInputError
from stagecraft.jobs.job import StepOutput, StepValue
from stagecraft.operators.base import StageOperator
from stagecraft.operators.job import JobOperator
from stagecraft.operators.output import Output, Value

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.definitions._internal.mixins import DependencyMixin
    from airflow.sdk.definitions.edges import EdgeModifier

    from stagecraft.artifacts.artifact import Reference
    from stagecraft.jobs.job import Step
    from stagecraft.stages.base import Stage

SHARED = (
    *("engine", "store_conn_id", "spark_conn_id", "ray_conn_id", "kubernetes_conn_id"),
    *("cache", "deferrable", "poll_interval"),
)
OF_A_STEP = {"task_id", "dag", "task_group", "params", "default_args", "doc", "doc_md"}


class StageGroup(JobOperator):
    """Runs the stages written inside its ``with`` as one job; what they commit are its checkpoints.

    Inside, operators of stages are steps, not tasks: they take ``task_id`` and their stage's arguments, and
    share the group's engine, connections, retries and so on. They run in the order in which they are written.
    What the group hands on is named ``step.output``; a step's attributes (``leaves.dataset``) are wired into
    other tasks as ever.

    :param engine: as in every operator; ``auto`` reckons with the inputs of all steps

    >>> from stagecraft.operators.sql import SQLOperator
    >>> with DAG("example"):
    ...     with StageGroup(task_id="prepare", engine="duckdb") as prepare:
    ...         rows = SQLOperator(task_id="rows", sql="SELECT 1 AS x", inputs={})
    ...         more = SQLOperator(task_id="more", sql="SELECT x + 1 FROM r", inputs={"r": rows.dataset})
    >>> more.dataset, prepare.dag.task_ids
    (prepare.more.dataset (dataset), ['prepare'])
    """

    template_fields: Sequence[str] = ("steps", *JobOperator.template_fields)
    template_fields_renderers = {"steps": "json"}
    shallow_copy_attrs: Sequence[str] = ("members",)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.members: list[StageOperator] = []
        self.steps: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        collector = _Collector.of(self)
        DagContext.push(collector)
        TaskGroupContext.push(collector.task_group)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        TaskGroupContext.pop()
        DagContext.pop()
        if error is not None:
            return
        if not self.members:
            raise InvalidInputError(f"task {self.task_id}", "no stage in the group", "operators of stages")
        for member in self.members:
            member.resolve_template_files()
        self.steps = [{"step": member.task_id, **self._fields(member)} for member in self.members]
        self.doc_md = self.doc_md or self._table()
        self.check_engine()

    def take(self, step: StageOperator, given: Mapping[str, Any]) -> None:
        """Take a step, made inside the ``with``.

        :param given: what its author gave that is no argument of the stage
        :raises InvalidInputError: the step sets what is the group's
        """
        for name in given.keys() - OF_A_STEP:
            if given[name] != (own := getattr(self, name, None)):
                raise InvalidInputError(
                    f"task {self.task_id}: step {step.task_id}.{name}",
                    f"the value {given[name]!r}, and the group has {own!r}",
                    f"{name} given to the group: its steps are one job",
                )
        own = ParamsDict(self.params).dump()
        for name, value in ParamsDict(given.get("params")).dump().items():
            if name not in own or own[name] != value:
                raise InvalidInputError(
                    f"task {self.task_id}: step {step.task_id}.params.{name}",
                    f"the value {value!r}, and the group has {own.get(name)!r}",
                    "params given to the group or the DAG: they render the fields of all steps",
                )
        self.members.append(step)

    def relate(
        self,
        step: StageOperator,
        relatives: DependencyMixin | Sequence[DependencyMixin],
        edge_modifier: EdgeModifier | None,
        *,
        upstream: bool,
    ) -> None:
        """Make a step's relation to other tasks the group's; steps run in the order they are written in."""
        given = relatives if isinstance(relatives, Sequence) else [relatives]
        for other in given:
            if isinstance(other, StageOperator) and other.group is self:
                first, second = (other, step) if upstream else (step, other)
                if self._place_of(first) >= self._place_of(second):
                    raise InvalidInputError(
                        f"task {self.task_id}: step {second.task_id}",
                        f"it is to run after {first.task_id}, which is written below it",
                        "the steps written in their order",
                    )
        outer = [other for other in given if all(root is not self for root in other.roots)]
        if outer:
            relate = self.set_upstream if upstream else self.set_downstream
            relate(outer, edge_modifier)

    def _place_of(self, step: StageOperator) -> int:
        """A step that is being made is the last one."""
        return next((n for n, each in enumerate(self.members) if each is step), len(self.members))

    def _fields(self, step: StageOperator) -> dict[str, Any]:
        """Return a step's template fields, with the outputs of other steps as the job knows them."""
        fields = {
            name: getattr(step, name)
            for name in step.template_fields
            if name not in JobOperator.template_fields
        }
        fields["inputs"] = {
            name: StepOutput(step=str(value.step), output=value.name)
            if isinstance(value, Output) and value.operator is self
            else value
            for name, value in fields["inputs"].items()
        }
        fields["parameters"] = {
            name: StepValue(step=str(value.step), output=value.output, name=value.name)
            if isinstance(value, Value) and value.operator is self
            else value
            for name, value in fields["parameters"].items()
        }
        for field, value in fields.items():
            for task, key in XComArg.iter_xcom_references(value):
                if task is self or any(task is member for member in self.members):
                    raise InvalidInputError(
                        f"task {self.task_id}: step {step.task_id}.{field}",
                        f"it takes {key!r} of another step, which is handed on when the job has ended",
                        "an input or a whole parameter, or a task of its own",
                    )
        return fields

    def _table(self) -> str:
        """Return the steps as Markdown, for the task's page."""
        rows = []
        for step, fields in zip(self.members, self.steps, strict=True):
            sources = ", ".join(
                f"{name}: {value if isinstance(value, StepOutput) else repr(value)}"
                for name, value in fields["inputs"].items()
            )
            rows.append(f"| {step.task_id} | {step.stage_class.name} | {sources} |")
        return "\n".join(["One job, a checkpoint a step.", "", "| step | stage | reads |", "|-|-|-|", *rows])

    def stage_classes(self) -> Mapping[str, type[Stage]]:
        return {step.task_id: step.stage_class for step in self.members}

    def job_steps(self) -> list[Step]:
        return [step for member in self._rendered() for step in member.job_steps()]

    def _rendered(self) -> Iterator[StageOperator]:
        """Yield the steps as the run knows them: copies, since the group is what is rendered."""
        for member, fields in zip(self.members, self.steps, strict=True):
            step = member.prepare_for_execution()
            shared = {name: getattr(self, name) for name in SHARED}
            for name, value in {**shared, **fields}.items():
                if name != "step":
                    setattr(step, name, value)
            yield step

    def hand_on(
        self, context: Context, outputs: Mapping[str, Mapping[str, Reference]], reused: Collection[str]
    ) -> None:
        for step in self._rendered():
            own = {**context, "ti": _StepXComs(context["ti"], step.task_id)}
            step.hand_on(cast("Context", own), outputs, reused)
        context["ti"].xcom_push(key="reused", value=len(reused) == len(self.members))


class _Collector(DAG):
    """Where operators register inside a group's ``with``, in place of the outer DAG."""

    group: StageGroup

    @classmethod
    def of(cls, group: StageGroup) -> _Collector:
        outer = group.get_dag()
        if outer is None:
            raise InvalidInputError(
                f"task {group.task_id}", "a group without a DAG", "with DAG(…): around it"
            )
        defaults = {**outer.default_args, **(group.task_group.default_args if group.task_group else {})}
        made = cls(
            outer.dag_id,
            default_args={**defaults, **{name: getattr(group, name) for name in SHARED}},
            template_searchpath=outer.template_searchpath,
            auto_register=False,
        )
        made.fileloc = outer.fileloc  # Where the paths of .sql files begin.
        made.group = group
        return made

    def add_task(self, task: Any) -> None:
        if not isinstance(task, StageOperator):
            raise InvalidInputError(
                f"task {self.group.task_id}: step {task.node_id}",
                f"a {type(task).__name__}, which runs no stage",
                "a task of its own, outside the group",
            )
        task.group = self.group
        super().add_task(task)


class _StepXComs:
    """A task instance whose XComs are named for a step."""

    def __init__(self, task: Any, step: str) -> None:
        self._task, self._step = task, step

    def xcom_push(self, key: str, value: Any) -> None:
        self._task.xcom_push(key=f"{self._step}.{key}", value=value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)
