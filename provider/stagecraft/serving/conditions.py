"""What sensors wait for, as functions of a service's status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stagecraft.serving.traffic import DEFAULT

Status = Mapping[str, Any]


def new_version(
    status: Status, *, name: str, alias: str = DEFAULT, after: str | None = None
) -> dict[str, Any] | None:
    """Return what answers for an alias, if that is another version than ``after``; else None.

    :param status: the service's answer to ``GET /status``

    >>> model = {"aliases": {"default": {"version": "b"}}}
    >>> new_version({"generation": 3, "models": {"late": model}}, name="late", after="a")
    {'name': 'late', 'version': 'b', 'generation': 3}
    """
    rule = status["models"].get(name, {}).get("aliases", {}).get(alias)
    if rule is None or rule["version"] == after:
        return None
    return {"name": name, "version": rule["version"], "generation": status["generation"]}


def drifted(
    status: Status, *, name: str, version: str = DEFAULT, psi: float, columns: Sequence[str] | None = None
) -> dict[str, Any] | None:
    """Return the columns that have drifted, and how far, as the worker saw that saw most of it; else None.

    :param status: the service's answer to ``GET /status``
    :param version: a version or an alias
    :param psi: a population stability index above it is drift
    :param columns: the columns to look at; None: all

    >>> worker = {"drift": {"late": {"a": {"wind": 0.4, "rain": 0.1}}}}
    >>> models = {"late": {"aliases": {"default": {"version": "a"}}}}
    >>> drifted({"models": models, "workers": [worker]}, name="late", psi=0.2)
    {'name': 'late', 'version': 'a', 'columns': {'wind': 0.4}}
    """
    aliases = status["models"].get(name, {}).get("aliases", {})
    version = aliases.get(version, {}).get("version", version)
    found: dict[str, float] = {}
    for worker in status["workers"]:
        for column, value in worker.get("drift", {}).get(name, {}).get(version, {}).items():
            if value > psi and (columns is None or column in columns):
                found[column] = max(value, found.get(column, 0.0))
    return {"name": name, "version": version, "columns": found} if found else None


CONDITIONS: dict[str, Callable[..., dict[str, Any] | None]] = {
    condition.__name__: condition for condition in (new_version, drifted)
}
