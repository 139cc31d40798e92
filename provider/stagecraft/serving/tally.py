"""What a worker counts of a version's answers."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

LATENCIES = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Upper edges of the latency's buckets, in seconds; one more bucket takes what is above."""
SCORES = (
    *(-1000.0, -100.0, -10.0, -1.0, 0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
    *(0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0, 10.0, 100.0, 1000.0),
)
"""Upper edges of the scores' buckets: fine where probabilities are."""
RECENT = 1000
"""How many of the latest scores are held."""
ROWS_ONE_BY_ONE = 32
"""Up to so many rows a request, a loop is faster than NumPy."""


@dataclass(slots=True)
class Tally:
    """Counts since the worker began to serve a version.

    :param statuses: HTTP status → requests
    :param latencies: requests of each bucket of :data:`LATENCIES`
    :param scores: scores of each bucket of :data:`SCORES`
    :param recent: the latest scores
    """

    statuses: dict[int, int] = field(default_factory=dict)
    rows: int = 0
    seconds: float = 0.0
    latencies: list[int] = field(default_factory=lambda: [0] * (len(LATENCIES) + 1))
    scores: list[int] = field(default_factory=lambda: [0] * (len(SCORES) + 1))
    score_sum: float = 0.0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def answered(self, rows: int, scores: Sequence[Any], seconds: float) -> None:
        """Count an answer; see :func:`scalar` for scores that are lists."""
        self.ended(200, seconds)
        self.rows += rows
        if len(scores) > ROWS_ONE_BY_ONE:
            self._add_many([scalar(score) for score in scores])
            return
        for score in scores:
            value = score if score.__class__ is float else scalar(score)
            self.scores[bisect_left(SCORES, value)] += 1
            self.score_sum += value
            self.recent.append(value)

    def _add_many(self, scores: list[float]) -> None:
        import numpy as np

        places = np.searchsorted(SCORES, scores)
        for place, count in zip(*np.unique(places, return_counts=True), strict=True):
            self.scores[place] += int(count)
        self.score_sum += float(np.sum(scores))
        self.recent.extend(scores[-RECENT:])

    def ended(self, status: int, seconds: float) -> None:
        """Count a request by its status and time."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.latencies[bisect_left(LATENCIES, seconds)] += 1
        self.seconds += seconds

    def copy(self) -> Tally:
        """Return the counts as they are now, without the latest scores."""
        return Tally(
            dict(self.statuses),
            self.rows,
            self.seconds,
            list(self.latencies),
            list(self.scores),
            self.score_sum,
        )

    def since(self, before: Tally) -> Tally:
        """Return what was counted after ``before``, a copy of this."""
        return Tally(
            {
                status: count - before.statuses.get(status, 0)
                for status, count in self.statuses.items()
                if count > before.statuses.get(status, 0)
            },
            self.rows - before.rows,
            self.seconds - before.seconds,
            [now - then for now, then in zip(self.latencies, before.latencies, strict=True)],
            [now - then for now, then in zip(self.scores, before.scores, strict=True)],
            self.score_sum - before.score_sum,
        )

    @property
    def requests(self) -> int:
        return sum(self.statuses.values())

    @property
    def errors(self) -> int:
        """Requests that failed by the service's fault."""
        return sum(count for status, count in self.statuses.items() if status >= 500)


def scalar(score: Any) -> float:
    """Return the number that stands for a score: of more than two classes, the likeliest one's probability.

    >>> scalar([0.2, 0.7, 0.1])
    0.7
    """
    return float(max(score)) if isinstance(score, (list, tuple)) else float(score)
