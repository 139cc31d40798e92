"""The prediction service: what BentoML runs in each worker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from typing import Any

import bentoml
from pydantic import BaseModel, ConfigDict, ValidationError

from stagecraft.errors import InvalidInputError
from stagecraft.serving.body import JSONBody
from stagecraft.serving.management import Management
from stagecraft.serving.manifest import UnknownModelError
from stagecraft.serving.manifest_file import ManifestFile
from stagecraft.serving.predictor import warm_up
from stagecraft.serving.settings import Settings
from stagecraft.serving.table import ModelTable, NotLoadedError
from stagecraft.serving.workers import Workers

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
INLINE_ROWS = 32


def is_news(record: logging.LogRecord) -> bool:
    """Whether a log record is more than BentoML's traceback of a caller's malformed body."""
    return not (record.exc_info and isinstance(record.exc_info[1], ValidationError))


logging.getLogger("bentoml._internal.server.http_app").addFilter(is_news)
settings = Settings.of_environment()
table = ModelTable(ManifestFile(settings.root), settings.store())
workers = Workers(settings.root)


class Question(BaseModel):
    """The body of ``POST /predict``.

    :param model: a model's name
    :param rows: raw rows; null is a missing value, and every column that the model reads must be there
    :param version: the model's default version where None
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    rows: list[dict[str, Any]]
    version: str | None = None


@bentoml.service(
    name="stagecraft",
    workers=settings.workers,
    traffic={"timeout": 60},
    logging={"access": {"enabled": False}},
)
class Serving:
    """Answers predictions, and follows the manifest."""

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def begin(self) -> None:
        workers.leave()
        warm_up()
        await table.refresh()
        self.told = table.state()
        workers.report(*self.told)
        self.watcher = asyncio.create_task(self.watch())

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def end(self) -> None:
        self.watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.watcher
        workers.leave()

    async def watch(self) -> None:
        """Follow the manifest; end with the supervisor, should it die without a word."""
        supervisor = os.getppid()
        while os.getppid() == supervisor:
            try:
                await table.refresh()
                if self.told != (state := table.state()):
                    workers.report(*state)
                    self.told = state
            except Exception:  # A full disk, say: the worker must go on answering, and try again.
                log.exception("The worker cannot follow the manifest %s", table.file.path)
            await asyncio.sleep(POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]
    async def predict(self, request: Question, /, ctx: bentoml.Context) -> dict[str, Any]:
        """Score raw rows with a model: ``{"model", "version", "scores": [...], "labels": [...]}``."""
        try:
            return await answer(request)
        except UnknownModelError as error:
            status, found = 404, str(error)
        except InvalidInputError as error:
            status, found = 400, str(error)
        except NotLoadedError as error:
            status, found = 503, str(error)
        ctx.response.status_code = status
        return {"error": found}


async def answer(question: Question) -> dict[str, Any]:
    """Answer from the table as it is now."""
    rows = question.rows
    if not 0 < len(rows) <= settings.max_rows:
        raise InvalidInputError("rows", f"{len(rows)} rows", f"1 … {settings.max_rows} rows a request")
    route = table.route(question.model, question.version)
    if len(rows) <= INLINE_ROWS:
        found = route.predictor.predict(rows)
    else:
        found = await asyncio.to_thread(route.predictor.predict, rows)
    return {"model": question.model, "version": route.version, "scores": found.scores, "labels": found.labels}


Serving.mount_asgi_app(Management(table, workers, settings).app())  # type: ignore[attr-defined]
Serving.add_asgi_middleware(JSONBody, limit=settings.max_body)  # type: ignore[attr-defined]
