"""Airflow's home in the tests: a folder of their own, not the user's."""

from __future__ import annotations

import os
import tempfile

os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="stagecraft-tests-")
