"""Ends what is left of a local Ray when the process that started it is gone, however it ended.

Ray's own processes follow their parent, but its two agents notice only after a minute or two.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

SECONDS = 10


def start(scratch: Path) -> subprocess.Popen[bytes]:
    """Start a guard of the Ray whose files lie in ``scratch``; it acts when this process is gone."""
    command = [sys.executable, "-P", str(Path(__file__)), str(scratch)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def users(folder: str) -> Iterator[psutil.Process]:
    """Yield the other processes that were started with files below ``folder``, or hold one open."""
    own = os.getpid()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            # One that has just been started has no file open yet.
            named = f"{folder}/" in " ".join(process.cmdline())
            if process.pid != own and (
                named or any(file.path.startswith(f"{folder}/") for file in process.open_files())
            ):
                yield process


def main(folder: str) -> None:
    sys.stdin.buffer.read()
    for _ in range(SECONDS):
        found = list(users(folder))
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        if not found:
            break
        time.sleep(1)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
