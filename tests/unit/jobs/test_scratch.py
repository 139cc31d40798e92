from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from stagecraft.jobs.scratch import scratch_folder

KILLED = """
import os, signal, sys
from stagecraft.engines.duckdb import DuckDBEngine
engine = DuckDBEngine(threads=1)
print(engine._folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_folders_of_killed_processes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, capture_output=True, text=True, check=False
    )
    left = Path(done.stdout.strip())
    assert left.is_dir(), done.stderr
    foreign = tmp_path / "stagecraft-duckdb-of-another-make"
    foreign.mkdir()
    own = [scratch_folder("stagecraft-duckdb-") for _ in range(2)]
    assert not left.exists()
    assert all(folder.is_dir() for folder in [*own, foreign])
