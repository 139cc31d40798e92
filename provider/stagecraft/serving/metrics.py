"""The Prometheus metrics of a worker; BentoML's ``/metrics`` adds up those of all workers.

Imported once BentoML has said where the workers' metrics are, in ``PROMETHEUS_MULTIPROC_DIR``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from stagecraft.serving.loader import resident
from stagecraft.serving.monitor import Monitor
from stagecraft.serving.table import ModelTable
from stagecraft.serving.tally import LATENCIES, SCORES, Tally

ROOM = 16 << 20
"""Bytes that the disk must have free, else nothing is reported."""
FILES = ("counter", "histogram", "gauge_all", "gauge_livesum", "gauge_liveall", "gauge_livemax")
"""The kinds of metrics that a worker has, as prometheus_client names their files."""
FILE_BYTES = 1 << 16
"""How large prometheus_client makes a file at first."""


class Counted(Histogram):
    """A histogram that takes what was counted elsewhere."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """Add observations.

        :param counts: observations of each bucket, those above the last edge included
        :param total: their sum
        """
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)
        self._sum.inc(total)


class Metrics:
    """Hands on what a monitor has counted since the last time.

    :param registry: where the metrics are known
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        version = ["model", "version"]
        self.requests = Counter(
            "stagecraft_requests", "Requests by status", [*version, "status"], registry=registry
        )
        self.rows = Counter("stagecraft_rows", "Rows answered", version, registry=registry)
        self.seconds = Counted(
            "stagecraft_request_seconds", "Latency", version, buckets=LATENCIES, registry=registry
        )
        self.scores = Counted(
            "stagecraft_score", "Scores answered", version, buckets=SCORES, registry=registry
        )
        self.differences = Counted(
            "stagecraft_shadow_difference",
            "Largest difference of a row's scores between a version and its shadow",
            [*version, "shadow"],
            buckets=SCORES,
            registry=registry,
        )
        self.generation = Gauge(
            "stagecraft_generation",
            "The manifest's generation that a worker follows",
            multiprocess_mode="liveall",
            registry=registry,
        )
        self.memory = Gauge(
            "stagecraft_worker_memory_bytes",
            "Resident memory of a worker",
            multiprocess_mode="liveall",
            registry=registry,
        )
        self.model_memory = Gauge(
            "stagecraft_model_memory_bytes",
            "By how much a worker grew as it loaded a version",
            version,
            multiprocess_mode="livemax",
            registry=registry,
        )
        self.drift = Gauge(
            "stagecraft_feature_drift",
            "PSI of a raw column against rows of the training, beyond chance",
            [*version, "column"],
            multiprocess_mode="livemax",
            registry=registry,
        )
        self._told: dict[tuple[str, ...], Tally] = {}
        self._refused: dict[tuple[str, int], int] = {}
        _forget_the_dead()
        _reserve()

    def export(
        self, monitor: Monitor, table: ModelTable, drift: Mapping[tuple[str, str, str], float]
    ) -> None:
        """Bring the metrics up to date.

        :param drift: (model, version, column) → PSI
        """
        if not _has_room():
            return
        for labels, tally in list(monitor.tallies.items()):
            more = self._since(labels, tally)
            if more.requests:
                for status, count in more.statuses.items():
                    self.requests.labels(*labels, status).inc(count)
                self.rows.labels(*labels).inc(more.rows)
                self.seconds.labels(*labels).add(more.latencies, more.seconds)
                self.scores.labels(*labels).add(more.scores, more.score_sum)
        for pair, tally in list(monitor.shadows.items()):
            more = self._since(pair, tally)
            if more.requests:
                self.differences.labels(*pair).add(more.scores, more.score_sum)
        for (name, status), count in list(monitor.refusals.items()):
            self.requests.labels(name, "", status).inc(count - self._refused.get((name, status), 0))
            self._refused[name, status] = count
        self.generation.set(table.generation)
        self.memory.set(resident())
        for (name, version), predictor in table.current.predictors.items():
            self.model_memory.labels(name, version).set(table.loader.size(predictor.model.fingerprint))
        for (name, version, column), value in drift.items():
            self.drift.labels(name, version, column).set(value)

    def _since(self, labels: tuple[str, ...], tally: Tally) -> Tally:
        """Return what was counted since the last time."""
        now = tally.copy()
        before = self._told.get(labels) or Tally()
        self._told[labels] = now
        return now.since(before)


def _forget_the_dead() -> None:
    """Remove the gauges of workers that were killed; their counters stay."""
    import psutil
    from prometheus_client.multiprocess import mark_process_dead

    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    for path in Path(folder).glob("gauge_live*_*.db") if folder else ():
        pid = int(path.stem.rpartition("_")[2])
        if not psutil.pid_exists(pid):
            mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]


def _reserve() -> None:
    """Take the disk's room for this worker's metrics before there are any, BentoML's own among them.

    They make their files when a request first needs them: on a full disk that would end the process.

    :raises OSError: there is no room
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    for kind in FILES if folder else ():
        with open(f"{folder}/{kind}_{os.getpid()}.db", "ab") as file:
            os.posix_fallocate(file.fileno(), 0, FILE_BYTES)


def _has_room() -> bool:
    """Whether the disk has room for this worker's metrics; takes it for the files that there are.

    The files are sparse and mapped: a page for which there is no room when it is written ends the process.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return True
    found = os.statvfs(folder)
    if found.f_bavail * found.f_frsize < ROOM:
        return False
    for path in Path(folder).glob(f"*_{os.getpid()}.db"):
        if path.stat().st_blocks * 512 < (size := path.stat().st_size):
            with open(path, "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    return True
