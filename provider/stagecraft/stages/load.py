"""Finding a stage's class by its address."""

from __future__ import annotations

from importlib import import_module

from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage


def load_stage(address: str) -> type[Stage]:
    """Return the stage's class at ``"package.module:Class"``.

    >>> load_stage("stagecraft.stages.sql:SQL").name
    'sql'
    """
    module, _, name = address.partition(":")
    found = getattr(import_module(module), name, None)
    if not (isinstance(found, type) and issubclass(found, Stage)):
        raise InvalidInputError("job.stage", f"{address!r} is no stage", "the address of a subclass of Stage")
    return found
