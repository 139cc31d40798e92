"""A group of processes that lives and dies together."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from stagecraft.errors import StagecraftError


class DiedError(StagecraftError, RuntimeError):
    """A process that should live has died, or did not become ready."""


class Processes:
    """Processes that end with :meth:`stop`, and with this process however it ends.

    What they start ends with them, in whatever process group it hides. Where one of them dies, the others
    are ended too.

    :param commands: name → command line
    :param logs: the folder that takes the output, one file ``<name>.log`` each; made where it is missing
    :param env: the environment of all of them

    >>> processes = Processes({"nap": ["sleep", "60"]}, logs=Path("/tmp/logs"), env={})  # doctest: +SKIP
    >>> processes.start(), processes.stop()  # doctest: +SKIP
    """

    def __init__(self, commands: Mapping[str, Sequence[str]], *, logs: Path, env: Mapping[str, str]) -> None:
        self.commands, self.logs, self.env = commands, logs, env
        self._keeper: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start them in a session of their own."""
        if self._keeper is not None:
            return
        self.logs.mkdir(parents=True, exist_ok=True)
        parts = {name: {"command": list(c), "log": str(self.log(name))} for name, c in self.commands.items()}
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "stagecraft.demo.keeper", json.dumps(parts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(self.env),
            start_new_session=True,
        )

    def stop(self) -> None:
        """End them, and all that they started; return when they are gone."""
        keeper, self._keeper = self._keeper, None
        if keeper is None or keeper.stdin is None or keeper.stdout is None:
            return
        keeper.stdin.close()
        keeper.wait()
        keeper.stdout.close()

    def log(self, name: str) -> Path:
        """The file that takes the output of a process."""
        return self.logs / f"{name}.log"

    def alive(self) -> list[psutil.Process]:
        """Return every living process, those that they started included."""
        if self._keeper is None or self._keeper.poll() is not None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(self._keeper.pid)
            return [top, *top.children(recursive=True)]
        return []

    def check(self) -> None:
        """Refuse to go on where one of them has died.

        :raises DiedError: with its name and the end of its log
        """
        if self._keeper is None or self._keeper.stdout is None:
            raise DiedError(f"{', '.join(self.commands)}: not started")
        if self._keeper.poll() is None:
            return
        report = self._keeper.stdout.read()
        if not report:
            raise DiedError(f"the keeper of {', '.join(self.commands)} was ended from outside")
        dead = json.loads(report)
        log = self.log(dead["part"])
        raise DiedError(f"{dead['part']} ended with status {dead['status']}; the end of {log}:\n{tail(log)}")


def tail(path: Path, lines: int = 30) -> str:
    """Return the last lines of a text file, or nothing where there is none."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
