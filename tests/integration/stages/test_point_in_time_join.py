"""The point-in-time join against a loop over all pairs, on both engines."""

from __future__ import annotations

import datetime
import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.choose import open_engine
from stagecraft.engines.contract import Engine
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.point_in_time_join import FeatureSet, PointInTimeJoin
from stagecraft.tracking.writer import Tracker

Commit = Callable[..., Dataset]
Row = dict[str, Any]
START = datetime.datetime(2013, 1, 1)
ZONED, LOCAL = pa.timestamp("us", "UTC"), pa.timestamp("us")


def hours(count: float | None) -> datetime.datetime | None:
    return None if count is None else START + datetime.timedelta(hours=count)


def newest(row: Row, features: list[Row], keys: dict[str, str], times: tuple[str, str], **how: Any) -> Row:
    """The feature row that belongs to a label, found by looking at every one."""
    time, key = row[times[0]], [row[left] for left in keys]
    if time is None or None in key:
        return {}
    fit = [
        feature
        for feature in features
        if feature[times[1]] is not None
        and [feature[right] for right in keys.values()] == key
        and (feature[times[1]] < time or (not how["exclusive"] and feature[times[1]] == time))
        and (how["tolerance"] is None or time - feature[times[1]] <= how["tolerance"])
    ]
    return max(fit, key=lambda feature: feature[times[1]], default={})


def table_of(rows: list[Row], types: list[pa.DataType]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema(list(zip(rows[0], types, strict=True))))


def same_rows(found: Dataset, expected: list[Row]) -> None:
    key = lambda row: repr(list(row.items()))  # noqa: E731
    assert sorted(found.table().to_pylist(), key=key) == sorted(expected, key=key)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("tolerance", [None, "90min"])
def test_sets_of_other_keys_and_times(
    bench: Workbench,
    store: Store,
    commit_rows: Commit,
    caplog: pytest.LogCaptureFixture,
    exclusive: bool,
    tolerance: str | None,
) -> None:
    """Unicode and empty keys, names that are SQL's, labels twice over, keys and times that are missing."""
    keys = ["ü", "", "a b", None]
    labels: list[Row] = [
        {"order": key, "select": number % 3, "at": hours(when), "day": START.date(), "l0": number // 2}
        for number, (key, when) in enumerate(itertools.product(keys, [0, 1.5, 2, 3.25, None]))
    ]
    labels += labels[:7]
    weather: list[Row] = [
        {"group": key, "at": hours(when), "order": None if when == 1 else f"{key}{when}", "at_": when}
        for key, when in itertools.product(["ü", "", None, "other"], [-5.0, 0.0, 1.0, 2.0, None])
    ]
    planes: list[Row] = [
        {"select": select, 'the "day"': START.date() - datetime.timedelta(days=age), "seats": [select, age]}
        for select, age in [(0, 0), (0, 1), (1, 1), (1, 40), (7, 0)]
    ]
    label_types = [pa.string(), pa.int32(), ZONED, pa.date32(), pa.int64()]
    weather_types = [pa.string(), ZONED, pa.string(), pa.float64()]
    plane_types = [pa.int64(), pa.date32(), pa.list_(pa.int64())]
    inputs = {
        name: commit_rows(store, digit, table_of(rows, types))
        for digit, name, rows, types in [
            ("a1", "labels", labels, label_types),
            ("a2", "weather", weather, weather_types),
            ("a3", "planes", planes, plane_types),
        ]
    }
    by_time = PointInTimeJoin(
        key={"order": "group"},
        time="at",
        tolerance=tolerance,
        exclusive=exclusive,
        features={"weather": FeatureSet(prefix="w ")},
    )
    with caplog.at_level(logging.WARNING):
        once = by_time.run(bench, labels=inputs["labels"], weather=inputs["weather"])["dataset"]
    assert "point_in_time_join.features.weather: 8 rows without key or time are ignored" in caplog.text
    by_day = PointInTimeJoin(
        key="select",
        time="day",
        exclusive=exclusive,
        features={"planes": FeatureSet(time='the "day"', tolerance="1d")},
    )
    both = by_day.run(bench, labels=once, planes=inputs["planes"])["dataset"]

    limit = None if tolerance is None else datetime.timedelta(minutes=90)
    stored = {name: dataset.table().to_pylist() for name, dataset in inputs.items()}
    expected = []
    for row in stored["labels"]:
        how: dict[str, Any] = {"exclusive": exclusive, "tolerance": limit}
        wind = newest(row, stored["weather"], {"order": "group"}, ("at", "at"), **how)
        how["tolerance"] = datetime.timedelta(days=1)
        seat = newest(row, stored["planes"], {"select": "select"}, ("day", 'the "day"'), **how)
        expected.append(
            {
                **row,
                **{"w order": wind.get("order"), "w at_": wind.get("at_"), "weather_time": wind.get("at")},
                **{"seats": seat.get("seats"), "planes_time": seat.get('the "day"')},
            }
        )
    assert sum(row["weather_time"] is not None for row in expected) > 5
    assert sum(row["planes_time"] is not None for row in expected) > 5
    assert isinstance(both, Dataset)
    same_rows(both, expected)


def test_columns_may_have_any_names(bench: Workbench, store: Store, commit_rows: Commit) -> None:
    """Those that the queries give to columns of their own among them."""
    labels = commit_rows(store, "c1", pa.table({"rows": [1, 2], "t": pa.array([hours(2)] * 2, ZONED)}))
    names = {"copies": [5, 6], "kind": ["x", "y"], "at": [7, 8], "l0": [1, 1], "k0": [0, 0], "i0": [3, 4]}
    times = pa.array([hours(1), hours(1)], ZONED)
    planes = commit_rows(store, "c2", pa.table({"rows": [1, 2], "t": times, **names}))
    joined = PointInTimeJoin(key="rows", time="t", features={"planes": FeatureSet()})
    found = joined.run(bench, labels=labels, planes=planes)["dataset"]
    assert isinstance(found, Dataset)
    rows = sorted(found.table().select(["rows", *names]).to_pylist(), key=lambda row: row["rows"])
    assert rows == pa.table({"rows": [1, 2], **names}).to_pylist()

    times = pa.array([hours(1), hours(1)], ZONED)
    twice = commit_rows(store, "c3", pa.table({"id": [1, 1], "rows": times}))
    renamed = PointInTimeJoin(
        key={"rows": "id"}, time="t", features={"planes": FeatureSet(time="rows", columns=[])}
    )
    with pytest.raises(InvalidInputError, match="2 rows are of the key and time id 1, rows 2013-01-01 01"):
        renamed.run(bench, labels=labels, planes=twice)


def test_refuses(bench: Workbench, store: Store, commit_rows: Commit) -> None:
    labels = commit_rows(store, "b1", pa.table({"k": ["a"], "t": pa.array([START], LOCAL), "v": [1]}))
    twice = {
        "k": ["b", "a", "ü", "ü"],
        "t": pa.array([hours(h) for h in (1, 1, 7, 7)], LOCAL),
        "v": [1, 2, 3, 4],
    }
    features = commit_rows(store, "b2", pa.table(twice))
    zoned = commit_rows(store, "b3", pa.table({"k": [1], "t": pa.array([START], ZONED)}))
    day = commit_rows(store, "b4", pa.table({"k": ["a"], "t": [START.date()]}))
    prefixed = {"f": FeatureSet(prefix="f_")}
    plain, join = (PointInTimeJoin(key="k", time="t", features=options) for options in ({}, prefixed))
    for stage, sets, message in [
        (plain, {"f": features}, r"two columns would be named 'v'.*a prefix"),
        (join, {"f": features}, r"2 rows .* k ü, t 2013-01-01 07:00"),
        (plain, {"f": zoned}, r"'k' of the labels is string, 'k' .* an integer"),
        (PointInTimeJoin(key={"v": "k"}, time="t"), {"f": zoned}, r"timestamp\[us\], 't' .*\[us, tz=UTC\]"),
        (plain, {"f": day}, r"\.time: 't' of the labels is .* date32"),
        (PointInTimeJoin(key="key", time="t"), {"f": features}, r"features\.f: .* no column 'key'"),
        (join, {"g": features}, r"features\.f: no such input"),
        (plain, {}, r"there are no features"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            stage.run(bench, labels=labels, **sets)
    days = PointInTimeJoin(key="k", time="t", tolerance="36h", features=prefixed)
    with pytest.raises(InvalidInputError, match=r"tolerance: 1 day, 12:00:00 between dates.*whole days"):
        days.run(bench, labels=day, f=day)


@pytest.fixture(scope="module")
def duckdb_engine() -> Any:
    with open_engine("duckdb") as engine:
        yield engine


EVENT = st.tuples(st.sampled_from(["", "a", "ü", None]), st.one_of(st.none(), st.integers(-3, 6)))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    labels=st.lists(EVENT, max_size=12),
    features=st.lists(EVENT, max_size=12, unique_by=lambda event: event if None not in event else object()),
    tolerance=st.one_of(st.none(), st.integers(0, 4)),
    exclusive=st.booleans(),
)
def test_any_rows(
    duckdb_engine: Engine,
    tmp_path_factory: Any,
    commit_rows: Commit,
    labels: list[Any],
    features: list[Any],
    tolerance: int | None,
    exclusive: bool,
) -> None:
    folder: Path = tmp_path_factory.mktemp("store")
    store = Store(str(folder))
    schema = pa.schema([("k", pa.string()), ("t", LOCAL), ("v", pa.int64())])

    def rows(events: list[Any]) -> list[Row]:
        return [{"k": key, "t": hours(when), "v": number} for number, (key, when) in enumerate(events)]

    left, right = rows(labels), rows(features)
    limit = None if tolerance is None else datetime.timedelta(hours=tolerance)
    stage = PointInTimeJoin(
        key="k", time="t", tolerance=limit, exclusive=exclusive, features={"f": FeatureSet(prefix="f_")}
    )
    made = stage.run(
        Workbench(duckdb_engine, store, Tracker.nowhere()),
        labels=commit_rows(store, "a", pa.Table.from_pylist(left, schema=schema)),
        f=commit_rows(store, "b", pa.Table.from_pylist(right, schema=schema)),
    )["dataset"]
    expected = []
    for row in left:
        found = newest(row, right, {"k": "k"}, ("t", "t"), exclusive=exclusive, tolerance=limit)
        expected.append({**row, "f_v": found.get("v"), "f_time": found.get("t")})
    assert isinstance(made, Dataset)
    same_rows(made, expected)
