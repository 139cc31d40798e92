"""A lock that the kernel gives back when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from typing import IO


class JobLock:
    """Held by a job's process for as long as it lives, so that there is never a second one.

    A POSIX record lock: children do not inherit it, and SIGKILL frees it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self, patience: float = 3.0) -> bool:
        """Take the lock; return False where another process keeps it for ``patience`` seconds."""
        file = self.path.open("a")
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                if time.monotonic() > deadline:
                    file.close()
                    return False
                time.sleep(0.05)
            else:
                self._file = file
                return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def held(self) -> bool:
        """Whether another process holds the lock."""
        if not self.path.exists():
            return False
        if not self.acquire(patience=0):
            return True
        self.release()
        return False
