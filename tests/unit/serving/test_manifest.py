from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from stagecraft.errors import CorruptArtifactError, InvalidInputError
from stagecraft.serving.manifest import ConflictError, Manifest, UnknownModelError, Verdict, Version
from stagecraft.serving.manifest_file import ManifestFile
from stagecraft.serving.traffic import Alias, Bounds


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
    manifest = deployed("a").deployed("late", "b", artifact("b"), alias=None)
    assert manifest.models["late"].default == "a"
    first = Manifest().deployed("late", "a", artifact("a"), alias=None)
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


def test_the_first_form_is_read() -> None:
    versions = {digit: {"uri": f"/{digit}", "fingerprint": digit} for digit in "ab"}
    first = {"generation": 7, "models": {"late": {"default": "b", "versions": versions}}}
    manifest = Manifest.model_validate_json(json.dumps(first))
    assert (manifest.generation, manifest.find("late")[1]) == (7, "b")
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
    with pytest.raises(ValueError, match="no version c"):
        Manifest.model_validate_json(json.dumps(first).replace('"default": "b"', '"default": "c"'))


def test_an_alias_is_a_name_for_a_version() -> None:
    manifest = deployed("a", "b").with_alias("late", "champion", Alias(version="a"))
    assert manifest.find("late", "champion")[1] == "a"
    assert manifest.find("late", "b")[1] == "b"
    later = manifest.deployed("late", "c", artifact("c"), alias="champion")
    assert later.find("late", "champion")[1] == "c"
    assert later.find("late")[1] == "b"
    with pytest.raises(ConflictError, match="'champion' is an alias"):
        manifest.deployed("late", "champion", artifact("c"))
    with pytest.raises(ConflictError, match="'a' is a version"):
        manifest.with_alias("late", "a", Alias(version="b"))
    with pytest.raises(UnknownModelError, match="'c'"):
        manifest.with_alias("late", "champion", Alias(version="b", split={"c": 5}))
    gone = later.without_alias("late", "champion")
    assert list(gone.models["late"].aliases) == ["default"]
    with pytest.raises(ConflictError, match="default"):
        gone.without_alias("late", "default")


def test_a_rollback_takes_back_the_last_change() -> None:
    canary = deployed("a", "b").with_alias("late", "default", Alias(version="b", split={"a": 10}))
    back = canary.rolled_back("late")
    assert back.alias("late", "default").split == {}
    assert back.find("late")[1] == "b"
    again = back.rolled_back("late")
    assert again.find("late")[1] == "a"
    with pytest.raises(ConflictError, match="nothing else before"):
        again.rolled_back("late")


def test_what_an_alias_needs_is_neither_deleted_nor_dropped() -> None:
    manifest = deployed("a", "b", "c").with_alias("late", "default", Alias(version="c", shadow="a"))
    with pytest.raises(ConflictError, match="'a' is the default"):
        manifest.without("late", "a")
    kept = manifest.deployed("late", "d", artifact("d"), alias=None, keep=2)
    assert list(kept.models["late"].versions) == ["a", "b", "c", "d"]
    # The version before may go; then there is nothing to go back to.
    assert manifest.without("late", "b").alias("late", "default").previous is None


def verdict(version: str) -> Verdict:
    return Verdict(model="late", alias="default", version=version, reason="slow", generation=0, at="now")


def test_a_verdict_acts_once_and_is_remembered() -> None:
    bounds = Bounds(error_rate=0.1)
    rule = Alias(version="b", split={"c": 10}, shadow="a", bounds=bounds)
    canary = deployed("a", "b", "c").with_default("late", "b").with_alias("late", "default", rule)
    since = canary.alias("late", "default").since
    after = canary.judged(verdict("c"), since)
    assert after.generation == canary.generation + 1
    assert after.alias("late", "default").candidates == ("a",)
    assert after.verdicts == (verdict("c").model_copy(update={"generation": after.generation}),)
    assert after.judged(verdict("c"), since) is after
    # Another rule is another matter.
    assert canary.judged(verdict("c"), since - 1) is canary


def test_a_default_that_leaves_its_bounds_makes_way_for_the_one_before() -> None:
    rule = Alias(version="b", bounds=Bounds(psi=0.2))
    manifest = (
        deployed("a").deployed("late", "b", artifact("b"), alias=None).with_alias("late", "default", rule)
    )
    after = manifest.judged(verdict("b"), manifest.alias("late", "default").since)
    assert after.find("late")[1] == "a"
    assert after.alias("late", "default").previous is None


def test_deploying_the_default_again_leaves_its_rule() -> None:
    manifest = deployed("a", "b").with_alias("late", "default", Alias(version="b", split={"a": 10}))
    assert manifest.deployed("late", "b", artifact("b")) is manifest
    assert manifest.with_alias("late", "default", Alias(version="b", split={"a": 10})) is manifest


def test_a_model_is_taken_out_whole() -> None:
    manifest = deployed("a", "b").deployed("other", "1", artifact("c")).without_model("late")
    assert (list(manifest.models), manifest.generation) == (["other"], 4)


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
