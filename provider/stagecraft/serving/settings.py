"""How a service is set up; it travels to the worker processes in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError

SETTINGS = "STAGECRAFT_SERVING_SETTINGS"
TOKEN = "STAGECRAFT_SERVING_TOKEN"
PREDICT_TOKEN = "STAGECRAFT_SERVING_PREDICT_TOKEN"
STORE_OPTIONS = "STAGECRAFT_SERVING_STORE_OPTIONS"


class Settings(BaseModel):
    """What a service and its workers need to know.

    Secrets stay out of it: the management token is read from ``STAGECRAFT_SERVING_TOKEN``, that of
    predictions, where they ask for one, from ``STAGECRAFT_SERVING_PREDICT_TOKEN``, and the store's fsspec
    options, a JSON object, from ``STAGECRAFT_SERVING_STORE_OPTIONS``.

    :param root: the service's folder: manifest, workers' states
    :param store_root: the artifact store; models are loaded from nowhere else
    :param workers: processes
    :param max_rows: rows a request
    :param max_body: bytes a request
    :param max_seconds: that a request's body may take to arrive
    :param fast_lane: whether predictions are answered before BentoML's framework sees them, where the
        installed Uvicorn allows it
    :param keep_versions: versions of a model to keep loaded when another is deployed
    :param max_memory: bytes that a worker may take with a model loaded; one that takes more is refused
    :param manifest: where the manifest is instead of below ``root``: a URI on an object store that several
        instances follow; the store's options apply
    :param sample: share of the requests whose rows are looked at for drift, and kept in ``request_log``
    :param request_log: a folder's URI for sampled requests and their scores, as Parquet, to be labelled
        later; None: they are not kept
    :param access_log: share of the requests that the access log, JSON lines on standard output, holds;
        failures are all in it, unless it is 0
    :param grpc_port: where predictions and management are answered over gRPC too; None: nowhere
    :param grpc_host: an IP address
    :param grpc_certificate: a PEM file of the certificate and those that it rests on; with it, gRPC is spoken
        over TLS alone
    :param grpc_key: a PEM file of the certificate's key
    :param grpc_client_ca: a PEM file of authorities; clients must show a certificate of one of them
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: str
    store_root: str
    workers: int = Field(default=2, ge=1)
    max_rows: int = Field(default=10_000, ge=1)
    max_body: int = Field(default=16 << 20, ge=1)
    max_seconds: int = Field(default=30, ge=1)
    fast_lane: bool = True
    keep_versions: int = Field(default=4, ge=2)
    max_memory: int | None = Field(default=None, ge=1)
    manifest: str | None = None
    sample: float = Field(default=0.01, ge=0, le=1)
    request_log: str | None = None
    access_log: float = Field(default=0.0, ge=0, le=1)
    grpc_port: int | None = Field(default=None, ge=1, le=65535)
    grpc_host: str = "127.0.0.1"
    grpc_certificate: str | None = None
    grpc_key: str | None = None
    grpc_client_ca: str | None = None

    @model_validator(mode="after")
    def _has_a_whole_certificate(self) -> Self:
        if (self.grpc_certificate is None) != (self.grpc_key is None):
            raise ValueError("grpc_certificate and grpc_key go together")
        if self.grpc_client_ca is not None and self.grpc_certificate is None:
            raise ValueError("grpc_client_ca needs grpc_certificate")
        return self

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
