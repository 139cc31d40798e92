from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stagecraft.serving.manifest import UnknownModelError, Version
from stagecraft.serving.table import ModelTable
from stagecraft.serving.traffic import Alias, Bounds, place

Rule = Callable[..., None]


def test_a_canary_takes_its_percentage(table: ModelTable, rule: Rule) -> None:
    rule(split={"1": 10, "2": 25})
    found = Counter(table.route("late").version for _ in range(20_000))
    # Five standard deviations.
    assert abs(found["1"] - 2000) < 5 * (20_000 * 0.1 * 0.9) ** 0.5
    assert abs(found["2"] - 5000) < 5 * (20_000 * 0.25 * 0.75) ** 0.5
    assert {table.route("late", version).version for version in "123"} == {"1", "2", "3"}


def test_a_key_meets_the_same_version_and_stays_there_as_the_share_grows(
    table: ModelTable, rule: Rule
) -> None:
    keys = [f"user-{number}" for number in range(4000)]
    rule(split={"1": 10}, salt="spring")
    first = {key for key in keys if table.route("late", key=key).version == "1"}
    assert first == {key for key in keys if table.route("late", None, key).version == "1"}
    assert abs(len(first) - 400) < 5 * (4000 * 0.09) ** 0.5
    rule(split={"1": 30}, salt="spring")
    assert first < {key for key in keys if table.route("late", key=key).version == "1"}
    rule(split={"1": 10}, salt="autumn")
    assert first != {key for key in keys if table.route("late", key=key).version == "1"}


def test_a_place_never_changes() -> None:
    # Computed once with b2sum: other processes, versions and machines must agree.
    import hashlib

    digest = hashlib.new("blake2b", digest_size=8)
    digest.update(b"spring\0user-1")
    assert place("user-1", "spring") == pytest.approx(int(digest.hexdigest(), 16) / 2**64)
    assert 0 <= place("\ud800") < 1


def test_a_shadow_comes_with_the_route(table: ModelTable, rule: Rule) -> None:
    rule(split={"1": 50}, shadow="2")
    for key in "abcdefgh":
        shadow = table.route("late", key=key).shadow
        assert shadow is not None
        assert shadow[0] == "2"
    assert table.route("late", "1").shadow is None
    assert table.route("late", "default", "a").shadow is not None


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"version": "a", "split": {"b": 60, "c": 41}}, "101 percent"),
        ({"version": "a", "split": {"a": 10}}, "'a' answers already"),
        ({"version": "a", "shadow": "a"}, "'a' answers already"),
        ({"version": "a", "split": {"b": 10}, "shadow": "b"}, "cannot both"),
        ({"version": "a", "split": {"b": 0}}, "greater than 0"),
        ({"version": "a", "bounds": {}}, "error_rate, latency_seconds or psi"),
    ],
)
def test_rules_that_make_no_sense_are_refused(fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Alias.model_validate(fields)
    assert Bounds(error_rate=0).min_requests > 0


def test_a_candidate_that_is_not_loaded_takes_no_request(table: ModelTable, rule: Rule, commit: Any) -> None:
    store = table.loader.store
    bad = commit(store, "4")
    Path(store.strip(bad.file_uri("golden.parquet"))).unlink()
    artifact = Version(uri=bad.uri, fingerprint=bad.fingerprint)
    table.file.update(lambda manifest: manifest.deployed("late", "4", artifact, alias=None))
    rule(split={"4": 50}, shadow=None)
    assert {table.route("late").version for _ in range(100)} == {"3"}
    assert "golden.parquet" in str(table.error)


def test_routes_of_unknown_names(table: ModelTable) -> None:
    for name, version in (("later", None), ("late", "9"), ("late", "canary")):
        with pytest.raises(UnknownModelError, match=r"'1', '2', '3', 'default'|'late'"):
            table.route(name, version)


def test_a_route_costs_about_a_microsecond(table: ModelTable) -> None:
    begun = time.process_time()
    for _ in range(50_000):
        table.route("late")
    assert (time.process_time() - begun) / 50_000 < 5e-6


def test_what_is_taken_out_is_freed(table: ModelTable) -> None:
    gone = weakref.ref(table.route("late", "1").predictor)
    table.file.update(lambda manifest: manifest.without("late", "1"))
    asyncio.run(table.refresh())
    gc.collect()
    assert gone() is None
    assert "1" not in table.state()[1]["late"]
