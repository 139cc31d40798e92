"""What Airflow imports while it parses DAGs stays light: guarded by what is loaded, not by the clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]

IMPORT_ALL = """
import importlib, json, pkgutil, sys
import airflow.sdk, airflow.providers.common.compat.sdk
before = set(sys.modules)
for name in ("operators", "sensors", "hooks", "triggers"):
    package = importlib.import_module(f"stagecraft.{name}")
    for module in pkgutil.walk_packages(package.__path__, f"stagecraft.{name}."):
        importlib.import_module(module.name)
importlib.import_module("stagecraft.provider_info")
print(json.dumps(sorted(set(sys.modules) - before)))
"""

PARSE_DAG = """
import json, runpy, sys
import airflow.sdk, airflow.providers.common.compat.sdk
before = set(sys.modules)
runpy.run_path(sys.argv[1])
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def heavy_modules() -> set[str]:
    """What the linter bans at module level, and what comes in through the back door."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    banned = project["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"]
    return {*banned, "numpy", "fsspec", "grpc", "kubernetes", "torch"}


def loaded(tmp_path: Path, script: str, *arguments: str) -> set[str]:
    """Return the modules that a script loads on top of Airflow's own."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_every_operator_loads_nothing_heavy(tmp_path: Path) -> None:
    modules = loaded(tmp_path, IMPORT_ALL)
    assert any(name.startswith("stagecraft.operators.") for name in modules)
    assert {name for name in modules if name.partition(".")[0] in heavy_modules()} == set()


@pytest.mark.parametrize("file", sorted((REPOSITORY / "dags").glob("*.py")), ids=lambda file: file.stem)
def test_parsing_a_dag_loads_nothing_heavy(tmp_path: Path, file: Path) -> None:
    modules = loaded(tmp_path, PARSE_DAG, str(file))
    assert {name for name in modules if name.partition(".")[0] in heavy_modules()} == set()
