"""Processes live and die together, and leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stagecraft.demo.memory import PeakMemory, memory
from stagecraft.demo.processes import DiedError, Processes

# Starts a sleeper in a session of its own and prints its number, as a job that outlives its task does.
HIDER = """
import subprocess, sys, time
sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(sleeper.pid, flush=True)
time.sleep({seconds})
"""

OWNER = """
import sys, time
from pathlib import Path
from stagecraft.demo.processes import Processes
import os
processes = Processes({{"hider": [sys.executable, "-c", {script!r}]}}, logs=Path({logs!r}), env=os.environ)
processes.start()
time.sleep(600)
"""


def eventually(true: object, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def hidden_pid(log: Path) -> int:
    eventually(lambda: log.exists() and log.read_text().endswith("\n"))
    return int(log.read_text())


def test_stopping_ends_what_hides_in_another_session(tmp_path: Path) -> None:
    hider = [sys.executable, "-c", HIDER.format(seconds=600)]
    processes = Processes({"hider": hider}, logs=tmp_path, env=os.environ)
    processes.start()
    sleeper = hidden_pid(tmp_path / "hider.log")
    assert sleeper in {process.pid for process in processes.alive()}
    processes.stop()
    assert not psutil.pid_exists(sleeper)
    assert processes.alive() == []


def test_a_death_ends_the_others_and_is_told_with_its_log(tmp_path: Path) -> None:
    commands = {
        "sleeper": [sys.executable, "-c", "import time; time.sleep(600)"],
        "failing": [sys.executable, "-c", "raise SystemExit('no such port')"],
    }
    processes = Processes(commands, logs=tmp_path, env=os.environ)
    processes.start()
    eventually(lambda: processes.alive() == [])
    with pytest.raises(DiedError, match=r"failing ended with status 1.*\n.*no such port"):
        processes.check()
    processes.stop()


def test_they_end_with_their_owner_however_it_ends(tmp_path: Path) -> None:
    script = OWNER.format(script=HIDER.format(seconds=600), logs=str(tmp_path))
    owner = subprocess.Popen([sys.executable, "-c", script])
    sleeper = hidden_pid(tmp_path / "hider.log")
    owner.kill()
    owner.wait()
    eventually(lambda: not psutil.pid_exists(sleeper))


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux alone")
def test_orphans_that_end_are_reaped(tmp_path: Path) -> None:
    orphaning = (
        "import subprocess, sys, time;"
        "print(subprocess.run([sys.executable, '-c', 'import os, time\\nif os.fork():\\n os._exit(0)\\n"
        "print(os.getpid(), flush=True)\\ntime.sleep(1)'], stdout=subprocess.PIPE, text=True).stdout.strip(),"
        " flush=True); time.sleep(600)"
    )
    processes = Processes({"parent": [sys.executable, "-c", orphaning]}, logs=tmp_path, env=os.environ)
    processes.start()
    orphan = hidden_pid(tmp_path / "parent.log")
    eventually(lambda: not psutil.pid_exists(orphan))
    processes.stop()


def test_the_peak_of_memory_counts_this_process() -> None:
    with PeakMemory(lambda: [psutil.Process()], interval=0.05) as peak:
        eventually(lambda: peak.bytes > 0)
    assert peak.bytes >= memory([psutil.Process()]) // 2
