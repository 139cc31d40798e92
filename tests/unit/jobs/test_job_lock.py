"""A job's lock goes with its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stagecraft.jobs.lock import JobLock

HOLD = """
import sys, pathlib, os, time
from stagecraft.jobs.lock import JobLock
lock = JobLock(pathlib.Path(sys.argv[1]))
assert lock.acquire()
if os.fork() == 0:
    time.sleep(600)
    os._exit(0)
print("held", flush=True)
time.sleep(600)
"""


def test_another_process_holds_it_until_it_is_killed_though_its_child_lives(tmp_path: Path) -> None:
    lock = JobLock(tmp_path / "lock")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock.path)], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert lock.held()
        assert not lock.acquire(patience=0.2)
        holder.kill()
        holder.wait()
        assert not lock.held()
        assert lock.acquire()
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(holder.pid)], check=False)


def test_no_file_is_no_lock(tmp_path: Path) -> None:
    assert not JobLock(tmp_path / "lock").held()
