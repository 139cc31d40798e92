"""The Spark of this environment: whether it is whole, and what processes of it need."""

from __future__ import annotations

import base64
import hashlib
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from stagecraft.engines.java import java_home
from stagecraft.errors import InvalidInputError

WHERE = "spark.installation"
REMOTE = "STAGECRAFT_SPARK_REMOTE"
"""The environment variable that names a job's Spark Connect server; it may hold a token."""

SETTINGS = "STAGECRAFT_SPARK_SETTINGS"
"""The environment variable of a job's settings there, as a JSON object."""


def environment() -> dict[str, str]:
    """Return the environment variables for Spark's processes: which Spark, which Java, which Python.

    :raises InvalidInputError: pyspark is not installed
    :raises UnreachableError: no Java would do
    """
    return {
        "JAVA_HOME": str(java_home()),
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_HOME": str(_distribution().locate_file("pyspark")),
    }


def is_local(master: str) -> bool:
    """Whether the master is a part of the driver's process: ``local``, ``local[2]`` …"""
    return master.startswith("local")


def static_settings(master: str) -> dict[str, str]:
    """Return the settings to start a driver with: for a local master, small and on loopback."""
    if not is_local(master):
        return {}
    return {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.sql.shuffle.partitions": "4",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def spark_submit() -> Path:
    """Return the ``spark-submit`` that came with this environment's pyspark.

    :raises InvalidInputError: there is none
    """
    path = Path(sys.executable).parent / "spark-submit"
    if not path.is_file():
        raise InvalidInputError(WHERE, f"no {path}", f"{sys.executable} -m pip install pyspark")
    return path


def check() -> None:
    """Refuse a pyspark whose files another package has overwritten.

    pyspark and pyspark-client share a folder. Where their versions differ, the files of one are mixed with
    the other's, and every Python function that Spark runs fails with an error that says nothing of it.

    :raises InvalidInputError: pyspark is missing, or mixed with another version's files
    """
    spark = _distribution()
    try:
        client = distribution("pyspark-client")
    except PackageNotFoundError:
        return
    if spark.version != client.version:
        found = f"pyspark {spark.version} beside pyspark-client {client.version}"
    elif changed := _overwritten(spark, client):
        found = f"{len(changed)} files of pyspark {spark.version} are another version's, {changed[0]} for one"
    else:
        return
    raise InvalidInputError(
        WHERE,
        found,
        f"pip install --force-reinstall --no-deps pyspark=={spark.version} pyspark-client=={spark.version}",
    )


def _distribution() -> Distribution:
    try:
        return distribution("pyspark")
    except PackageNotFoundError as error:
        raise InvalidInputError(WHERE, "pyspark is not installed", "pip install pyspark") from error


def _overwritten(spark: Distribution, client: Distribution) -> list[str]:
    """The files that both have and whose content is not what pyspark installed."""
    shared = {str(path) for path in client.files or ()}
    changed = []
    for path in spark.files or ():
        if path.hash is None or path.suffix != ".py" or str(path) not in shared:
            continue
        digest = hashlib.new(path.hash.mode, path.read_binary()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != path.hash.value:
            changed.append(str(path))
    return changed
