"""What a running stage tells: events, one value at one step each, and records of anything else."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple


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
        return cls._of(json.loads(line), line)

    @classmethod
    def _of(cls, record: Mapping[str, Any], line: bytes) -> Event:
        try:
            return cls(
                int(record["step"]), str(record["name"]), float(record["value"]), float(record["time"])
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an event: {line[:200]!r}") from error


class Record(NamedTuple):
    """What no single number says, as a trial of a sweep.

    :param name: what it is, its scope first, as in ``tune/trial``
    :param data: JSON-able
    :param time: seconds since 1970
    """

    name: str
    data: dict[str, Any]
    time: float

    def line(self) -> bytes:
        """Return the record as one line of JSON, with its line feed."""
        return json.dumps(self._asdict(), separators=(",", ":"), allow_nan=False).encode() + b"\n"


def parse(line: bytes) -> Event | Record:
    """Read a line of either kind.

    :raises ValueError: the line is neither

    >>> parse(Record("trial", {"number": 3}, 12.5).line())
    Record(name='trial', data={'number': 3}, time=12.5)
    """
    read = json.loads(line)
    if not isinstance(read, dict) or "data" not in read:
        return Event._of(read, line)
    try:
        return Record(str(read["name"]), dict(read["data"]), float(read["time"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a record: {line[:200]!r}") from error


def _json_number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
