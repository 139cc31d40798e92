"""Airflow's home in the tests: a folder of their own, not the user's."""

from __future__ import annotations

import logging
import os
import tempfile

import pytest

# Spark's bridge logs its own end after pytest has closed the streams.
logging.getLogger("py4j").setLevel(logging.WARNING)
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="stagecraft-tests-")


@pytest.fixture
def fires_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triggers wait for no scheduler: there is none."""
    from stagecraft.triggers.settled import SettledTrigger

    monkeypatch.setattr(SettledTrigger, "settle_seconds", 0)
