"""The parts of the package, and what Airflow reads of them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from stagecraft.provider_info import get_provider_info

REPOSITORY = Path(__file__).parents[3]
SOURCES = ("provider", "operators", "sensors", "plugins")


def test_stagecraft_is_a_namespace_package() -> None:
    assert [source for source in SOURCES if not (REPOSITORY / source / "stagecraft").is_dir()] == []
    assert [
        source for source in SOURCES if (REPOSITORY / source / "stagecraft" / "__init__.py").exists()
    ] == []


def test_the_provider_info_keeps_to_airflows_schema() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


@pytest.mark.parametrize(
    "connection", get_provider_info()["connection-types"], ids=lambda entry: entry["connection-type"]
)
def test_each_connection_type_has_a_hook_with_a_test(connection: dict[str, Any]) -> None:
    module, _, name = connection["hook-class-name"].rpartition(".")
    hook = getattr(importlib.import_module(module), name)
    assert hook.conn_type == connection["connection-type"]
    assert hook.hook_name == connection["hook-name"]
    assert callable(hook.test_connection)


def test_the_pinned_versions_hold_no_address() -> None:
    pins = (REPOSITORY / "constraints.txt").read_text().splitlines()
    assert [line for line in pins if "/" in line or "@" in line or line.startswith("-")] == []
    assert len(pins) > 100


def test_every_module_that_users_import_from_is_named() -> None:
    """Bases and helpers define no operator, sensor, hook or trigger of their own."""
    helpers = {
        "operators": {"base", "boosted", "deferred", "job", "output", "placement"},
        "sensors": {"status"},
        "triggers": {"settled"},
        "hooks": {"runner"},
    }
    folders = {"operators": "operators", "sensors": "sensors", "hooks": "provider", "triggers": "provider"}
    for part, source in folders.items():
        files = (REPOSITORY / source / "stagecraft" / part).glob("[!_]*.py")
        names = sorted({file.stem for file in files} - helpers.get(part, set()))
        named = [f"stagecraft.{part}.{name}" for name in names]
        assert get_provider_info()[part] == [{"integration-name": "Stagecraft", "python-modules": named}]
