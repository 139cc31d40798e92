"""What Airflow reads to discover the package. Imports nothing."""

from __future__ import annotations

from typing import Any

INTEGRATION = "Stagecraft"


def get_provider_info() -> dict[str, Any]:
    """Return the provider's description, in the form of Airflow's provider schema."""
    return {
        "package-name": "airflow-provider-stagecraft",
        "name": INTEGRATION,
        "description": "Machine learning stages for Apache Airflow.",
        "integrations": [
            {
                "integration-name": INTEGRATION,
                "external-doc-url": "https://pypi.org/project/airflow-provider-stagecraft/",
                "tags": ["service"],
            }
        ],
        "connection-types": [],
    }
