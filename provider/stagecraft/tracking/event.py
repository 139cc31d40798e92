"""An event: one value at one step."""

from __future__ import annotations

import json
import math
from typing import NamedTuple


class Event(NamedTuple):
    """One value of one name at one step.

    :param step: what the writer counts: rounds, epochs, batches, rows
    :param name: ``loss``, ``auc``, ``rows_per_second``, ``progress`` (0 … 1) or any other; a scope comes
        first, as in ``trial-003/loss``
    :param time: seconds since 1970
    """

    step: int
    name: str
    value: float
    time: float

    def record(self) -> dict[str, int | float | str]:
        """Return what JSON can say of this event.

        JSON has no NaN and no infinity, so these are the texts ``"NaN"``, ``"Infinity"`` and
        ``"-Infinity"``, which Python's ``float`` and JavaScript's ``Number`` both read back.

        >>> Event(1, "loss", float("-inf"), 0.5).record()
        {'step': 1, 'name': 'loss', 'value': '-Infinity', 'time': 0.5}
        """
        return {"step": self.step, "name": self.name, "value": _json_number(self.value), "time": self.time}

    def line(self) -> bytes:
        """Return the event as one line of JSON, with its line feed."""
        return json.dumps(self.record(), separators=(",", ":"), allow_nan=False).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> Event:
        """Read a line that :meth:`line` wrote.

        :raises ValueError: the line is no event

        >>> Event.parse(Event(7, "auc", 0.75, 12.5).line())
        Event(step=7, name='auc', value=0.75, time=12.5)
        """
        record = json.loads(line)
        try:
            return cls(
                int(record["step"]), str(record["name"]), float(record["value"]), float(record["time"])
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an event: {line[:200]!r}") from error


def _json_number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
