"""What a worker sees of its own answers; a call costs a microsecond or two."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from random import random
from typing import Any, NamedTuple, TypeVar

from stagecraft.serving.tally import Tally

T = TypeVar("T")

KEPT, NOTED = 50, 10_000
"""How many requests wait at most until they are taken, about once a second; of what is noted, older ones are
lost. More kept ones would cost more than they tell."""
ROWS_KEPT = 1000
"""Rows of a request that are kept at most."""


class Kept(NamedTuple):
    """A request whose rows were kept.

    :param rows: a list of mappings, an Arrow table, or a matrix of numbers
    """

    at: float
    model: str
    version: str
    rows: Any
    scores: Sequence[Any]
    key: str | None


class Noted(NamedTuple):
    """A request for the access log."""

    at: float
    model: str | None
    version: str | None
    status: int
    rows: int
    seconds: float


class Monitor:
    """Counts answers by model and version; what reports and judges reads :attr:`tallies`.

    Safe to call from several threads.

    :param sample: share of the requests whose rows are kept
    :param access_log: share of the answers that are noted; failures all are, unless it is 0

    >>> monitor = Monitor()
    >>> monitor.answered("late", "1", rows=1, scores=[0.25], seconds=0.0001)
    >>> monitor.tallies["late", "1"].requests
    1
    """

    def __init__(self, *, sample: float = 0.0, access_log: float = 0.0) -> None:
        self.sample, self.access_log = sample, access_log
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.refusals: dict[tuple[str, int], int] = {}
        self.shadows: dict[tuple[str, str, str], Tally] = {}
        self._kept: deque[Kept] = deque(maxlen=KEPT)
        self._noted: deque[Noted] = deque(maxlen=NOTED)
        self._turn = threading.Lock()

    def answered(self, model: str, version: str, *, rows: int, scores: Sequence[Any], seconds: float) -> None:
        """Count an answer.

        :param scores: as the answer has them: a number a row, or a list of each class's probability
        :param seconds: from the request's last byte to the answer's first
        """
        with self._turn:
            self._tally(model, version).answered(rows, scores, seconds)
        if self.access_log and random() < self.access_log:
            self._noted.append(Noted(time.time(), model, version, 200, rows, seconds))

    def refused(self, model: str | None, status: int, seconds: float, version: str | None = None) -> None:
        """Count a request that was not answered.

        :param model: None where the request named none that is known
        :param version: what failed, where a version did: it counts against its bounds
        """
        with self._turn:
            if model is not None and version is not None:
                self._tally(model, version).ended(status, seconds)
            else:
                self.refusals[model or "", status] = self.refusals.get((model or "", status), 0) + 1
        if self.access_log and (status >= 500 or random() < self.access_log):
            self._noted.append(Noted(time.time(), model, version, status, 0, seconds))

    def shadowed(
        self,
        model: str,
        version: str,
        shadow: str,
        *,
        scores: Sequence[Any],
        shadow_scores: Sequence[Any],
        seconds: float,
    ) -> None:
        """Count what a shadow said of rows that ``version`` answered for.

        :param seconds: that the shadow took
        """
        apart = [_apart(own, other) for own, other in zip(scores, shadow_scores, strict=True)]
        with self._turn:
            self._tally(model, shadow).answered(len(apart), shadow_scores, seconds)
            pair = (model, version, shadow)
            self.shadows.setdefault(pair, Tally()).answered(len(apart), apart, seconds)

    def samples(self) -> bool:
        """Whether this request's rows are to be kept, with :meth:`keep`: by chance, and while few are."""
        return self.sample > 0 and len(self._kept) < KEPT and random() < self.sample

    def keep(
        self, model: str, version: str, rows: Any, scores: Sequence[Any], key: str | None = None
    ) -> None:
        """Keep a request's rows, to see drift, and for later labelling.

        :param rows: raw rows as they came: a list of mappings, an Arrow table, or a matrix of numbers
        :param key: by which the request may be found again
        """
        self._kept.append(Kept(time.time(), model, version, rows[:ROWS_KEPT], scores[:ROWS_KEPT], key))

    def take_kept(self) -> list[Kept]:
        """Return the requests that were kept since the last time."""
        return _taken(self._kept)

    def take_noted(self) -> list[Noted]:
        """Return what was noted for the access log since the last time."""
        return _taken(self._noted)

    def _tally(self, model: str, version: str) -> Tally:
        tally = self.tallies.get((model, version))
        if tally is None:
            tally = self.tallies[model, version] = Tally()
        return tally


def _taken(waiting: deque[T]) -> list[T]:
    return [waiting.popleft() for _ in range(len(waiting))]


def _apart(one: Any, other: Any) -> float:
    if isinstance(one, (list, tuple)):
        return float(max(abs(a - b) for a, b in zip(one, other, strict=True)))
    return float(abs(one - other))
