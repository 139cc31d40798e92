"""What Airflow imports while it parses DAGs stays light: guarded by what is loaded, not by the clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

LOAD_ALL = """
import importlib, json, pkgutil, runpy, sys
import airflow.sdk, airflow.providers.common.compat.sdk
before = set(sys.modules)
modules = {}
for name in ("operators", "sensors", "hooks", "triggers"):
    package = importlib.import_module(f"stagecraft.{name}")
    for module in pkgutil.walk_packages(package.__path__, f"stagecraft.{name}."):
        importlib.import_module(module.name)
        modules[module.name] = sorted(set(sys.modules) - before)
importlib.import_module("stagecraft.provider_info")
for dag in sys.argv[1:]:
    runpy.run_path(dag)
    modules[dag] = sorted(set(sys.modules) - before)
print(json.dumps(modules))
"""


def heavy_modules() -> set[str]:
    """What the linter bans at module level, and what comes in through the back door."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    banned = project["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"]
    return {*banned, "numpy", "fsspec", "grpc", "kubernetes", "torch"}


def test_importing_every_operator_and_parsing_every_dag_load_nothing_heavy(tmp_path: Path) -> None:
    """One process loads one after another, since Airflow's own modules take the time."""
    dags = [str(path) for path in sorted((REPOSITORY / "dags").glob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALL, *dags],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert {*dags} < {*loaded}
    assert any(name.startswith("stagecraft.operators.") for name in loaded)
    heavy = heavy_modules()
    for name, modules in loaded.items():
        assert [module for module in modules if module.partition(".")[0] in heavy] == [], name
