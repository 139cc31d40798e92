"""Airflow's home in the tests: a folder of their own, not the user's."""

from __future__ import annotations

import logging
import os
import tempfile

# Spark's bridge logs its own end after pytest has closed the streams.
logging.getLogger("py4j").setLevel(logging.WARNING)
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="stagecraft-tests-")
