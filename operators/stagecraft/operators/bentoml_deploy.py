"""Takes a model live in a running prediction service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator
from airflow.sdk import XComArg

from stagecraft.artifacts.artifact import Kind
from stagecraft.errors import InvalidInputError
from stagecraft.hooks.serving import ServingHook
from stagecraft.operators.output import Output, Requirement, reference_of

if TYPE_CHECKING:
    from airflow.sdk import Context

VERSION_DIGITS = 12


class BentoMLDeployOperator(BaseOperator):
    """Deploys a model into a running service, without a restart: its workers load it while they answer.

    The service loads the model and scores its golden rows before it accepts it; a bad one changes nothing.
    Deploying the same again changes nothing either, so a retry is safe. Hands on ``deployment``: name,
    version, generation, url.

    >>> live = BentoMLDeployOperator(
    ...     task_id="deploy", model=train.model, name="flight-delay", require=evaluate.report["auc"] > 0.65
    ... )  # doctest: +SKIP

    :param model: a scoring model, in the store that the service was started with
    :param name: what requests call it: letters, digits, ``.``, ``-``, ``_``
    :param version: the first 12 digits of the model's fingerprint where None
    :param default: whether it answers from now on where a request names no version
    :param require: what must hold of a report, else the task fails and deploys nothing
    :param conn_id: the service's connection
    """

    template_fields: Sequence[str] = ("model", "name", "version", "require")

    def __init__(
        self,
        *,
        model: XComArg | Mapping[str, Any],
        name: str,
        version: str | None = None,
        default: bool = True,
        require: Requirement | None = None,
        conn_id: str = ServingHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(model, Output) and model.kind is not Kind.MODEL:
            raise InvalidInputError(
                f"task {self.task_id}: deploy.model", f"{model!r} is wired here", "a model"
            )
        self.model = model
        self.name = name
        self.version = version
        self.default = default
        self.require = require
        self.conn_id = conn_id

    @property
    def deployment(self) -> XComArg:
        """The deployment, to wire into a sensor or a comparison."""
        return XComArg(self, key="deployment")

    def execute(self, context: Context) -> None:
        model = reference_of(f"task {self.task_id}: deploy.model", self.model, Kind.MODEL)
        self._check_requirement()
        version = self.version or model.fingerprint[:VERSION_DIGITS]
        deployment = ServingHook(self.conn_id).deploy(
            name=self.name, uri=model.uri, version=version, default=self.default
        )
        self.log.info(
            "%s %s is live at %s, generation %d", self.name, version, deployment.url, deployment.generation
        )
        context["ti"].xcom_push(key="deployment", value=deployment.model_dump())

    def _check_requirement(self) -> None:
        if self.require is None:
            return
        found: Mapping[str, Any] = self.require  # type: ignore[assignment]  # resolved as a template field
        told = f"{found['metric']} {found['op']} {found['bound']:g}, and it is {found['value']:g}"
        if not found["holds"]:
            raise AirflowFailException(f"The model {self.name!r} is not deployed: required is {told}")
        self.log.info("Required is %s", told)
