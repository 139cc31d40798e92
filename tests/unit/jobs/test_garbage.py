"""A job's process looks for garbage rarely, and not as it ends."""

from __future__ import annotations

import subprocess
import sys

PROCESS = """
import atexit, gc
from stagecraft.jobs.garbage import YOUNG, collect_rarely
atexit.register(lambda: print(gc.get_freeze_count() > 1000))
collect_rarely()
print(gc.isenabled(), gc.get_threshold()[0] == YOUNG, gc.get_freeze_count())
"""


def test_what_is_left_in_the_end_is_not_looked_through() -> None:
    told = subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["True", "True", "0", "True"]
