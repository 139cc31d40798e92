"""How a service is set up; it travels to the worker processes in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError

SETTINGS = "STAGECRAFT_SERVING_SETTINGS"
TOKEN = "STAGECRAFT_SERVING_TOKEN"
STORE_OPTIONS = "STAGECRAFT_SERVING_STORE_OPTIONS"


class Settings(BaseModel):
    """What a service and its workers need to know.

    Secrets stay out of it: the management token is read from ``STAGECRAFT_SERVING_TOKEN``, and the store's
    fsspec options, a JSON object, from ``STAGECRAFT_SERVING_STORE_OPTIONS``.

    :param root: the service's folder: manifest, workers' states
    :param store_root: the artifact store; models are loaded from nowhere else
    :param workers: processes
    :param max_rows: rows a request
    :param max_body: bytes a request
    :param keep_versions: versions of a model to keep loaded when another is deployed
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: str
    store_root: str
    workers: int = Field(default=2, ge=1)
    max_rows: int = Field(default=10_000, ge=1)
    max_body: int = Field(default=16 << 20, ge=1)
    keep_versions: int = Field(default=4, ge=2)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read what :meth:`environment` wrote.

        :raises InvalidInputError: it is not there
        """
        if SETTINGS not in environment:
            raise InvalidInputError(
                f"serving.{SETTINGS}", "it is not set", "start with python -m stagecraft.serving"
            )
        return cls.model_validate_json(environment[SETTINGS])

    def environment(self) -> dict[str, str]:
        return {SETTINGS: self.model_dump_json()}

    def store(self) -> Store:
        options: dict[str, Any] = json.loads(os.environ.get(STORE_OPTIONS) or "{}")
        return Store(self.store_root, options)
