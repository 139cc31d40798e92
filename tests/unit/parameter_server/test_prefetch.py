"""Row groups on their way: what is loaded ahead, and what stays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from stagecraft.parameter_server import prefetch
from stagecraft.parameter_server.prefetch import Prefetcher


def loader(size: int = 10) -> tuple[Callable[[int], Any], list[int], threading.Event]:
    """A loader of groups of so many bytes, what it has loaded, and a gate that it waits at."""
    loaded: list[int] = []
    gate = threading.Event()
    gate.set()

    def load(group: int) -> Any:
        assert gate.wait(5)
        loaded.append(group)
        return SimpleNamespace(bytes=size, group=group)

    return load, loaded, gate


def test_expected_groups_are_loaded_ahead_but_not_all():
    load, loaded, _ = loader()
    made = Prefetcher(load, cache_bytes=1000)
    made.expect([4, 2, 7, 1])
    assert made.get(4).group == 4
    made._thread.submit(int).result()
    assert loaded == [4, 2, 7]
    assert made.get(2).group == 2
    made._thread.submit(int).result()
    assert loaded == [4, 2, 7, 1], "each is loaded once"
    assert prefetch.AHEAD == 2


def test_what_is_expected_anew_replaces_what_was():
    load, loaded, gate = loader()
    made = Prefetcher(load, cache_bytes=1000)
    gate.clear()
    made.expect([0, 1, 2, 3])
    made.expect([8, 9])
    gate.set()
    assert [made.get(group).group for group in (8, 9)] == [8, 9]
    made._thread.submit(int).result()
    assert 2 not in loaded
    assert 3 not in loaded


def test_the_cache_holds_all_or_the_latest():
    load, loaded, _ = loader(size=10)
    made = Prefetcher(load, cache_bytes=25)
    for group in (0, 1, 0, 1):
        made.get(group)
    assert loaded == [0, 1], "two fit"
    for group in (2, 2, 1, 0, 1):
        made.get(group)
    assert loaded == [0, 1, 2, 1, 0, 1], "three do not"


def test_of_several_threads_each_keeps_its_latest():
    load, loaded, _ = loader()
    made = Prefetcher(load, cache_bytes=0, latest=2)
    for group in (0, 1, 0, 1, 2, 1, 2):
        made.get(group)
    assert loaded == [0, 1, 2]
    made.get(0)
    assert loaded == [0, 1, 2, 0]


def test_a_failed_load_is_tried_again():
    attempts = []

    def load(group: int) -> Any:
        attempts.append(group)
        if len(attempts) == 1:
            raise OSError("gone")
        return SimpleNamespace(bytes=1)

    made = Prefetcher(load, cache_bytes=10)
    with pytest.raises(OSError, match="gone"):
        made.get(3)
    assert made.get(3).bytes == 1
