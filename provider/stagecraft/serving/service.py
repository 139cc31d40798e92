"""The prediction service: what BentoML runs in each worker."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING, Any

import bentoml
from pydantic import BaseModel, ConfigDict, ValidationError

from stagecraft.errors import StagecraftError
from stagecraft.serving.answers import Answers, status_of
from stagecraft.serving.body import Body, Token
from stagecraft.serving.control import Control
from stagecraft.serving.follower import Follower
from stagecraft.serving.http.forms import JSONRows
from stagecraft.serving.http.lane import Lane
from stagecraft.serving.http.predictions import KEY, Predictions
from stagecraft.serving.http.protocol import install
from stagecraft.serving.management import Management
from stagecraft.serving.monitor import Monitor
from stagecraft.serving.openapi import page
from stagecraft.serving.predictor import warm_up
from stagecraft.serving.remote_manifest import manifest_of, shared_folder
from stagecraft.serving.settings import Settings
from stagecraft.serving.table import ModelTable
from stagecraft.serving.workers import Workers

if TYPE_CHECKING:
    from stagecraft.serving.rpc.server import Server

log = logging.getLogger(__name__)


def is_news(record: logging.LogRecord) -> bool:
    """Whether a log record is more than BentoML's traceback of a caller's malformed body."""
    return not (record.exc_info and isinstance(record.exc_info[1], ValidationError))


logging.getLogger("bentoml._internal.server.http_app").addFilter(is_news)
settings = Settings.of_environment()
table = ModelTable(manifest_of(settings), settings.store(), settings.max_memory)
workers = Workers(settings.root, settings.workers, shared_folder(settings))
monitor = Monitor(sample=settings.sample, access_log=settings.access_log)
follower = Follower(table, workers, monitor, settings)
answers = Answers(table, monitor, settings)
control = Control(table, workers, settings)


class Question(BaseModel):
    """The body of ``POST /predict``.

    :param model: a model's name
    :param rows: raw rows; null is a missing value, and every column that the model reads must be there
    :param version: a version or an alias; the model's default where None
    :param key: where the alias has a rule, what decides among versions: equal keys meet the same one
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    rows: list[dict[str, Any]]
    version: str | None = None
    key: str | None = None


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
        warm_up()
        await follower.begin()
        self.rpc = await self._begin_rpc()
        gc.collect()
        gc.freeze()  # What was loaded stays: looking through it took a request tens of milliseconds.

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def end(self) -> None:
        if self.rpc is not None:
            await self.rpc.stop()
        await follower.end()

    async def _begin_rpc(self) -> Server | None:
        if settings.grpc_port is None:
            return None
        from stagecraft.serving.rpc.server import serve

        return await serve(answers, control, settings)

    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]
    async def predict(self, request: Question, /, ctx: bentoml.Context) -> dict[str, Any]:
        """Score raw rows with a model: ``{"model", "version", "scores": [...], "labels": [...]}``."""
        key = request.key or ctx.request.headers.get(KEY)
        try:
            route, scores = await answers.answer(request.model, request.version, key, JSONRows(request.rows))
        except StagecraftError as error:
            ctx.response.status_code = status_of(error)
            return {"error": str(error)}
        found = route.predictor.prediction(scores)
        return {
            "model": request.model,
            "version": route.version,
            "scores": found.scores,
            "labels": found.labels,
        }


predictions, management = Predictions(answers), Management(control)
described = page(
    lambda: Serving.openapi_spec.asdict(),  # type: ignore[attr-defined]
    [*predictions.operations(), *management.operations()],
)
for app, name in ((predictions.app(), "predictions"), (management.app(), "management"), (described, "page")):
    Serving.mount_asgi_app(app, name=name)  # type: ignore[attr-defined]
Serving.add_asgi_middleware(Token, allows=answers.allows)  # type: ignore[attr-defined]
Serving.add_asgi_middleware(Body, limit=settings.max_body, seconds=settings.max_seconds)  # type: ignore[attr-defined]
if hindrance := install(Lane(answers) if settings.fast_lane else None):
    log.warning("Predictions go through BentoML's framework alone, and heads have no limit: %s", hindrance)
