"""Waits until another version of a model answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.sensors.status import StatusSensor
from stagecraft.serving.conditions import new_version
from stagecraft.serving.traffic import DEFAULT


class ModelVersionSensor(StatusSensor):
    """Succeeds once an alias of a served model means another version than ``after``: one that was deployed,
    promoted, or rolled back to.

    Hands on ``found``: name, version, generation.

    >>> new = ModelVersionSensor(
    ...     task_id="new", name="flight-delay", after="{{ var.value.get('scored_with', '') }}"
    ... )  # doctest: +SKIP

    :param name: the model
    :param alias: the alias that is watched
    :param after: the version that is known; None or empty: none is
    :param conn_id: the service's connection
    :param deferrable: whether the triggerer waits, so that no worker does
    :param poke_interval: seconds between two looks
    """

    condition = new_version.__name__
    template_fields: Sequence[str] = ("name", "alias", "after")

    def __init__(self, *, name: str, alias: str = DEFAULT, after: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.after = after

    def arguments(self) -> dict[str, Any]:
        return {"name": self.name, "alias": self.alias, "after": self.after or None}
