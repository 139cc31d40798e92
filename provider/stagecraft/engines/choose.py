"""Which engine runs a stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    from stagecraft.engines.contract import Engine

ENGINES = ("duckdb", "spark")
UNPACKED = 4
"""How much larger rows are in memory than as Parquet with zstd, about."""


def choose(name: str, *, bytes_of_inputs: int, spark_available: bool, memory: int | None = None) -> str:
    """Return the engine that ``name`` stands for: ``duckdb`` or ``spark``.

    ``auto`` takes DuckDB while the inputs, unpacked, fit this machine's memory, and Spark where they do not
    and a Spark connection is given. Without one it stays with DuckDB, which then works through files.

    :param name: ``auto``, ``duckdb`` or ``spark``
    :param bytes_of_inputs: the size of the inputs' files
    :param spark_available: whether a Spark connection is given
    :param memory: bytes of memory to reckon with; what this process may use where None
    :raises InvalidInputError: no such engine

    >>> choose("auto", bytes_of_inputs=10**9, spark_available=True, memory=16 * 10**9)
    'duckdb'
    >>> choose("auto", bytes_of_inputs=10**11, spark_available=True, memory=16 * 10**9)
    'spark'
    """
    if name in ENGINES:
        return name
    if name != "auto":
        raise _unknown(name)
    fits = bytes_of_inputs * UNPACKED <= (usable_memory() if memory is None else memory)
    return "duckdb" if fits or not spark_available else "spark"


def open_engine(name: str, **options: Any) -> Engine:
    """Open ``duckdb`` or ``spark``; close it, or use it as a context manager.

    :param options: what the engine's class takes
    :raises InvalidInputError: no such engine
    """
    if name == "duckdb":
        from stagecraft.engines.duckdb import DuckDBEngine

        return DuckDBEngine(**options)
    if name == "spark":
        from stagecraft.engines.spark import SparkEngine

        return SparkEngine(**options)
    raise _unknown(name)


def usable_memory() -> int:
    """Return the bytes of memory that this process may use: the machine's, or its control group's."""
    import psutil

    total = int(psutil.virtual_memory().total)
    try:
        with open("/sys/fs/cgroup/memory.max") as file:
            limit = file.read().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def _unknown(name: str) -> InvalidInputError:
    return InvalidInputError("engine", f"no engine {name!r}", f"one of {('auto', *ENGINES)}")
