"""Waits until a deployment is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseSensorOperator, conf
from airflow.sdk import XComArg

from stagecraft.errors import UnreachableError
from stagecraft.hooks.serving import ServingHook
from stagecraft.serving.deployment import Deployment, NoLongerServedError, missing

if TYPE_CHECKING:
    from airflow.sdk import Context


class DeploymentSensor(BaseSensorOperator):
    """Succeeds when every worker of the service serves a deployment: its generation or a later one, and
    still its version. Fails at once when the version was taken out of the service again.

    Hands on ``deployment``, so that what must wait for it takes it from here.

    >>> served = DeploymentSensor(task_id="served", deployment=live.deployment)  # doctest: +SKIP

    :param deployment: what a deploying task hands on
    :param conn_id: the service's connection, as the deploying task has it
    :param deferrable: whether the triggerer waits, so that no worker does
    :param poke_interval: seconds between two looks
    :param timeout: seconds until the sensor gives up
    """

    template_fields: Sequence[str] = ("deployment",)

    def __init__(
        self,
        *,
        deployment: XComArg | Mapping[str, Any],
        conn_id: str = ServingHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float = 1,
        timeout: float = 600,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.deployment = deployment
        self.conn_id = conn_id
        self.deferrable = deferrable

    @property
    def served(self) -> XComArg:
        """The deployment, once every worker serves it."""
        return XComArg(self, key="deployment")

    def poke(self, context: Context) -> bool:
        deployment = Deployment.of(f"task {self.task_id}.deployment", self.deployment)
        hook = ServingHook(self.conn_id)
        hook.endpoint.check(f"task {self.task_id}.conn_id", deployment)
        try:
            waiting = missing(deployment, hook.status())
        except UnreachableError as error:
            waiting = str(error)
        except NoLongerServedError as error:
            raise AirflowFailException(str(error)) from error
        if waiting:
            self.log.info("Waiting: %s", waiting)
        return waiting is None

    def execute(self, context: Context) -> None:
        if not self.deferrable:
            super().execute(context)
        elif not self.poke(context):
            from stagecraft.triggers.deployment import DeploymentTrigger

            deployment = Deployment.of(f"task {self.task_id}.deployment", self.deployment)
            self.defer(
                trigger=DeploymentTrigger(deployment.model_dump(), self.conn_id, float(self.poke_interval)),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )
        self._hand_on(context)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> None:
        """Go on after the trigger has fired."""
        if not event["served"]:
            raise AirflowFailException(event["error"])
        self._hand_on(context)

    def _hand_on(self, context: Context) -> None:
        self.log.info("Every worker serves it")
        context["ti"].xcom_push(key="deployment", value=self.deployment)
