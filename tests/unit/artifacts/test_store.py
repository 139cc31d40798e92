"""Artifacts are whole or not there, and say so when they are spoilt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model
from stagecraft.artifacts.report import Report
from stagecraft.artifacts.store import Draft, Store
from stagecraft.errors import CorruptArtifactError, InvalidInputError, UnwritableStoreError

NAME = "0123456789abcdef" * 2


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path}")


def draft(store: Store, content: bytes = b"<p>") -> Draft:
    made = store.draft(Kind.REPORT, NAME, lineage={"stage": "evaluate"})
    made.write("report.html", content)
    made.meta["metrics"] = {"auc": 0.5}
    return made


def test_a_draft_is_no_artifact_until_it_is_committed(store: Store) -> None:
    made = draft(store)
    assert not store.exists(NAME)
    artifact = made.commit()
    assert store.exists(NAME)
    assert isinstance(artifact, Report)
    assert artifact.metrics == {"auc": 0.5}
    assert artifact.html() == "<p>"


def test_who_commits_first_wins_and_the_other_leaves_nothing(store: Store) -> None:
    first, second = draft(store, b"1"), draft(store, b"2")
    first.commit()
    assert second.commit().read("report.html") == b"1"
    assert not store.filesystem.exists(store.strip(second.uri))


def test_a_reference_opens_the_artifact_from_anywhere(store: Store) -> None:
    reference = draft(store).commit().reference
    assert store.open(reference).fingerprint == NAME
    assert Report.load(reference.uri).fingerprint == NAME
    with pytest.raises(CorruptArtifactError, match="a report, not a model"):
        Model.load(reference.uri)


def test_a_spoilt_file_is_refused_by_name(store: Store) -> None:
    artifact = draft(store).commit()
    store.filesystem.pipe_file(store.strip(artifact.file_uri("report.html")), b"<q>")
    with pytest.raises(CorruptArtifactError, match=r"report\.html.*checksum.*evaluate"):
        artifact.read("report.html")
    with pytest.raises(CorruptArtifactError, match="checksum"):
        artifact.verify()
    artifact.verify_sizes()
    store.filesystem.pipe_file(store.strip(artifact.file_uri("report.html")), b"<q")
    with pytest.raises(CorruptArtifactError, match=r"report\.html.*size.*evaluate"):
        artifact.verify_sizes()


def test_a_missing_file_is_refused_by_name(store: Store) -> None:
    artifact = draft(store).commit()
    store.filesystem.rm_file(store.strip(artifact.file_uri("report.html")))
    with pytest.raises(CorruptArtifactError, match=r"report\.html: .*missing"):
        artifact.read("report.html")
    for verify in (artifact.verify, artifact.verify_sizes):
        with pytest.raises(CorruptArtifactError, match="missing"):
            verify()


def test_an_artifact_that_is_not_there(store: Store) -> None:
    with pytest.raises(CorruptArtifactError, match="no such artifact is committed"):
        store.open("f" * 32)


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UnwritableStoreError, match=r"artifact store .*what would do"):
        Store(str(file / "store")).check_writable()


def test_a_probe_leaves_nothing(store: Store) -> None:
    store.check_writable()
    assert not store.filesystem.find(store.strip(store.root))


def test_credentials_never_show(tmp_path: Path) -> None:
    store = Store(str(tmp_path), {"secret": "hunter2"})
    assert "hunter2" not in repr(store)
    artifact = draft(store).commit()
    assert "hunter2" not in repr(artifact)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hunter2" not in written


KILLED = """
import os, sys
from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.store import Store
import stagecraft.artifacts.store as module
store = Store(sys.argv[1])
count = int(sys.argv[2])
def trace(frame, event, _):
    global count
    if event == "line" and frame.f_code.co_filename == module.__file__:
        count -= 1
        if not count:
            os._exit(9)
    return trace
draft = store.draft(Kind.REPORT, "0" * 32, lineage={})
sys.settrace(trace)
draft.write("a", b"a" * 1000)
draft.write("b", b"b" * 1000)
draft.commit()
"""


def test_a_crash_at_any_line_leaves_all_or_nothing(tmp_path: Path) -> None:
    """Ends a process at ever later lines of the store's code; what is there is whole."""
    seen = set()
    for line in range(1, 400, 12):
        root = tmp_path / str(line)
        ended = subprocess.run([sys.executable, "-c", KILLED, str(root), str(line)], check=False)
        store = Store(str(root))
        if store.exists("0" * 32):
            store.open("0" * 32).verify()
            assert store.open("0" * 32).read("b") == b"b" * 1000
        seen.add((ended.returncode, store.exists("0" * 32)))
        if ended.returncode == 0:
            break
    assert (9, False) in seen
    assert (0, True) in seen


def test_a_local_write_replaces_in_one_step(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    uri = store.uri("jobs", "a", "job.json")
    store.write(uri, b"1")
    store.write(uri, b"2")
    assert store.read(uri) == b"2"
    assert os.listdir(tmp_path / "jobs" / "a") == ["job.json"]


def test_a_failed_commit_of_one_draft_leaves_what_another_committed(store: Store) -> None:
    made = draft(store)
    artifact = made.commit()
    made.discard()
    artifact.verify()


def test_a_corrupt_artifact_is_replaced_by_the_next_commit(store: Store) -> None:
    artifact = draft(store, b"1").commit()
    store.filesystem.rm_file(store.strip(artifact.file_uri("report.html")))
    assert draft(store, b"2").commit().read("report.html") == b"2"


def test_a_whole_artifact_is_replaced_on_demand_only(store: Store) -> None:
    draft(store, b"1").commit()
    assert draft(store, b"2").commit(replace=True).read("report.html") == b"2"


def test_a_file_system_that_is_not_installed_is_named() -> None:
    with pytest.raises(InvalidInputError, match=r"not installed .*\[gcs\] or \[azure\]"):
        Store("adl://container/folder").check_writable()
