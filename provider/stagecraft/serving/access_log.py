"""The access log: a JSON object a line, of requests drawn by chance and of every failure."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TextIO

from stagecraft.serving.monitor import Monitor


class AccessLog:
    """Writes what a monitor has noted.

    >>> monitor = Monitor(access_log=1.0)
    >>> monitor.answered("late", "1", rows=1, scores=[0.25], seconds=0.0001)
    >>> AccessLog(monitor).look()  # doctest: +SKIP
    {"time": "2026-01-31T12:00:00.000+00:00", "model": "late", "version": "1", "status": 200, "rows": 1, …}

    :param stream: standard output where None
    """

    def __init__(self, monitor: Monitor, stream: TextIO | None = None) -> None:
        self.monitor, self.stream = monitor, stream

    def look(self) -> None:
        """Write what was noted since the last time."""
        lines = [
            json.dumps(
                {
                    "time": datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds"),
                    "model": entry.model,
                    "version": entry.version,
                    "status": entry.status,
                    "rows": entry.rows,
                    "seconds": round(entry.seconds, 6),
                }
            )
            for entry in self.monitor.take_noted()
        ]
        if lines:
            stream = self.stream or sys.stdout
            stream.write("\n".join(lines) + "\n")
            stream.flush()
