"""Cyclic garbage in a process that runs one job."""

from __future__ import annotations

import atexit
import gc

YOUNG = 50_000
"""Objects between two looks at the newest ones."""


def collect_rarely() -> None:
    """Look for cyclic garbage now and then, and not as the process ends.

    What stages import are some hundred thousand objects that stay. By Python's defaults the newest are looked
    through at every 700, and all once more in the end: a quarter of a CPU second a job.
    """
    gc.set_threshold(YOUNG, 20, 50)
    atexit.register(gc.freeze)
