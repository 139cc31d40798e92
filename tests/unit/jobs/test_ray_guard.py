"""The guard of a local Ray: whom it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stagecraft.jobs.ray_guard import users

WAITS = "import sys; print(flush=True); sys.stdin.read()"
HOLDS = "import sys; file = open(sys.stdin.readline().strip(), 'w'); print(flush=True); sys.stdin.read()"


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def test_it_ends_who_was_started_with_a_file_and_who_holds_one(
    tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    folder = tmp_path / "ray"
    folder.mkdir()
    for code, *arguments in (
        [WAITS, f"--logs={folder}/logs"],
        [HOLDS],
        [WAITS, f"{folder}-of-another/logs"],
    ):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen([sys.executable, "-c", code, *arguments], **pipes))
    for process in started:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{folder}/log\n")
        process.stdin.flush()
        process.stdout.readline()
    named, holding, _ = started
    assert {process.pid for process in users(str(folder))} == {named.pid, holding.pid}
