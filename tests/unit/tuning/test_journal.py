"""The journal: what a crash leaves of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import CorruptArtifactError
from stagecraft.tuning.journal import Journal

RECORDS = [{"number": number, "name": "ä" * number} for number in range(3)]


@pytest.fixture(params=["local", "objects"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    root = str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}"
    journal = Journal(Store(root), "studies/example")
    for record in RECORDS:
        journal.append(record)
    return journal


def test_it_is_read_as_it_was_written(journal: Journal) -> None:
    assert journal.read() == RECORDS
    again = Journal(journal.store, journal.folder)
    again.append({"more": 1})
    assert journal.read() == [*RECORDS, {"more": 1}]
    assert Journal(journal.store, "studies/none").read() == []


def test_wherever_a_crash_cuts_it_whole_records_are_left(tmp_path: Path) -> None:
    journal = Journal(Store(str(tmp_path)), "a")
    for record in RECORDS:
        journal.append(record)
    whole = (tmp_path / "a" / "journal.jsonl").read_bytes()
    for length in range(len(whole) + 1):
        folder = f"cut-{length}"
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "journal.jsonl"
        path.write_bytes(whole[:length])
        cut = Journal(journal.store, folder)
        kept = RECORDS[: whole[:length].count(b"\n")]
        assert cut.read() == kept
        cut.append({"more": 1})
        assert cut.read() == [*kept, {"more": 1}]


def test_a_record_that_was_changed_is_refused(journal: Journal) -> None:
    if journal.store.is_local:
        path = Path(journal.store.root, journal.folder, "journal.jsonl")
        path.write_bytes(path.read_bytes().replace(b"{", b"[", 1))
    else:
        journal.store.write(journal.store.uri(journal.folder, "journal", "00000000.json"), b"{")
    with pytest.raises(CorruptArtifactError, match="record 1 "):
        journal.read()
