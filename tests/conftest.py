"""What all tests share: Airflow's home, a folder of their own; and the lanes in which they run."""

from __future__ import annotations

import logging
import os
import tempfile

import pytest

# Spark's bridge logs its own end after pytest has closed the streams.
logging.getLogger("py4j").setLevel(logging.WARNING)
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="stagecraft-tests-")

ONE_SPARK = ("tests/integration/engines/", "tests/integration/stages/")
"""Their tests share a Spark session; so they stay together where pytest runs in several processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what shares a Spark in one lane, and everything else that starts processes in another."""
    for item in items:
        if item.nodeid.startswith(ONE_SPARK):
            item.add_marker(pytest.mark.xdist_group("spark"))
        elif not item.nodeid.startswith("tests/unit/"):
            item.add_marker(pytest.mark.xdist_group("processes"))
        else:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
