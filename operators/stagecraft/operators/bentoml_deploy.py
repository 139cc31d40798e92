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
from stagecraft.serving.deployment import Deployment
from stagecraft.serving.traffic import DEFAULT

if TYPE_CHECKING:
    from airflow.sdk import Context

VERSION_DIGITS = 12


class BentoMLDeployOperator(BaseOperator):
    """Deploys a model into a running service, without a restart: its workers load it while they answer.

    The service loads the model and scores its golden rows before it accepts it; a bad one changes nothing.
    Deploying the same again changes nothing either, so a retry is safe. Hands on ``deployment``: name,
    version, generation, url.

    As a canary the version takes a share of the alias's requests; as a shadow it scores all of them and
    answers none. With ``bounds`` the service takes it back by itself when it leaves one.

    >>> live = BentoMLDeployOperator(
    ...     task_id="deploy", model=train.model, name="flight-delay", require=evaluate.report["auc"] > 0.65
    ... )  # doctest: +SKIP
    >>> canary = BentoMLDeployOperator(
    ...     task_id="canary", model=train.model, name="flight-delay", canary=10, bounds={"error_rate": 0.01}
    ... )  # doctest: +SKIP

    :param model: a scoring model, in the store that the service was started with
    :param name: what requests call it: letters, digits, ``.``, ``-``, ``_``
    :param version: the first 12 digits of the model's fingerprint where None
    :param alias: what the version answers for from now on, or takes a share of; ``default`` is what requests
        mean that name no version. None: it answers for nothing but its own name
    :param canary: percent of the alias's requests that the version takes; None: all
    :param shadow: whether it scores the alias's requests without answering them
    :param bounds: what the version must keep to: ``error_rate``, ``latency_seconds`` at ``quantile``,
        ``psi``, ``window_seconds``, ``min_requests``
    :param require: what must hold of a report, else the task fails and deploys nothing
    :param conn_id: the service's connection
    """

    template_fields: Sequence[str] = ("model", "name", "version", "alias", "canary", "bounds", "require")

    def __init__(
        self,
        *,
        model: XComArg | Mapping[str, Any],
        name: str,
        version: str | None = None,
        alias: str | None = DEFAULT,
        canary: float | str | None = None,
        shadow: bool = False,
        bounds: Mapping[str, Any] | None = None,
        require: Requirement | None = None,
        conn_id: str = ServingHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = f"task {self.task_id}: deploy"
        if isinstance(model, Output) and model.kind is not Kind.MODEL:
            raise InvalidInputError(f"{where}.model", f"{model!r} is wired here", "a model")
        if shadow and canary is not None:
            raise InvalidInputError(f"{where}.shadow", "a canary cannot be a shadow", "one of the two")
        if alias is None and (shadow or canary is not None or bounds):
            raise InvalidInputError(f"{where}.alias", "None", "the alias whose requests the version sees")
        self.model = model
        self.name = name
        self.version = version
        self.alias = alias
        self.canary = canary
        self.shadow = shadow
        self.bounds = bounds
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
        hook = ServingHook(self.conn_id)
        beside = self.shadow or self.canary is not None
        deployment = hook.deploy(
            name=self.name, uri=model.uri, version=version, alias=None if beside else self.alias
        )
        if self.alias is not None and (beside or self.bounds):
            deployment = self._with_rule(hook, deployment, self.alias)
        self.log.info(
            "%s %s is live at %s, generation %d", self.name, version, deployment.url, deployment.generation
        )
        context["ti"].xcom_push(key="deployment", value=deployment.model_dump())

    def _with_rule(self, hook: ServingHook, deployment: Deployment, alias: str) -> Deployment:
        """Give the alias its rule, unless a task that ran later has given it another one."""
        version, beside = deployment.version, self.shadow or self.canary is not None
        now = hook.status()["models"][self.name]["aliases"].get(alias, {})
        settled = now.get("version") == version if beside else not now.keys().isdisjoint({"split", "shadow"})
        if settled:
            self.log.info("%s of %s is left as it is: %s", alias, self.name, now)
            return deployment
        changed = hook.set_alias(
            name=self.name,
            alias=alias,
            split={version: float(self.canary)} if self.canary is not None else None,
            shadow=version if self.shadow else None,
            bounds=self.bounds,
        )
        return deployment.model_copy(update={"generation": changed.generation})

    def _check_requirement(self) -> None:
        if self.require is None:
            return
        found: Mapping[str, Any] = self.require  # type: ignore[assignment]  # resolved as a template field
        told = f"{found['metric']} {found['op']} {found['bound']:g}, and it is {found['value']:g}"
        if not found["holds"]:
            raise AirflowFailException(f"The model {self.name!r} is not deployed: required is {told}")
        self.log.info("Required is %s", told)
