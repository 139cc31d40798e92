"""Takes back the last change of what answers for a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator
from airflow.sdk import XComArg

from stagecraft.hooks.serving import ServingHook
from stagecraft.serving.traffic import DEFAULT

if TYPE_CHECKING:
    from airflow.sdk import Context


class BentoMLRollBackOperator(BaseOperator):
    """Ends an alias's canary or shadow; where it has none, has the version before answer again.

    That one is still loaded, so it takes some milliseconds. A retry is a rollback of its own: where the task
    has retries, name the version to go back to. Hands on ``deployment``: what answers now.

    >>> back = BentoMLRollBackOperator(
    ...     task_id="back", name="flight-delay", trigger_rule="one_failed"
    ... )  # doctest: +SKIP

    :param name: the model
    :param alias: whose last change is taken back
    :param version: the version to go back to, whatever the last change was; the one before where None
    :param conn_id: the service's connection
    """

    template_fields: Sequence[str] = ("name", "alias", "version")

    def __init__(
        self,
        *,
        name: str,
        alias: str = DEFAULT,
        version: str | None = None,
        conn_id: str = ServingHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.version = version
        self.conn_id = conn_id

    @property
    def deployment(self) -> XComArg:
        """What answers now, to wait for."""
        return XComArg(self, key="deployment")

    def execute(self, context: Context) -> None:
        hook = ServingHook(self.conn_id)
        if self.version:
            made = hook.set_alias(name=self.name, alias=self.alias, version=self.version)
        else:
            made = hook.roll_back(name=self.name, alias=self.alias)
        self.log.info(
            "%s of %s is again %s, generation %d", self.alias, self.name, made.version, made.generation
        )
        context["ti"].xcom_push(key="deployment", value=made.model_dump())
