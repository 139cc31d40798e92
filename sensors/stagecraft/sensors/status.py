"""What sensors of a service's status share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException, BaseSensorOperator, conf
from airflow.sdk import XComArg

from stagecraft.errors import UnreachableError
from stagecraft.hooks.serving import ServingHook
from stagecraft.serving.conditions import CONDITIONS

if TYPE_CHECKING:
    from airflow.sdk import Context


class StatusSensor(BaseSensorOperator):
    """Succeeds once a condition finds something in a service's status, and hands it on as ``found``.

    :param conn_id: the service's connection
    :param deferrable: whether the triggerer waits, so that no worker does
    :param poke_interval: seconds between two looks
    """

    condition: ClassVar[str]

    def __init__(
        self,
        *,
        conn_id: str = ServingHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.conn_id = conn_id
        self.deferrable = deferrable
        self._found: dict[str, Any] | None = None

    @property
    def found(self) -> XComArg:
        """What was found, for what must wait for it."""
        return XComArg(self, key="found")

    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """Return what the condition is called with."""

    def poke(self, context: Context) -> bool:
        try:
            status = ServingHook(self.conn_id).status()
        except UnreachableError as error:
            self.log.info("Waiting: %s", error)
            return False
        self._found = CONDITIONS[self.condition](status, **self.arguments())
        return self._found is not None

    def execute(self, context: Context) -> None:
        if not self.deferrable:
            super().execute(context)
        elif not self.poke(context):
            from stagecraft.triggers.status import StatusTrigger

            self.defer(
                trigger=StatusTrigger(
                    self.condition, self.arguments(), self.conn_id, float(self.poke_interval)
                ),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )
        self._hand_on(context)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> None:
        """Go on after the trigger has fired."""
        if event["error"]:
            raise AirflowFailException(event["error"])
        self._found = event["found"]
        self._hand_on(context)

    def _hand_on(self, context: Context) -> None:
        self.log.info("Found: %s", self._found)
        context["ti"].xcom_push(key="found", value=self._found)
