"""What a service answers, by whichever path a request came."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import time
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError, StagecraftError
from stagecraft.serving.manifest import UnknownModelError
from stagecraft.serving.settings import PREDICT_TOKEN, Settings
from stagecraft.serving.table import ModelTable, NotLoadedError

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.serving.http.forms import Rows
    from stagecraft.serving.monitor import Monitor
    from stagecraft.serving.traffic import Route

log = logging.getLogger(__name__)

INLINE_ROWS = 64
"""More rows are scored in a thread, so that other requests need not wait."""


class Answers:
    """Finds the version that answers, scores, and tells the monitor."""

    def __init__(self, table: ModelTable, monitor: Monitor, settings: Settings) -> None:
        self.table, self.monitor, self.settings = table, monitor, settings
        self.route = table.route
        token = os.environ.get(PREDICT_TOKEN, "")
        self._token = token.encode() if token else None

    def allows(self, authorization: bytes) -> bool:
        """Whether a request with this header may ask for predictions."""
        if self._token is None:
            return True
        scheme, _, given = authorization.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token)

    async def answer(
        self, model: str, version: str | None, key: str | None, rows: Rows
    ) -> tuple[Route, np.ndarray]:
        """Score rows; return what answered, and the scores.

        :raises StagecraftError: there is no answer; :func:`status_of` says with which status
        """
        found = self.answer_few(model, version, key, rows)
        return await self._answer_many(model, version, key, rows) if found is None else found

    def answer_few(
        self, model: str, version: str | None, key: str | None, rows: Rows
    ) -> tuple[Route, np.ndarray] | None:
        """:meth:`answer` without waiting; None where the rows are so many that a thread is to score them."""
        began, route = time.perf_counter(), None
        try:
            route = self.route(model, version, key)
            if self._count(rows, route) > INLINE_ROWS:
                return None
            scores = rows.scores(route.predictor)
        except Exception as error:
            self._refused(model, route, error, began)
            raise
        self.note(model, route, rows, scores, began, key)
        return route, scores

    async def _answer_many(
        self, model: str, version: str | None, key: str | None, rows: Rows
    ) -> tuple[Route, np.ndarray]:
        began, route = time.perf_counter(), None
        try:
            route = self.route(model, version, key)
            scores = await asyncio.to_thread(rows.scores, route.predictor)
        except Exception as error:
            self._refused(model, route, error, began)
            raise
        self.note(model, route, rows, scores, began, key)
        return route, scores

    def _count(self, rows: Rows, route: Route) -> int:
        count, most = rows.count(route.predictor), self.settings.max_rows
        if not 0 < count <= most:
            raise InvalidInputError("rows", f"{count} rows", f"1 … {most} rows a request")
        return count

    def _refused(self, model: str, route: Route | None, error: Exception, began: float) -> None:
        known = model if model in self.table.current.manifest.models else None
        failed = route.version if route and not isinstance(error, StagecraftError) else None
        self.monitor.refused(known, status_of(error), time.perf_counter() - began, failed)

    def note(
        self, model: str, route: Route, rows: Rows, scores: np.ndarray, began: float, key: str | None
    ) -> None:
        """Tell the monitor of an answer, and have the shadow score its rows once it is sent.

        :param began: when the request was there, by :func:`time.perf_counter`
        """
        listed = scores.tolist()
        seconds = time.perf_counter() - began
        self.monitor.answered(model, route.version, rows=len(listed), scores=listed, seconds=seconds)
        if self.monitor.samples():
            self.monitor.keep(model, route.version, rows.raw(route.predictor), listed, key)
        if route.shadow is not None:
            loop = asyncio.get_running_loop()
            if len(listed) <= INLINE_ROWS:
                loop.call_soon(self._shadow, model, route, rows, listed)
            else:
                loop.run_in_executor(None, self._shadow, model, route, rows, listed)

    def _shadow(self, model: str, route: Route, rows: Rows, scores: list[float]) -> None:
        assert route.shadow is not None
        version, predictor = route.shadow
        began = time.perf_counter()
        try:
            found = rows.scores(predictor).tolist()
        except Exception as error:
            if not isinstance(error, StagecraftError):
                log.exception("The shadow %s of model %s cannot score", version, model)
            self.monitor.refused(model, status_of(error), time.perf_counter() - began, version)
            return
        self.monitor.shadowed(
            model,
            route.version,
            version,
            scores=scores,
            shadow_scores=found,
            seconds=time.perf_counter() - began,
        )


def status_of(error: Exception) -> int:
    """The HTTP status of a request that ends with an error."""
    if isinstance(error, UnknownModelError):
        return 404
    if isinstance(error, InvalidInputError):
        return 400
    return 503 if isinstance(error, NotLoadedError) else 500
