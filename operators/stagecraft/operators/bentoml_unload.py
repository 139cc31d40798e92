"""Takes a model, or a version of it, out of a running prediction service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from stagecraft.hooks.serving import ServingHook

if TYPE_CHECKING:
    from airflow.sdk import Context


class BentoMLUnloadOperator(BaseOperator):
    """Frees the memory of a version that no alias answers with, or of a whole model.

    What is not served is as it should be, so a retry is safe.

    >>> BentoMLUnloadOperator(task_id="unload", name="flight-delay", version="5f0c6a1b9d3e")  # doctest: +SKIP

    :param name: the model
    :param version: the version; None: the model with all its versions
    :param conn_id: the service's connection
    """

    template_fields: Sequence[str] = ("name", "version")

    def __init__(
        self,
        *,
        name: str,
        version: str | None = None,
        conn_id: str = ServingHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.version = version
        self.conn_id = conn_id

    def execute(self, context: Context) -> None:
        hook = ServingHook(self.conn_id)
        served = hook.status()["models"].get(self.name, {"versions": []})["versions"]
        if not served or (self.version and self.version not in served):
            self.log.info("%s %s is not served", self.name, self.version or "")
            return
        generation = hook.delete(name=self.name, version=self.version)
        self.log.info("%s %s is taken out with generation %d", self.name, self.version or "", generation)
