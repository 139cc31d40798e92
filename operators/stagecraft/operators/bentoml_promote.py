"""Makes a version of a model the one that answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator
from airflow.sdk import XComArg

from stagecraft.hooks.serving import ServingHook
from stagecraft.serving.deployment import Deployment, NoLongerServedError, check_kept
from stagecraft.serving.traffic import DEFAULT

if TYPE_CHECKING:
    from airflow.sdk import Context


class BentoMLPromoteOperator(BaseOperator):
    """Gives an alias to a deployed version: all its requests, no longer a share.

    Nothing is loaded, so that it takes some milliseconds; the version before stays loaded for a rollback.
    Fails where the service took the version back meanwhile, with the reason. Hands on ``deployment``.

    >>> promote = BentoMLPromoteOperator(task_id="promote", deployment=canary.deployment)  # doctest: +SKIP

    :param deployment: what a deploying task hands on
    :param alias: what the version answers for from now on
    :param bounds: what the version must keep to, else the service goes back to the one before; see
        :class:`BentoMLDeployOperator`
    :param conn_id: the service's connection, as the deploying task has it
    """

    template_fields: Sequence[str] = ("deployment", "alias", "bounds")

    def __init__(
        self,
        *,
        deployment: XComArg | Mapping[str, Any],
        alias: str = DEFAULT,
        bounds: Mapping[str, Any] | None = None,
        conn_id: str = ServingHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.deployment = deployment
        self.alias = alias
        self.bounds = bounds
        self.conn_id = conn_id

    @property
    def promoted(self) -> XComArg:
        """The deployment with the generation of its promotion, to wait for."""
        return XComArg(self, key="deployment")

    def execute(self, context: Context) -> None:
        where = f"task {self.task_id}: promote"
        given = Deployment.of(f"{where}.deployment", self.deployment)
        hook = ServingHook(self.conn_id)
        hook.endpoint.check(f"{where}.conn_id", given)
        try:
            check_kept(given, hook.status())
        except NoLongerServedError as error:
            raise AirflowFailException(str(error)) from error
        made = hook.set_alias(name=given.name, alias=self.alias, version=given.version, bounds=self.bounds)
        self.log.info(
            "%s of %s is now %s, generation %d", self.alias, made.name, made.version, made.generation
        )
        context["ti"].xcom_push(key="deployment", value=made.model_dump())
