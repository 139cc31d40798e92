"""How Airflow connects to SQLite in a local Airflow; Airflow imports this by its name."""

from __future__ import annotations

# Seconds to wait for another process's write; the default of 5 gives "database is locked" on a busy machine.
CONNECT_ARGS = {"timeout": 30}
