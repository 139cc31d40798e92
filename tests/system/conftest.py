"""A real Airflow for the system tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stagecraft.demo.airflow import LocalAirflow

StartAirflow = Callable[..., LocalAirflow]


@pytest.fixture(scope="module")
def start_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartAirflow]:
    """Return a function that starts an Airflow with these DAG files; it ends with the module's tests.

    ``start_airflow([Path("dags/flight_delay.py")], heartbeat_timeout=20)``; the options are LocalAirflow's.
    """
    with ExitStack() as stack:

        def start(dag_files: list[Path], **options: Any) -> LocalAirflow:
            home = tmp_path_factory.mktemp("airflow")
            folder = home / "dags"
            folder.mkdir()
            for file in dag_files:
                shutil.copy(file, folder)
            return stack.enter_context(LocalAirflow(home, folder, **options))

        yield start
