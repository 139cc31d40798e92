"""A manifest on an object store, and instances that follow it."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from stagecraft.artifacts.store import Store
from stagecraft.errors import UnreachableError
from stagecraft.serving.manifest import Manifest, Version
from stagecraft.serving.manifest_file import ManifestFile
from stagecraft.serving.remote_manifest import RemoteManifest, manifest_of
from stagecraft.serving.settings import Settings
from stagecraft.serving.table import ModelTable
from stagecraft.serving.workers import STALE_SECONDS, Workers, expected


@pytest.fixture
def bucket() -> Iterator[Store]:
    """An object store: fsspec's own, in memory."""
    root = f"memory://{uuid.uuid4().hex}"
    yield Store(root)
    filesystem = fsspec.filesystem("memory")
    if filesystem.exists(root):
        filesystem.rm(root, recursive=True)


@pytest.fixture
def manifest(bucket: Store, tmp_path: Path) -> RemoteManifest:
    return RemoteManifest(bucket.uri("manifest.json"), bucket, tmp_path / "instance-a")


def deployed(manifest: ManifestFile, model: Any, version: str) -> Manifest:
    artifact = Version(uri=model.uri, fingerprint=model.fingerprint)
    return manifest.update(lambda before: before.deployed("late", version, artifact))


def test_each_write_changes_the_signature(manifest: RemoteManifest, tmp_path: Path, commit: Any) -> None:
    assert manifest.signature() is None
    assert manifest.read() == Manifest()
    model = commit(Store(str(tmp_path / "store")), "1")
    seen = {manifest.signature()}
    for number in range(5):
        deployed(manifest, model, str(number))
        seen.add(manifest.signature())
        assert manifest.signature() in seen
    assert len(seen) == 6
    assert manifest.read().generation == 5


def test_two_instances_follow_one_manifest(
    manifest: RemoteManifest, bucket: Store, tmp_path: Path, commit: Any
) -> None:
    store = Store(str(tmp_path / "store"))
    other = RemoteManifest(manifest.uri, bucket, tmp_path / "instance-b")
    tables = [ModelTable(file, store) for file in (manifest, other)]
    for digit in "12":
        deployed(manifest, commit(store, digit), digit)
        for table in tables:
            asyncio.run(table.refresh())
            assert table.route("late").version == digit


def test_a_store_out_of_reach_leaves_what_is_served(
    manifest: RemoteManifest, tmp_path: Path, commit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(tmp_path / "store"))
    table = ModelTable(manifest, store)
    deployed(manifest, commit(store, "1"), "one")
    asyncio.run(table.refresh())
    filesystem = manifest.store.filesystem

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("403 from the bucket")  # As file systems of fsspec do, not only OSError.

    monkeypatch.setattr(filesystem, "info", broken)
    with pytest.raises(UnreachableError, match="403 from the bucket"):
        manifest.signature()
    asyncio.run(table.refresh())
    assert "out of reach" in str(table.error)
    assert table.route("late").version == "one"
    monkeypatch.undo()
    table._due = 0.0
    asyncio.run(table.refresh())
    assert table.state() == (1, {"late": ["one"]}, None)


def test_the_settings_say_where_the_manifest_is(tmp_path: Path) -> None:
    settings = Settings(root=str(tmp_path), store_root=str(tmp_path / "store"))
    assert str(manifest_of(settings)) == str(tmp_path / "manifest.json")
    remote = manifest_of(settings.model_copy(update={"manifest": "memory://bucket/live/manifest.json"}))
    assert isinstance(remote, RemoteManifest)
    assert remote.store.root == "memory://bucket/live"


def test_instances_know_of_each_other_s_workers(bucket: Store, tmp_path: Path) -> None:
    here = Workers(tmp_path / "a", peers=2, shared=bucket)
    there = Workers(tmp_path / "b", peers=3, shared=bucket)
    there.instance = "pod-b"
    here.report(4, {"late": ["1"]}, None)
    there.report(3, {"late": ["1"]}, None)
    assert here.elsewhere() == []
    for workers in (here, there):
        workers.share()
    (state,) = here.elsewhere()
    assert (state.instance, state.pid, state.generation) == ("pod-b", os.getpid(), 3)
    assert expected(here.elsewhere()) == 3
    there.report(4, {"late": ["1", "2"]}, None)
    there.share()
    assert [state.generation for state in here.elsewhere()] == [4]
    there.leave()
    assert here.elsewhere() == []


def test_an_instance_that_fell_silent_is_no_longer_counted(
    bucket: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (Workers(tmp_path / name, shared=bucket) for name in "ab")
    there.instance = "pod-b"
    there.report(3, {}, None)
    there.share()
    assert len(here.elsewhere()) == 1
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + STALE_SECONDS + 1)
    assert here.elsewhere() == []
