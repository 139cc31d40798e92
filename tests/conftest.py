"""Airflow's home in the tests, a folder of their own and not the user's; and a Spark that starts fast."""

from __future__ import annotations

import logging
import os
import tempfile

# Spark's bridge logs its own end after pytest has closed the streams.
logging.getLogger("py4j").setLevel(logging.WARNING)
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="stagecraft-tests-")

# Nothing runs for so long that Java's optimizing compiler pays.
os.environ["SPARK_LAUNCHER_OPTS"] = os.environ["SPARK_SUBMIT_OPTS"] = "-XX:TieredStopAtLevel=1"
