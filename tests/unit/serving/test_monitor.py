"""What is counted, reported, noted and kept."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prometheus_client import CollectorRegistry

from stagecraft.artifacts.store import Store
from stagecraft.serving.access_log import AccessLog
from stagecraft.serving.metrics import Metrics
from stagecraft.serving.monitor import Kept, Monitor
from stagecraft.serving.samples import Samples, _typed
from stagecraft.serving.table import ModelTable


def test_the_metrics_say_what_was_answered(table: ModelTable) -> None:
    registry, monitor = CollectorRegistry(), Monitor()
    metrics = Metrics(registry)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"stagecraft_{name}", labels)

    late = {"model": "late", "version": "3"}
    for _ in range(3):
        monitor.answered("late", "3", rows=2, scores=[0.15, 0.85], seconds=0.003)
        metrics.export(monitor, table, {})
    monitor.answered("late", "3", rows=100, scores=[0.15] * 100, seconds=0.2)
    monitor.refused("late", 500, 0.001, "3")
    monitor.refused("late", 400, 0.001)
    monitor.refused(None, 404, 0.001)
    metrics.export(monitor, table, {("late", "3", "wind"): 0.3})
    metrics.export(monitor, table, {("late", "3", "wind"): 0.3})
    assert value("requests_total", **late, status="200") == 4
    assert value("requests_total", **late, status="500") == 1
    assert value("requests_total", model="late", version="", status="400") == 1
    assert value("requests_total", model="", version="", status="404") == 1
    assert value("rows_total", **late) == 106
    assert value("request_seconds_bucket", **late, le="0.0025") == 1
    assert value("request_seconds_bucket", **late, le="0.005") == 4
    assert value("request_seconds_count", **late) == 5
    assert value("score_bucket", **late, le="0.2") == 103
    assert value("score_count", **late) == 106
    assert value("generation") == 3
    assert value("feature_drift", **late, column="wind") == 0.3
    assert (value("worker_memory_bytes") or 0) > 1 << 20
    assert (value("model_memory_bytes", **late) or 0) > 0


def test_gauges_of_killed_workers_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    (tmp_path / f"counter_{gone.pid}.db").touch()
    for name in (f"gauge_liveall_{gone.pid}.db", f"gauge_livemax_{gone.pid}.db"):
        (tmp_path / name).touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    Metrics(CollectorRegistry())
    assert [path.name for path in tmp_path.glob(f"*_{gone.pid}.db")] == [f"counter_{gone.pid}.db"]


def test_the_disk_s_room_is_taken_before_a_request_needs_it(tmp_path: Path) -> None:
    """A file that BentoML makes while it answers ends the worker where the disk is full."""
    body = """
import os, prometheus_client as client
from stagecraft.serving.metrics import Metrics
Metrics(client.CollectorRegistry())
known = {path: os.stat(path) for path in os.scandir()}
assert all(found.st_blocks * 512 >= found.st_size > 0 for found in known.values()), known
client.Counter("a", "", ["x"]).labels("1").inc()
client.Histogram("b", "", ["x"]).labels("1").observe(1)
client.Gauge("c", "", ["x"], multiprocess_mode="livesum").labels("1").inc()
client.Gauge("d", "", ["x"]).labels("1").inc()
after = {path.name: os.stat(path) for path in os.scandir()}
assert {path.name: found.st_size for path, found in known.items()} == {
    name: found.st_size for name, found in after.items()
}
registry = client.CollectorRegistry()
from prometheus_client.multiprocess import MultiProcessCollector
MultiProcessCollector(registry)
assert registry.get_sample_value("a_total", {"x": "1"}) == 1
"""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": "."}
    subprocess.run([sys.executable, "-c", body], cwd=tmp_path, env=environment, check=True)


def test_a_full_disk_holds_the_metrics_back(
    table: ModelTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, monitor = CollectorRegistry(), Monitor()
    metrics = Metrics(registry)
    monitor.answered("late", "3", rows=1, scores=[0.5], seconds=0.003)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    labels = {"model": "late", "version": "3"}
    with monkeypatch.context() as full:
        full.setattr("os.statvfs", lambda _: SimpleNamespace(f_bavail=1, f_frsize=4096))
        metrics.export(monitor, table, {})
    assert registry.get_sample_value("stagecraft_rows_total", labels) is None
    metrics.export(monitor, table, {})
    assert registry.get_sample_value("stagecraft_rows_total", labels) == 1


def test_a_shadow_s_differences_are_seen(table: ModelTable) -> None:
    registry, monitor = CollectorRegistry(), Monitor()
    monitor.shadowed("late", "3", "1", scores=[0.5, 0.2], shadow_scores=[0.5, 0.35], seconds=0.001)
    monitor.shadowed("late", "3", "1", scores=[[0.5, 0.5]], shadow_scores=[[0.25, 0.75]], seconds=0.001)
    Metrics(registry).export(monitor, table, {})
    labels = {"model": "late", "version": "3", "shadow": "1"}
    buckets = [
        registry.get_sample_value("stagecraft_shadow_difference_bucket", {**labels, "le": edge})
        for edge in ("0.0", "0.1", "0.2", "0.3")
    ]
    assert buckets == [1, 1, 2, 3]
    assert monitor.tallies["late", "1"].rows == 3


def test_counts_of_many_rows_are_those_of_one_by_one() -> None:
    scores = [number / 700 for number in range(-70, 930)]
    many, each = Monitor(), Monitor()
    many.answered("late", "1", rows=1000, scores=scores, seconds=0.1)
    for score in scores:
        each.answered("late", "1", rows=1, scores=[score], seconds=0.1)
    assert many.tallies["late", "1"].scores == each.tallies["late", "1"].scores
    assert many.tallies["late", "1"].recent == each.tallies["late", "1"].recent


def test_threads_lose_no_count() -> None:
    monitor = Monitor()

    def answer() -> None:
        for _ in range(5000):
            monitor.answered("late", "1", rows=1, scores=[0.5], seconds=0.001)

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert monitor.tallies["late", "1"].requests == sum(monitor.tallies["late", "1"].scores) == 20_000


def test_an_answer_costs_a_few_microseconds() -> None:
    monitor = Monitor(sample=0.01, access_log=0.01)
    begun = time.process_time()
    for _ in range(20_000):
        monitor.answered("late", "1", rows=1, scores=[0.5], seconds=0.001)
        monitor.samples()
    assert (time.process_time() - begun) / 20_000 < 15e-6


def test_the_access_log_is_json_and_holds_every_failure() -> None:
    monitor, stream = Monitor(access_log=1e-9), io.StringIO()
    log = AccessLog(monitor, stream)
    monitor.answered("late", "1", rows=2, scores=[0.5, 0.5], seconds=0.001)
    monitor.refused("late", 500, 0.002, "1")
    monitor.access_log = 1.0
    monitor.answered("late", "1", rows=2, scores=[0.5, 0.5], seconds=0.001)
    log.look()
    log.look()
    failed, answered = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (failed["status"], failed["version"], failed["seconds"]) == (500, "1", 0.002)
    assert (answered["model"], answered["status"], answered["rows"]) == ("late", 200, 2)


def test_nothing_is_noted_or_kept_unless_asked() -> None:
    monitor = Monitor()
    monitor.answered("late", "1", rows=1, scores=[0.5], seconds=0.001)
    monitor.refused("late", 500, 0.002, "1")
    assert not monitor.take_noted()
    assert not any(monitor.samples() for _ in range(1000))


def test_few_requests_are_kept_until_they_are_taken() -> None:
    monitor = Monitor(sample=1.0)
    for _ in range(2):
        kept = 0
        while monitor.samples():
            monitor.keep("late", "3", [{"wind": 3, "origin": "JFK"}], [0.25])
            kept += 1
        assert kept == len(monitor.take_kept()) == 50


def test_kept_requests_become_parquet(table: ModelTable, tmp_path: Path) -> None:
    monitor = Monitor(sample=1.0)
    samples = Samples(table, monitor, Store(str(tmp_path / "log")))
    assert monitor.samples()
    monitor.keep("late", "3", [{"wind": 3, "origin": "JFK", "id": 7}], [0.25], key="user-1")
    arrow = pa.table({"origin": ["LGA", None], "wind": [1.5, None]})
    monitor.keep("late", "3", arrow, [0.5, 0.75])
    monitor.keep("late", "3", [{"wind": 4, "origin": None}], [0.125])
    monitor.keep("late", "gone", [{"wind": 3}], [0.5])
    samples.look()
    assert not list(tmp_path.glob("log/**/*.parquet"))
    samples.write()
    (file,) = tmp_path.glob("log/late/3/*/*.parquet")
    rows = pq.read_table(file)
    assert rows.drop_columns("request_time").to_pylist() == [
        {"wind": 1.5, "origin": "LGA", "score": 0.5, "request_key": None},
        {"wind": None, "origin": None, "score": 0.75, "request_key": None},
        {"wind": 3.0, "origin": "JFK", "score": 0.25, "request_key": "user-1"},
        {"wind": 4.0, "origin": None, "score": 0.125, "request_key": None},
    ]
    assert abs(rows["request_time"][0].as_py().timestamp() - time.time()) < 60


def test_rows_of_every_form_are_typed_together() -> None:
    """Each keeps its score, time and key, whatever came beside it."""
    schema = pa.schema([("x", pa.float64()), ("n", pa.int64())])
    chain = SimpleNamespace(score_column="score")
    predictor: Any = SimpleNamespace(schema=schema, model=SimpleNamespace(chain=chain))
    matrix = np.array([[0.5, 2], [np.nan, np.nan]], np.float32)
    entries = [
        Kept(1.0, "m", "1", [{"x": 1, "n": None, "more": 0}], [0.1], "a"),
        Kept(2.0, "m", "1", matrix, [0.2, 0.3], "b"),
        Kept(3.0, "m", "1", pa.table({"n": [7], "x": [2.5]}), [0.4], None),
        Kept(4.0, "m", "1", matrix[:1], [0.5], "c"),
    ]
    found = sorted(_typed(entries, predictor).to_pylist(), key=lambda row: row["score"])
    assert [(row["x"], row["n"], row["request_key"], row["request_time"].timestamp()) for row in found] == [
        (1.0, None, "a", 1.0),
        (0.5, 2, "b", 2.0),
        (None, None, "b", 2.0),
        (2.5, 7, None, 3.0),
        (0.5, 2, "c", 4.0),
    ]


def test_drift_is_seen_in_the_columns_that_moved(table: ModelTable) -> None:
    monitor = Monitor(sample=1.0)
    samples = Samples(table, monitor)
    model = table.route("late").predictor.model
    assert model.training_rows().num_rows > model.golden().num_rows
    calm = model.training_rows().to_pylist() * 5
    monitor.keep("late", "3", calm, [0.5] * len(calm))
    samples.look()
    assert samples.drift == {("late", "3", "wind"): 0.0, ("late", "3", "origin"): 0.0}
    storm = [{**row, "wind": 50.0} for row in calm]
    monitor.keep("late", "3", storm, [0.5] * len(storm))
    samples._looked = 0.0
    samples.look()
    assert samples.drift["late", "3", "wind"] > 0.2
    assert samples.drift["late", "3", "origin"] == 0.0


def test_a_full_store_does_not_end_the_worker(table: ModelTable, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where a folder should be")
    monitor = Monitor(sample=1.0)
    samples = Samples(table, monitor, Store(str(tmp_path / "log")))
    monitor.keep("late", "3", [{"wind": 3, "origin": "JFK"}], [0.25])
    samples.look()
    samples.write()
    assert not samples._waiting
