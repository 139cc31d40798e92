"""Where the tracking of a task instance lies in the store."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

LONGEST = 200


def tracking_folder(*, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
    """Return the folder of a task instance's events, relative to the store's root.

    Each id becomes one segment of the path: what is not a letter, a digit or ``_-.~`` is quoted, so no id
    leads out of the folder. Tries share the folder: a retry goes on where the one before it ended.

    :param map_index: the index of a mapped task instance, −1 for one that is not mapped

    >>> tracking_folder(dag_id="flights", run_id="manual__2013-01-01T00:00", task_id="train")
    'tracking/flights/manual__2013-01-01T00%3A00/train/-1'
    >>> tracking_folder(dag_id="..", run_id="../../etc", task_id="a/b", map_index=3)
    'tracking/%2E./%2E.%2F..%2Fetc/a%2Fb/3'
    """
    return "/".join(["tracking", _segment(dag_id), _segment(run_id), _segment(task_id), str(int(map_index))])


def _segment(name: str) -> str:
    """Quote a name into one path segment, never empty, ``.`` or ``..``, at most 200 characters."""
    quoted = quote(name, safe="")
    if quoted.startswith("."):
        quoted = "%2E" + quoted[1:]
    if len(quoted) > LONGEST:
        quoted = f"{quoted[: LONGEST - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return quoted or "%"
