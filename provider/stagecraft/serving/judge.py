"""Takes a version back when it leaves the bounds that its alias's rule has."""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from stagecraft.serving.manifest import Manifest, Verdict
from stagecraft.serving.manifest_file import write_whole
from stagecraft.serving.monitor import Monitor
from stagecraft.serving.table import ModelTable
from stagecraft.serving.tally import Tally, scalar
from stagecraft.serving.traffic import Alias, Bounds
from stagecraft.serving.verdict import Count, fault

log = logging.getLogger(__name__)

FOLDER = "counts"
STALE_SECONDS = 10.0
COUNTS = TypeAdapter(dict[str, Count])


class Watched(NamedTuple):
    """A version under a rule; another rule of the same alias is watched anew."""

    model: str
    alias: str
    since: int
    version: str

    def __str__(self) -> str:
        return "/".join(map(str, self))


class Judge:
    """Judges by the requests of all workers: each leaves its own counts in a file below the service's root.

    Every worker judges; the manifest's lock and the rule's generation make one of them act.

    :param root: the service's folder
    """

    def __init__(self, table: ModelTable, monitor: Monitor, root: str | Path) -> None:
        self.table, self.monitor = table, monitor
        self.folder = Path(root) / FOLDER
        self._windows: dict[Watched, deque[tuple[float, Tally]]] = {}
        self._scores: dict[str, list[float]] = {}

    def look(self) -> None:
        """Count, tell the other workers, and judge; to be called about once a second, off the event loop."""
        rules = dict(self._rules())
        self._windows = {watched: window for watched, window in self._windows.items() if watched in rules}
        if not rules:
            self.leave()
            return
        own = {watched: self._count(watched, rule.bounds) for watched, rule in rules.items() if rule.bounds}
        self._tell(own)
        counts = self._all(own)
        for watched, rule in rules.items():
            if watched.version == rule.version and (rule.candidates or not rule.previous):
                continue  # A candidate's bounds are not its own, or there is nothing to go back to.
            reference = self._reference(watched, rule, counts)
            if rule.bounds and (reason := fault(rule.bounds, counts[watched], reference)):
                self._take_back(watched, reason)

    def leave(self) -> None:
        """Remove this worker's counts."""
        self._path.unlink(missing_ok=True)

    @property
    def _path(self) -> Path:
        return self.folder / f"{os.getpid()}.json"

    def _rules(self) -> Iterator[tuple[Watched, Alias]]:
        for name, model in self.table.current.manifest.models.items():
            for alias, rule in model.aliases.items():
                for version in rule.versions if rule.bounds else ():
                    yield Watched(name, alias, rule.since, version), rule

    def _count(self, watched: Watched, bounds: Bounds) -> Count:
        """Return what this worker did in the window; what was before the rule does not count."""
        tally = self.monitor.tallies.get((watched.model, watched.version)) or Tally()
        now, copy = time.monotonic(), tally.copy()
        window = self._windows.setdefault(watched, deque([(now, copy)]))
        window.append((now, copy))
        while len(window) > 2 and window[1][0] <= now - bounds.window_seconds:
            window.popleft()
        found = copy.since(window[0][1])
        recent = list(tally.recent)
        return Count(
            requests=found.requests,
            errors=found.errors,
            latencies=found.latencies,
            scores=recent[max(0, len(recent) - sum(found.scores)) :],
        )

    def _tell(self, counts: dict[Watched, Count]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        named: dict[str, Any] = {str(watched): count for watched, count in counts.items()}
        write_whole(self._path, COUNTS.dump_json(named).decode(), durable=False)

    def _all(self, own: dict[Watched, Count]) -> dict[Watched, Count]:
        """Return the counts of all workers that told theirs lately."""
        total = dict(own)
        for path in self.folder.glob("*.json"):
            if path == self._path:
                continue
            try:
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()
                    continue
                told = COUNTS.validate_json(path.read_bytes())
            except (FileNotFoundError, ValidationError):
                continue
            for watched in own:
                total[watched] += told.get(str(watched), Count())
        return total

    def _reference(self, watched: Watched, rule: Alias, counts: dict[Watched, Count]) -> list[float]:
        """Return what a version's scores are compared with: see :class:`Bounds`."""
        if watched.version != rule.version:
            return counts[watched._replace(version=rule.version)].scores
        predictor = self.table.current.predictors.get((watched.model, watched.version))
        if predictor is None:
            return []
        model = predictor.model
        if model.fingerprint not in self._scores:
            scores = predictor.scores(model.training_rows()).tolist()
            self._scores = {**self._scores, model.fingerprint: [scalar(score) for score in scores]}
        return self._scores[model.fingerprint]

    def _take_back(self, watched: Watched, reason: str) -> None:
        verdict = Verdict(
            model=watched.model,
            alias=watched.alias,
            version=watched.version,
            reason=reason,
            generation=0,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

        def change(manifest: Manifest) -> Manifest:
            after = manifest.judged(verdict, watched.since)
            if after is not manifest:  # Else another worker was first.
                log.error("Version %s of %s is taken back: %s", watched.version, watched.model, reason)
            return after

        self.table.file.update(change)
