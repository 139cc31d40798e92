"""The connection to a Ray cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from stagecraft.errors import InvalidInputError
from stagecraft.jobs.ray_jobs import RayJobs

if TYPE_CHECKING:
    from airflow.sdk import Connection


class RayHook(BaseHook):
    """Reaches a Ray cluster through its Jobs API, by a ``stagecraft_ray`` connection.

    The connection's host is the address of the cluster's dashboard, such as ``http://head:8265``; its
    password, if any, the cluster's token; ``verify`` in its extra says whether certificates are checked.

    :param stagecraft_ray_conn_id: the connection's name

    >>> RayHook().jobs().submit("python train.py", submission_id="train-1")  # doctest: +SKIP
    'train-1'
    """

    conn_name_attr = "stagecraft_ray_conn_id"
    default_conn_name = "stagecraft_ray"
    conn_type = "stagecraft_ray"
    hook_name = "Stagecraft Ray"

    def __init__(self, stagecraft_ray_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stagecraft_ray_conn_id = stagecraft_ray_conn_id

    def jobs(self) -> RayJobs:
        """Return the cluster's jobs; nothing is contacted yet.

        :raises AirflowNotFoundException: there is no connection of that name
        :raises InvalidInputError: the connection's host is no HTTP address
        """
        return jobs_of(self.get_connection(self.stagecraft_ray_conn_id))

    def test_connection(self) -> tuple[bool, str]:
        """Ask the cluster for its version."""
        try:
            jobs = self.jobs()
            version = jobs.version()
        except (AirflowNotFoundException, OSError, ValueError) as error:
            return False, str(error)
        return True, f"Ray {version.get('ray_version', 'of an unknown version')} answers at {jobs.address}"


def jobs_of(connection: Connection) -> RayJobs:
    """Return the jobs of the cluster that a connection describes.

    :raises InvalidInputError: the host is no HTTP address, or ``verify`` is no truth value
    """
    where = f"connection {connection.conn_id}"
    host = (connection.host or "").rstrip("/")
    address = urlsplit(host)
    if address.scheme not in ("http", "https") or not address.hostname or "@" in address.netloc:
        raise InvalidInputError(
            f"{where}.host", f"the value {host!r}", "the dashboard's address, as http://head:8265"
        )
    if connection.port and not address.port:
        host = f"{address.scheme}://{address.netloc}:{connection.port}{address.path}"
    verify = connection.extra_dejson.get("verify", True)
    if not isinstance(verify, bool):
        raise InvalidInputError(f"{where}.verify", f"the value {verify!r}", "true or false")
    return RayJobs(host, token=connection.password or None, verify=verify)
