"""A file that changes between its hash and its reading is not committed under the old content's address."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.stages import gbdt_import
from stagecraft.stages.gbdt_import import GBDTImport
from stagecraft.stages.sql import SQL


@pytest.mark.parametrize("changes", [True, False])
def test_a_query_whose_file_changes_is_refused(tmp_path: Path, changes: bool) -> None:
    source, store = tmp_path / "a.csv", Store(str(tmp_path / "store"))
    source.write_text("x\n1\n")

    def write(_: Any, draft: Any) -> None:
        draft.meta["rows"] = 1
        source.write_text("x\n2\n" if changes else "x\n1\n")

    engine = SimpleNamespace(name="duckdb", read_files=str, sql=lambda query, **_: query, write=write)
    bench: Any = SimpleNamespace(
        engine=engine, store=store, cache=True, tracker=SimpleNamespace(log=lambda *_, **__: None)
    )
    stage = SQL(query="SELECT x FROM a", files={"a": str(source)})
    if not changes:
        assert store.exists(stage.run(bench)["dataset"].fingerprint)
        return
    with pytest.raises(InvalidInputError, match=r"sql\.files: a file changed while it was read"):
        stage.run(bench)
    assert not list((tmp_path / "store" / "artifacts").glob("*/manifest.json"))


def test_a_booster_that_changes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, store = tmp_path / "trees.txt", Store(str(tmp_path / "store"))
    source.write_bytes(b"tree\n1")
    stage = GBDTImport(booster=str(source))
    address = stage.addresses({"dataset": "d"})["model"]
    drafts = {"model": store.draft(Kind.MODEL, address, lineage={})}
    dataset: Any = SimpleNamespace(fingerprint="d")
    bench: Any = None

    def read_trees(_: bytes) -> None:
        raise InterruptedError

    monkeypatch.setattr(gbdt_import, "read_trees", read_trees)
    with pytest.raises(InterruptedError):  # The same content goes on.
        stage.execute(bench, drafts, {"dataset": dataset})
    source.write_bytes(b"tree\n2")
    with pytest.raises(InvalidInputError, match=r"gbdt_import\.booster: .* changed while it was read"):
        stage.execute(bench, drafts, {"dataset": dataset})
