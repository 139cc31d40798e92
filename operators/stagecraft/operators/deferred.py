"""Parameters that are known at parse time, and those that only the run will know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk.definitions._internal.mixins import ResolveMixin
from pydantic import ValidationError

from stagecraft.stages.base import Stage, refusal


def is_deferred(value: Any) -> bool:
    """Whether a value, or a part of it, is a template or the output of a task.

    >>> is_deferred(["{{ params.fraction }}"]), is_deferred(0.5)
    (True, False)
    """
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, Mapping):
        return any(map(is_deferred, value.values()))
    if isinstance(value, list | tuple):
        return any(map(is_deferred, value))
    return isinstance(value, ResolveMixin)


def check_parameters(stage: type[Stage], parameters: Mapping[str, Any]) -> None:
    """Refuse what is known to be wrong when the DAG is parsed; leave the rest to the run.

    :raises InvalidInputError: a parameter is missing, unknown, or out of its bounds
    """
    deferred = {name for name, value in parameters.items() if is_deferred(value)}
    try:
        stage(**parameters)
    except ValidationError as error:
        for complaint in error.errors():
            field = complaint["loc"][0] if complaint["loc"] else None
            if field not in deferred and (field is not None or not deferred):
                raise refusal(stage, complaint) from error
