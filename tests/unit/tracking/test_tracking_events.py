from __future__ import annotations

import json
import math
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError, UnwritableStoreError
from stagecraft.tracking.event import Event
from stagecraft.tracking.folder import tracking_folder
from stagecraft.tracking.reader import read_events
from stagecraft.tracking.sink import Segments
from stagecraft.tracking.writer import Tracker

FOLDER = tracking_folder(dag_id="dag", run_id="manual__2013-01-01T00:00:00+00:00", task_id="train")


@pytest.fixture(params=["local", "remote"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Once a folder, once an object store (fsspec's memory one)."""
    return Store(str(tmp_path) if request.param == "local" else f"memory://{tmp_path}/store")


def test_events_come_back_in_order(store: Store) -> None:
    with Tracker(store, FOLDER) as tracker:
        tracker.log(1, loss=0.7, progress=0.1)
        tracker.scoped("trial-003").scoped("fold-1").log(2, auc=0.5)
    page = read_events(store, FOLDER)
    assert [event[:3] for event in page.events] == [
        (1, "loss", 0.7),
        (1, "progress", 0.1),
        (2, "trial-003/fold-1/auc", 0.5),
    ]
    assert page.complete


def test_a_cursor_reads_only_what_is_new(store: Store) -> None:
    first, second = Tracker(store, FOLDER), Tracker(store, FOLDER)
    seen: list[int] = []
    cursor = None
    for step in range(6):
        (first, second)[step % 2].log(step, loss=1.0)
        first.flush()
        second.flush()
        page = read_events(store, FOLDER, after=cursor)
        seen += [event.step for event in page.events]
        cursor = page.cursor
        assert read_events(store, FOLDER, after=cursor) == ([], [], cursor, True)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_a_limit_pages_through_everything(store: Store) -> None:
    with Tracker(store, FOLDER) as tracker, Tracker(store, FOLDER) as other:
        for step in range(50):
            tracker.log(step, loss=1.0)
            other.log(step, auc=1.0)
    events, cursor, pages, complete = [], None, 0, False
    while not complete:
        found, _, cursor, complete = read_events(store, FOLDER, after=cursor, limit=1000)
        events += found
        pages += 1
    assert pages > 3
    assert sorted(events) == sorted(read_events(store, FOLDER).events)
    assert len(events) == 100


def test_records_come_back_beside_the_events(store: Store) -> None:
    with Tracker(store, FOLDER) as tracker:
        tracker.record("trial", {"number": 1, "curve": [[1, 0.5]], "kind": None})
        tracker.log(1, loss=0.7)
        tracker.scoped("tune").record("trial", {"number": 2})
    page = read_events(store, FOLDER)
    assert [event[:3] for event in page.events] == [(1, "loss", 0.7)]
    assert [record[:2] for record in page.records] == [
        ("trial", {"number": 1, "curve": [[1, 0.5]], "kind": None}),
        ("tune/trial", {"number": 2}),
    ]
    assert read_events(store, FOLDER, after=page.cursor) == ([], [], page.cursor, True)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_is_valid_json_and_comes_back(store: Store, value: float) -> None:
    with Tracker(store, FOLDER) as tracker:
        tracker.log(1, loss=value)
    (event,) = read_events(store, FOLDER).events
    assert event.value == value or (math.isnan(event.value) and math.isnan(value))
    json.loads(event.line(), parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))


def test_a_torn_last_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    line = Event(2, "loss", 0.5, 2.0).line()
    file = folder / "abc.0.jsonl"
    file.write_bytes(Event(1, "loss", 1.0, 1.0).line() + line[:10])
    page = read_events(Store(str(tmp_path)), FOLDER)
    assert [event.step for event in page.events] == [1]
    with file.open("ab") as out:
        out.write(line[10:])
    assert [event.step for event in read_events(Store(str(tmp_path)), FOLDER, page.cursor).events] == [2]


def test_a_broken_line_is_skipped_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    broken = b'{"step": 1}\nnonsense\n[]\n{"data": 3, "name": "x", "time": 1}\n'
    (folder / "abc.0.jsonl").write_bytes(broken + Event(3, "loss", 0.5, 3.0).line())
    assert [event.step for event in read_events(Store(str(tmp_path)), FOLDER).events] == [3]
    assert caplog.text.count("skipped a line") == 4


def test_a_killed_writer_loses_nothing_on_a_local_store(tmp_path: Path) -> None:
    program = f"""
        from stagecraft.artifacts.store import Store
        from stagecraft.tracking.writer import Tracker
        tracker = Tracker(Store({str(tmp_path)!r}), {FOLDER!r})
        for step in range(100):
            tracker.log(step, loss=1.0)
        print("written", flush=True)
        input()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(read_events(Store(str(tmp_path)), FOLDER).events) == 100


def _log_steps(tracker: Tracker) -> None:
    for step in range(200):
        tracker.log(step, loss=1.0)
    tracker.close()


def test_processes_and_threads_write_into_one_folder(tmp_path: Path) -> None:
    tracker = Tracker(Store(str(tmp_path)), FOLDER)
    copies = [pickle.loads(pickle.dumps(tracker.scoped(f"trial-{i}"))) for i in range(2)]  # noqa: S301
    processes = [
        multiprocessing.get_context("spawn").Process(target=_log_steps, args=(copy,)) for copy in copies
    ]
    threads = [threading.Thread(target=_log_steps, args=(tracker,)) for _ in range(3)]
    for worker in [*processes, *threads]:
        worker.start()
    for worker in [*processes, *threads]:
        worker.join()
    names = [event.name for event in read_events(Store(str(tmp_path)), FOLDER).events]
    assert {name: names.count(name) for name in set(names)} == {
        "loss": 600,
        "trial-0/loss": 200,
        "trial-1/loss": 200,
    }


def test_threads_that_close_what_another_writes_lose_nothing(tmp_path: Path) -> None:
    """Each write opens the file anew, each close may come between another's opening and its write."""
    tracker = Tracker(Store(str(tmp_path)), FOLDER)

    def write() -> None:
        for step in range(300):
            tracker.log(step, loss=1.0)
            tracker.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_events(Store(str(tmp_path)), FOLDER).events) == 1200


def test_a_remote_store_gets_segments_by_itself(tmp_path: Path) -> None:
    store = Store(f"memory://{tmp_path}/segments")
    sink = Segments(store, FOLDER, interval=0.01)
    cursor, found = None, 0
    for step in range(3):
        sink.write(Event(step, "loss", 1.0, 1.0).line())
        for _ in range(1000):
            events, _, cursor, _complete = read_events(store, FOLDER, cursor)
            found += len(events)
            if found > step:
                break
            threading.Event().wait(0.01)
    assert found == 3
    assert len(store.filesystem.ls(store.strip(store.uri(FOLDER)))) == 3


def test_bad_input_is_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    with pytest.raises(InvalidInputError, match=r"tracking\.loss.*'much'"):
        Tracker(store, FOLDER).log(1, loss="much")  # type: ignore[arg-type]
    for bad in (math.nan, object()):
        with pytest.raises(InvalidInputError, match=r"tracking\.trial"):
            Tracker(store, FOLDER).record("trial", {"value": bad})
    with pytest.raises(InvalidInputError, match="cursor"):
        read_events(store, FOLDER, after="../../etc/passwd")


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "tracking").write_text("a file where the folder belongs")
    with pytest.raises(UnwritableStoreError, match="tracking"):
        Tracker(Store(str(tmp_path)), FOLDER).log(1, loss=1.0)


@pytest.mark.parametrize("bad", ["..", ".", "", "../../etc", "a/b", "a\\b", "a\x00b", "é" * 250, "~root"])
def test_no_id_leads_out_of_the_folder(tmp_path: Path, bad: str) -> None:
    folder = tracking_folder(dag_id=bad, run_id=bad, task_id=bad)
    resolved = Path(os.path.realpath(tmp_path / folder))
    assert resolved == tmp_path / folder
    assert len(resolved.relative_to(tmp_path).parts) == 5
    with Tracker(Store(str(tmp_path)), folder) as tracker:
        tracker.log(1, loss=1.0)
    assert len(read_events(Store(str(tmp_path)), folder).events) == 1
    assert [path for path in tmp_path.rglob("*.jsonl") if tmp_path / folder not in path.parents] == []


def test_ids_do_not_collide() -> None:
    long = "x" * 300
    folders = {
        tracking_folder(dag_id=dag, run_id=run, task_id="t", map_index=index)
        for dag, run, index in [
            ("a/b", "c", -1), ("a", "b/c", -1), (long, "r", 0), (long + "y", "r", 0), ("%2E", "r", 0),
            (".", "r", 0), ("a", "r", 1), ("a", "r", 11),
        ]
    }  # fmt: skip
    assert len(folders) == 8


def test_a_tracker_to_nowhere_takes_everything() -> None:
    with Tracker.nowhere() as tracker:
        tracker.scoped("trial").log(1, loss=1.0)
        tracker.record("trial", {"number": 1})
        tracker.flush()


def test_tracking_imports_nothing_heavy() -> None:
    program = (
        "import sys, stagecraft.tracking.writer, stagecraft.tracking.reader, stagecraft.tracking.folder;"
        "print([m for m in ('numpy','pyarrow','fsspec','pandas','airflow') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
