from __future__ import annotations

import threading
from pathlib import Path

import pytest

from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.serving.manifest import ConflictError, Manifest, ManifestFile, UnknownModelError, Version


def artifact(digit: str) -> Version:
    return Version(uri=f"/store/artifacts/{digit}", fingerprint=digit)


def deployed(*versions: str, keep: int | None = None) -> Manifest:
    manifest = Manifest()
    for version in versions:
        manifest = manifest.deployed("late", version, artifact(version), keep=keep)
    return manifest


def test_a_deployment_is_a_new_generation_and_the_default() -> None:
    manifest = deployed("a", "b")
    assert manifest.generation == 2
    assert manifest.models["late"].default == "b"
    assert list(manifest.models["late"].versions) == ["a", "b"]


def test_the_same_again_is_the_same_generation() -> None:
    manifest = deployed("a", "b")
    assert manifest.deployed("late", "b", artifact("b")) is manifest


def test_a_candidate_is_not_the_default_but_a_first_version_is() -> None:
    manifest = deployed("a").deployed("late", "b", artifact("b"), default=False)
    assert manifest.models["late"].default == "a"
    first = Manifest().deployed("late", "a", artifact("a"), default=False)
    assert first.models["late"].default == "a"


def test_a_version_never_changes() -> None:
    with pytest.raises(InvalidInputError, match="is the artifact a already"):
        deployed("a").deployed("late", "a", artifact("b"))


@pytest.mark.parametrize("name", ["", "../late", "a b", "late/1", "x" * 129, ".late"])
def test_names_fit_a_path(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"deploy\.name"):
        Manifest().deployed(name, "1", artifact("a"))
    with pytest.raises(InvalidInputError, match=r"deploy\.version"):
        Manifest().deployed("late", name, artifact("a"))


def test_the_oldest_versions_are_dropped_but_never_the_defaults() -> None:
    assert list(deployed("a", "b", "c", "d", keep=2).models["late"].versions) == ["c", "d"]
    rolled_back = deployed("a", "b", "c").with_default("late", "a")
    after = rolled_back.deployed("late", "d", artifact("d"), keep=2)
    assert list(after.models["late"].versions) == ["a", "d"]


def test_a_rollback_is_a_generation_too() -> None:
    manifest = deployed("a", "b").with_default("late", "a")
    assert (manifest.generation, manifest.find("late")[1]) == (3, "a")
    assert manifest.with_default("late", "a") is manifest


def test_a_version_is_taken_out_unless_it_is_the_default() -> None:
    manifest = deployed("a", "b").without("late", "a")
    assert (manifest.generation, list(manifest.models["late"].versions)) == (3, ["b"])
    with pytest.raises(ConflictError, match="'b' is the default of 'late'"):
        manifest.without("late", "b")
    with pytest.raises(UnknownModelError, match="'a'"):
        manifest.without("late", "a")


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownModelError, match=r"no model called 'later'.*late"):
        deployed("a").find("later")
    with pytest.raises(UnknownModelError, match=r"no version of 'late' called 'c'.*'a', 'b'"):
        deployed("a", "b").find("late", "c")


def test_the_file_changes_in_one_step(tmp_path: Path) -> None:
    file = ManifestFile(tmp_path / "service")
    assert file.signature() is None
    assert file.read() == Manifest()
    file.update(lambda manifest: manifest.deployed("late", "a", artifact("a")))
    before = file.signature()
    assert file.update(lambda manifest: manifest.deployed("late", "a", artifact("a"))).generation == 1
    assert file.signature() == before
    file.update(lambda manifest: manifest.deployed("late", "b", artifact("b")))
    assert file.signature() != before
    assert sorted(path.name for path in file.root.iterdir()) == ["manifest.json", "manifest.lock"]


def test_a_torn_file_is_said(tmp_path: Path) -> None:
    file = ManifestFile(tmp_path)
    file.path.write_text('{"generation": 1, "mod')
    with pytest.raises(CorruptArtifactError, match=r"manifest\.json: the manifest is unreadable"):
        file.read()


def test_writers_take_turns(tmp_path: Path) -> None:
    file = ManifestFile(tmp_path)

    def deploy(number: int) -> None:
        file.update(lambda manifest: manifest.deployed(f"model-{number}", "1", artifact("a")))

    threads = [threading.Thread(target=deploy, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.read().generation == len(file.read().models) == 20


def test_a_failed_change_leaves_the_file(tmp_path: Path) -> None:
    file = ManifestFile(tmp_path)
    file.update(lambda manifest: manifest.deployed("late", "a", artifact("a")))
    with pytest.raises(UnknownModelError):
        file.update(lambda manifest: manifest.with_default("late", "b"))
    assert file.read() == deployed("a")
