"""The wheel alone in an environment: Airflow finds the provider, its connections, plugin and operators."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from stagecraft.provider_info import get_provider_info

REPOSITORY = Path(__file__).parents[3]
NAME = "airflow-provider-stagecraft"

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in ("operators", "sensors", "hooks", "triggers", "plugins"):
    package = importlib.import_module(f"stagecraft.{name}")
    assert all(path.startswith(sys.prefix) for path in package.__path__), package.__path__
    for module in pkgutil.iter_modules(package.__path__, f"stagecraft.{name}."):
        importlib.import_module(module.name)
        print(module.name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it, and all that this one has but the checkout.

    The dependencies, gigabytes of them, are linked instead of installed again. The checkout's editable
    install is left out, so whatever is found of stagecraft comes from the wheel.
    """
    home = tmp_path_factory.mktemp("clean")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    dependencies = home / "dependencies"
    dependencies.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "stagecraft" not in entry.name and entry.suffix != ".pth":
            (dependencies / entry.name).symlink_to(entry)
    own = next(home.glob("lib/python*/site-packages"))
    (own / "dependencies.pth").write_text(f"{dependencies}\n")
    python = home / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run([*pip, str(wheel)], check=True)
    return python


def run(python: Path, tmp_path: Path, *arguments: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")}
    done = subprocess.run(
        [str(python), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**env, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def listing(text: str) -> list[dict[str, str]]:
    """Return the rows that an ``airflow`` command printed as JSON, below whatever it logged."""
    rows: list[dict[str, str]] = json.loads(text[text.index("[{") :])
    return rows


def test_the_wheel_holds_the_four_parts_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert "stagecraft" in tops
    assert {top for top in tops if not top.endswith(".dist-info")} == {"stagecraft"}
    assert "stagecraft/__init__.py" not in names
    assert "stagecraft/py.typed" in names
    kept = {
        str(file.relative_to(REPOSITORY / source))
        for source in ("provider", "operators", "sensors", "plugins")
        for file in (REPOSITORY / source / "stagecraft").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert kept <= set(names)


def test_airflow_finds_the_provider(environment: Path, tmp_path: Path) -> None:
    found = run(environment, tmp_path, "-m", "airflow", "providers", "get", NAME, "--output", "json")
    assert listing(found)[0]["Provider"] == NAME


def test_airflow_finds_every_connection_type(environment: Path, tmp_path: Path) -> None:
    rows = listing(run(environment, tmp_path, "-m", "airflow", "providers", "hooks", "--output", "json"))
    hooks = {row["connection_type"]: row for row in rows}
    for connection in get_provider_info()["connection-types"]:
        assert hooks[connection["connection-type"]]["class"] == connection["hook-class-name"]


def test_airflow_finds_the_plugin(environment: Path, tmp_path: Path) -> None:
    rows = listing(run(environment, tmp_path, "-m", "airflow", "plugins", "--output", "json"))
    assert "stagecraft" in {row["name"] for row in rows}


def test_every_operator_sensor_hook_and_trigger_imports(environment: Path, tmp_path: Path) -> None:
    modules = run(environment, tmp_path, "-c", IMPORT_ALL).splitlines()
    assert any(name.startswith("stagecraft.operators.") for name in modules)
    assert any(name.startswith("stagecraft.hooks.") for name in modules)
