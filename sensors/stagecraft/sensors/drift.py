"""Waits until what a service is asked has drifted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.sensors.status import StatusSensor
from stagecraft.serving.conditions import drifted
from stagecraft.serving.traffic import DEFAULT


class DriftSensor(StatusSensor):
    """Succeeds once a raw column of a model's requests has moved away from the rows of its training.

    The service compares the latest requests, of which it looks at a sample, with the model's golden rows, by
    the population stability index beyond what chance gives. Hands on ``found``: name, version, and the
    columns that have drifted with their index. What comes after it may train anew.

    >>> drift = DriftSensor(task_id="drift", name="flight-delay", psi=0.25, deferrable=True)  # doctest: +SKIP

    :param name: the model
    :param psi: an index above it is drift. Usual: 0.1 has moved, 0.25 has moved much
    :param version: the version or alias whose requests are looked at
    :param columns: the columns to look at; None: all
    :param conn_id: the service's connection
    :param deferrable: whether the triggerer waits, so that no worker does
    :param poke_interval: seconds between two looks
    """

    condition = drifted.__name__
    template_fields: Sequence[str] = ("name", "psi", "version", "columns")

    def __init__(
        self,
        *,
        name: str,
        psi: float | str = 0.25,
        version: str = DEFAULT,
        columns: Sequence[str] | None = None,
        poke_interval: float = 60,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.name = name
        self.psi = psi
        self.version = version
        self.columns = columns

    def arguments(self) -> dict[str, Any]:
        columns = None if self.columns is None else list(self.columns)
        return {"name": self.name, "version": self.version, "psi": float(self.psi), "columns": columns}
