"""The Airflow UI of Stagecraft: a tab on each task instance that shows its curves while it runs."""

from __future__ import annotations

from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

PREFIX = "/stagecraft"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Serve the tab's API and pages, loaded at the first request.

    Plugins load in every task too, where importing the API's modules would cost seconds.
    """
    from stagecraft.plugins.api import app

    await app(scope, receive, send)


class StagecraftPlugin(AirflowPlugin):
    """Mounts the API and adds the tab "Live" to task instances."""

    name = "stagecraft"
    fastapi_apps: list[Any] = [{"app": application, "url_prefix": PREFIX, "name": "Stagecraft"}]
    external_views: list[Any] = [
        {
            "name": "Live",
            # Relative, so that it holds where Airflow is served below a path.
            "href": "stagecraft/dags/{DAG_ID}/live?run_id={RUN_ID}&task_id={TASK_ID}&map_index={MAP_INDEX}",
            "destination": "task_instance",
            "url_route": "stagecraft_live",
        }
    ]
