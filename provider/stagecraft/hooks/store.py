"""The connection to the artifact store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    from airflow.sdk import Connection

# What fsspec's file systems call a login and a password.
CREDENTIALS = {
    "s3": ("key", "secret"),
    "s3a": ("key", "secret"),
    "az": ("account_name", "account_key"),
    "abfs": ("account_name", "account_key"),
    "abfss": ("account_name", "account_key"),
    "ftp": ("username", "password"),
    "sftp": ("username", "password"),
}


class StoreHook(BaseHook):
    """Opens the artifact store of a ``stagecraft_store`` connection.

    The connection's host is the store's root: a folder or any fsspec URI, such as
    ``s3://bucket/folder``. Its login and password are the access key and its secret where the protocol has
    such; its extra holds further options of fsspec's file system, as JSON. Works in tasks, in triggers and
    in the API server. Without a connection of the default name, the store is the folder ``stagecraft``
    below Airflow's home, and the log says so.

    :param stagecraft_store_conn_id: the connection's name

    >>> StoreHook().store()  # doctest: +SKIP
    Store('s3://bucket/folder')
    """

    conn_name_attr = "stagecraft_store_conn_id"
    default_conn_name = "stagecraft_store"
    conn_type = "stagecraft_store"
    hook_name = "Stagecraft artifact store"

    def __init__(self, stagecraft_store_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stagecraft_store_conn_id = stagecraft_store_conn_id

    def store(self) -> Store:
        """Return the store; nothing is written or contacted yet.

        :raises AirflowNotFoundException: there is no connection of that name, and it is not the default one
        :raises InvalidInputError: the connection's host or credentials are of no use
        """
        try:
            return store_of(self.get_connection(self.stagecraft_store_conn_id))
        except AirflowNotFoundException:
            return self._default_store()

    async def astore(self) -> Store:
        """As :meth:`store`, for triggers, whose event loop must not wait."""
        try:
            return store_of(await self.aget_connection(self.stagecraft_store_conn_id))
        except AirflowNotFoundException:
            return self._default_store()

    def _default_store(self) -> Store:
        if self.stagecraft_store_conn_id != self.default_conn_name:
            raise AirflowNotFoundException(f"There is no connection {self.stagecraft_store_conn_id!r}")
        root = os.path.join(_airflow_home(), "stagecraft")
        self.log.info(
            "There is no connection %r: the artifact store is the folder %s", self.default_conn_name, root
        )
        return Store(root)

    def test_connection(self) -> tuple[bool, str]:
        """Write a small file into the store and remove it again."""
        try:
            store = self.store()
            store.check_writable()
        except ImportError as error:
            return False, f"{error}; install it where Airflow and the jobs run"
        except (AirflowNotFoundException, OSError, ValueError) as error:
            return False, str(error)
        return True, f"A file was written into {store.root} and removed again"


def store_of(connection: Connection) -> Store:
    """Return the store that a connection describes.

    :raises InvalidInputError: the host is no absolute path or URI, or the credentials have no place
    """
    where = f"connection {connection.conn_id}"
    root = connection.host or ""
    address = urlsplit(root)
    if address.scheme:
        if address.password or "@" in address.netloc:
            raise InvalidInputError(
                f"{where}.host", "it holds credentials", "put them into Login and Password, or into Extra"
            )
    elif not os.path.isabs(root):
        raise InvalidInputError(
            f"{where}.host", f"the value {root!r}", "an absolute path, or a URI such as s3://bucket/folder"
        )
    options = {name: value for name, value in connection.extra_dejson.items() if value not in (None, "")}
    given = (connection.login, connection.password)
    if any(given):
        if address.scheme not in CREDENTIALS:
            raise InvalidInputError(
                f"{where}.login",
                f"a login or password for {address.scheme or 'a folder'!r}",
                f"none, or the file system's own options in Extra; {', '.join(CREDENTIALS)} take them",
            )
        names = CREDENTIALS[address.scheme]
        options.update({name: value for name, value in zip(names, given, strict=True) if value})
    return Store(root, options)


def _airflow_home() -> str:
    from airflow.configuration import AIRFLOW_HOME

    return str(AIRFLOW_HOME)
