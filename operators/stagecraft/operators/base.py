"""What every operator of one stage does: check it when the file is parsed, and run it as a job."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import XComArg
from pydantic import TypeAdapter, ValidationError

from stagecraft.artifacts.artifact import Reference
from stagecraft.errors import InvalidInputError
from stagecraft.jobs.job import Step, StepOutput, StepValue
from stagecraft.operators.deferred import check_parameters
from stagecraft.operators.job import JobOperator
from stagecraft.operators.output import Output
from stagecraft.stages.load import load_stage

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.definitions._internal.mixins import DependencyMixin
    from airflow.sdk.definitions.edges import EdgeModifier

    from stagecraft.operators.stage_group import StageGroup
    from stagecraft.stages.base import Stage

Input = XComArg | Mapping[str, Any]
"""An output of another task, or an artifact's reference."""

SOURCE: TypeAdapter[Reference | StepOutput] = TypeAdapter(Reference | StepOutput)


class StageOperator(JobOperator):
    """Runs one stage as a job of its own; inside a :class:`StageGroup` it is a step of the group's job.

    :param inputs: the stage's inputs; None leaves one out
    :param parameters: the stage's parameters
    """

    stage_address: ClassVar[str]
    template_fields: Sequence[str] = ("inputs", "parameters", *JobOperator.template_fields)
    group: StageGroup | None = None
    """The group that this is a step of."""

    def __init__(self, *, inputs: dict[str, Any], parameters: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inputs = {name: value for name, value in inputs.items() if value is not None}
        self.parameters = parameters
        self._check()
        if self.group is not None:
            self.group.take(self, given=kwargs)

    @property
    def stage_class(self) -> type[Stage]:
        return load_stage(self.stage_address)

    def stage_classes(self) -> Mapping[str, type[Stage]]:
        return {self.task_id: self.stage_class}

    def all_parameters(self) -> dict[str, Any]:
        """The stage's parameters, those that a subclass keeps in fields of its own among them."""
        return self.parameters

    def artifact(self, name: str) -> Output:
        """Return the stage's output ``name``, to wire into other operators."""
        return Output(self, name, self.stage_class.outputs[name])

    def _check(self) -> None:
        """Refuse at parse time what is known to be wrong by then."""
        kinds = {
            name: value.kind if isinstance(value, Output) else None for name, value in self.inputs.items()
        }
        try:
            self.stage_class.check_inputs(kinds)
        except InvalidInputError as error:
            field = error.where.rpartition(".")[2]
            found = f"{error.found}: {self.inputs[field]!r}" if field in self.inputs else error.found
            raise InvalidInputError(f"task {self.task_id}: {error.where}", found, error.remedy) from None
        check_parameters(self.stage_class, self.all_parameters())
        self.check_engine()

    def job_steps(self) -> list[Step]:
        given = self.all_parameters()
        values = {name: value for name, value in given.items() if isinstance(value, StepValue)}
        parameters = {name: value for name, value in given.items() if name not in values}
        if not values:
            parameters = self.stage_class.validated(parameters).model_dump(mode="json")
        inputs = {name: self._source(name, value) for name, value in self.inputs.items()}
        self.stage_class.check_inputs(
            {name: source.kind if isinstance(source, Reference) else None for name, source in inputs.items()}
        )
        step = Step(
            name=self.task_id, stage=self.stage_address, parameters=parameters, inputs=inputs, values=values
        )
        return [step]

    def _source(self, name: str, value: Any) -> Reference | StepOutput:
        try:
            return SOURCE.validate_python(value)
        except ValidationError as error:
            raise InvalidInputError(
                f"task {self.task_id}: {self.stage_class.name}.{name}",
                f"{value!r} is no artifact",
                "a task's output",
            ) from error

    def hand_on(
        self, context: Context, outputs: Mapping[str, Mapping[str, Reference]], reused: Collection[str]
    ) -> None:
        self._hand_on(context, outputs[self.task_id], reused=self.task_id in reused)

    def _hand_on(self, context: Context, outputs: Mapping[str, Reference], *, reused: bool) -> None:
        task = context["ti"]
        for name, reference in outputs.items():
            self.log.info("%s: %s", name if self.group is None else f"{self.task_id}.{name}", reference.uri)
            task.xcom_push(key=name, value=reference.model_dump(mode="json"))
        task.xcom_push(key="reused", value=reused)

    # What the outer DAG relates to is the group: a step is no task.

    @property
    def roots(self) -> list[Any]:
        return [self.group or self]

    @property
    def leaves(self) -> list[Any]:
        return [self.group or self]

    def set_upstream(
        self,
        task_or_task_list: DependencyMixin | Sequence[DependencyMixin],
        edge_modifier: EdgeModifier | None = None,
    ) -> None:
        if self.group is None:
            super().set_upstream(task_or_task_list, edge_modifier)
        else:
            self.group.relate(self, task_or_task_list, edge_modifier, upstream=True)

    def set_downstream(
        self,
        task_or_task_list: DependencyMixin | Sequence[DependencyMixin],
        edge_modifier: EdgeModifier | None = None,
    ) -> None:
        if self.group is None:
            super().set_downstream(task_or_task_list, edge_modifier)
        else:
            self.group.relate(self, task_or_task_list, edge_modifier, upstream=False)
