"""Whether a version keeps to its bounds."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from stagecraft.serving.shift import shift_of_numbers
from stagecraft.serving.tally import LATENCIES
from stagecraft.serving.traffic import Bounds

FEWEST_SCORES = 50


class Count(BaseModel):
    """What a version did in a window, in one worker or in all.

    :param errors: requests that failed by the service's fault
    :param latencies: requests of each bucket of :data:`stagecraft.serving.tally.LATENCIES`
    :param scores: the latest of its scores
    """

    model_config = ConfigDict(extra="forbid")

    requests: int = 0
    errors: int = 0
    latencies: list[int] = [0] * (len(LATENCIES) + 1)
    scores: list[float] = []

    def __add__(self, other: Count) -> Count:
        return Count(
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
            latencies=[a + b for a, b in zip(self.latencies, other.latencies, strict=True)],
            scores=self.scores + other.scores,
        )


def fault(bounds: Bounds, count: Count, reference: Sequence[float]) -> str | None:
    """Return which bound was left, in words; None where none was, or where there were too few requests.

    :param reference: scores to compare with

    >>> fault(Bounds(error_rate=0.01), Count(requests=200, errors=3), [])
    '3 of 200 requests failed, more than 0.01'
    """
    if count.requests < bounds.min_requests:
        return None
    if bounds.error_rate is not None and count.errors > bounds.error_rate * count.requests:
        return f"{count.errors} of {count.requests} requests failed, more than {bounds.error_rate:.3g}"
    if bounds.latency_seconds is not None:
        latency = quantile(count.latencies, bounds.quantile)
        if latency > bounds.latency_seconds:
            return (
                f"the latency's quantile {bounds.quantile:g} is {latency:.3g} s, more than "
                f"{bounds.latency_seconds:g} s, over {count.requests} requests"
            )
    if bounds.psi is not None and min(len(count.scores), len(reference)) >= FEWEST_SCORES:
        moved = shift_of_numbers(count.scores, reference)
        if moved > bounds.psi:
            return (
                f"the PSI of {len(count.scores)} scores against {len(reference)} is {moved:.3g}, more than "
                f"{bounds.psi:g}"
            )
    return None


def quantile(counts: Sequence[int], share: float) -> float:
    """Return a quantile of latencies in buckets, interpolated, as Prometheus's ``histogram_quantile`` does.

    :param counts: requests of each bucket of :data:`stagecraft.serving.tally.LATENCIES`, and above
    :return: seconds; the last edge where it lies above that

    >>> quantile([0, 10, *[0] * 16], 0.5)
    7.5e-05
    """
    rank, seen = share * sum(counts), 0
    for number, count in enumerate(counts[:-1]):
        if count and seen + count >= rank:
            low = LATENCIES[number - 1] if number else 0.0
            return low + (LATENCIES[number] - low) * (rank - seen) / count
        seen += count
    return LATENCIES[-1]
