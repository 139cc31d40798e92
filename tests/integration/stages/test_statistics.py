"""Profile, drift and information value of nasty columns: exact, and the same on every engine."""

from __future__ import annotations

import datetime
import decimal
import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.report import Report
from stagecraft.artifacts.store import Store
from stagecraft.engines.contract import Engine
from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.errors import InvalidInputError
from stagecraft.stages import kolmogorov, sorted_columns
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.drift import Drift
from stagecraft.stages.information_value import InformationValue
from stagecraft.stages.profile import Profile
from stagecraft.stages.profile_statistics import QUANTILES
from stagecraft.tracking.writer import Tracker

Commit = Callable[..., Dataset]
CITY = 'the "city" `of` \\ <b>'
CITIES = ["", "it's", "köln", "日本", "b\\n", "<script>alert(1)</script>"]
ROWS = 600


def nasty(seed: int, shift: float = 0.0) -> pa.Table:
    draw = np.random.default_rng(seed)
    wind = draw.normal(shift, 1, ROWS)
    for value, share in ((np.nan, 0.05), (np.inf, 0.02), (-np.inf, 0.02)):
        wind[draw.random(ROWS) < share] = value
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    seconds = draw.integers(0, 4000, ROWS) / 4
    return pa.table(
        {
            "wind": pa.array(wind, mask=draw.random(ROWS) < 0.1),
            "void": pa.nulls(ROWS, pa.float64()),
            "void text": pa.nulls(ROWS, pa.string()),
            "one": [7.5] * ROWS,
            "single": np.linspace(-1, 1, ROWS).astype(np.float32),
            "huge": draw.choice([1.7e308, -1.7e308, 1e-310], ROWS),
            "select": draw.integers(0, 5, ROWS).astype(np.int32),
            "big": draw.integers(2**60, 2**62, ROWS),
            CITY: pa.array(draw.choice(CITIES, ROWS), mask=draw.random(ROWS) < 0.1),
            "id": [f"row-{seed}-{row}" for row in range(ROWS)],
            "flag": pa.array(draw.random(ROWS) < 0.3, mask=draw.random(ROWS) < 0.05),
            "price": pa.array(
                [decimal.Decimal(int(value)).scaleb(-2) for value in draw.integers(-9999, 99999, ROWS)],
                pa.decimal128(10, 2),
            ),
            "zeros": np.where(draw.random(ROWS) < 0.6, -0.0, draw.exponential(1, ROWS)),
            "day": [datetime.date(2020, 1, 1) + datetime.timedelta(int(day)) for day in seconds],
            "at": pa.array(
                [begin + datetime.timedelta(seconds=second) for second in seconds],
                pa.timestamp("us", "Europe/Berlin"),
            ),
            "list": [[1, 2]] * ROWS,
            "bytes": [b"x"] * ROWS,
            "late": draw.integers(0, 2, ROWS),
        }
    )


def run(bench: Workbench, stage: Stage, **inputs: Dataset) -> tuple[Report, Any]:
    """Run a stage; return its report, and its results as they were on DuckDB too."""
    name = f"{stage.name}.json"
    report = stage.run(bench, **inputs)["report"]
    assert isinstance(report, Report)
    found = report.read_json(name)
    if bench.engine.name != "duckdb":
        with DuckDBEngine() as engine:
            elsewhere = Workbench(engine, Store(f"{bench.store.root}-duckdb"), Tracker.nowhere())
            expected = stage.run(elsewhere, **inputs)["report"].read_json(name)
        assert json.dumps(found, indent=1) == json.dumps(expected, indent=1)
    page = report.html()
    assert "<script" not in page
    assert "<b>alert" not in page
    return report, found


def by_queries(monkeypatch: pytest.MonkeyPatch, bench: Workbench, stage: Stage, **inputs: Dataset) -> Any:
    """The results of a stage that may not hold columns, and few of their values."""
    with monkeypatch.context() as patched:
        patched.setattr(sorted_columns, "HELD", 0)
        patched.setattr(kolmogorov, "HELD", 900)
        patched.setattr(kolmogorov, "SAMPLE", 100)
        return stage.run(bench, **inputs)["report"].read_json(f"{stage.name}.json")


def test_profile(
    bench: Workbench, store: Store, commit_rows: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = nasty(1)
    dataset = commit_rows(store, "a1", table)
    report, found = run(bench, Profile(top=3), dataset=dataset)
    assert by_queries(monkeypatch, bench, Profile(top=3, title="Again"), dataset=dataset) == found
    columns = {column["name"]: column for column in found}
    assert list(columns) == table.column_names
    for name, column in columns.items():
        assert column["missing"] == table[name].null_count
        assert column["profiled"] == (name not in ("list", "bytes"))
    for name in ("wind", "one", "single", "select", "price", "zeros", "late"):
        values = np.array([float(value) for value in table[name].to_pylist() if value is not None])
        sure = values[np.isfinite(values)]
        column = columns[name]
        assert column["mean"] == pytest.approx(sure.mean(), rel=1e-8)
        assert column["deviation"] == pytest.approx(sure.std(), rel=1e-8)
        assert (column["min"], column["max"]) == (sure.min(), sure.max())
        quantiles = [column["quantiles"][f"{share:.0%}"] for share in QUANTILES]
        assert quantiles == pytest.approx(list(np.quantile(sure, QUANTILES)))
        assert column["zeros"] == (sure == 0).sum()
        assert column["distinct"] == len(set(values[~np.isnan(values)] + 0.0))
        assert sum(column["bars"][1]) == len(sure)
    wind = np.array([value for value in table["wind"].to_pylist() if value is not None])
    assert columns["wind"]["nan"] == np.isnan(wind).sum() > 0
    assert columns["wind"]["infinite"] == np.isinf(wind).sum() > 0
    assert columns["zeros"]["top"][0] == ["0", int((table["zeros"].to_numpy() == 0).sum())]
    assert columns["huge"]["deviation"] == pytest.approx(
        1.7e308 * np.std(np.sign(table["huge"].to_numpy()) * (table["huge"].to_numpy() != 1e-310)), rel=1e-8
    )
    assert columns["big"]["distinct"] == len(set(table["big"].to_pylist()))
    assert columns["big"]["max"] == max(table["big"].to_pylist())
    for name in (CITY, "flag"):
        counts = Counter(str(value) for value in table[name].to_pylist() if value is not None)
        shown = {str(value).lower() if name == "flag" else value: n for value, n in counts.items()}
        expected = sorted(shown.items(), key=lambda entry: (-entry[1], entry[0].encode()))[:3]
        assert [tuple(entry) for entry in columns[name]["top"]] == expected
    assert columns[CITY]["empty"] == table[CITY].to_pylist().count("")
    assert columns[CITY]["length"] == [0, len(CITIES[-1])]
    assert columns["void text"]["distinct"] == columns["void"]["distinct"] == 0
    assert columns["day"]["min"] == str(min(table["day"].to_pylist()))
    assert columns["at"]["max"] == str(max(table["at"].to_pylist()).astimezone(datetime.UTC))
    assert columns["at"]["distinct"] == len(set(table["at"].to_pylist()))
    assert report.metrics["empty"] == 2
    assert report.metrics["max_missing"] == 1

    with pytest.raises(InvalidInputError, match=r"profile\.columns: the dataset has no column 'wnd'"):
        Profile(columns=["wnd"]).run(bench, dataset=dataset)


def test_drift(bench: Workbench, store: Store, commit_rows: Commit, monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.stats import ks_2samp

    now, before = nasty(1, shift=0.7).append_column("new", [[1] * ROWS]), nasty(2)
    rows, reference = commit_rows(store, "a2", now), commit_rows(store, "a3", before)
    stage = Drift(ks=0.2, thresholds={"late": {"psi": 0.0, "ks": None}, CITY: {"psi": 0.5}}, categories=4)
    report, found = run(bench, stage, dataset=rows, reference=reference)
    again = stage.model_copy(update={"title": "Again"})
    assert by_queries(monkeypatch, bench, again, dataset=rows, reference=reference) == found
    columns = {column["name"]: column for column in found["columns"]}
    assert set(found["not_compared"]) == {"day", "at", "list", "bytes", "new"}
    for name in ("wind", "one", "select", "price", "zeros", "late"):
        a, b = (
            np.array([float(value) for value in side[name].to_pylist() if value is not None])
            for side in (now, before)
        )
        a, b = a[~np.isnan(a)], b[~np.isnan(b)]
        expected = ks_2samp(a, b, method="asymp")
        assert columns[name]["ks"] == pytest.approx(expected.statistic, abs=1e-12)
        assert columns[name]["p"] == pytest.approx(expected.pvalue, abs=0.02)

        sure = b[np.isfinite(b)]
        edges = sorted({edge for part in range(1, 10) for edge in [float(np.quantile(sure, part / 10))]})
        if name in ("wind", "price"):  # No value of theirs fills a bin.
            missing = ROWS - len(a), ROWS - len(b)
            counts = [
                np.bincount(np.searchsorted(edges, side, side="right"), minlength=10) for side in (a, b)
            ]
            bins = [np.array([lost, *count]) for lost, count in zip(missing, counts, strict=True)]
            shares = [side / ROWS for side in bins]
            assert min(map(min, bins)) > 0 or name == "price"  # Prices are never missing.
            kept = bins[0] + bins[1] > 0
            p, q = (share[kept] for share in shares)
            psi = ((p - q) * np.log(p / q)).sum()
            assert columns[name]["psi"] == pytest.approx(psi)
    assert [b["label"] for b in columns["late"]["bins"]] == [*(None, "< 0", "= 0", "> 0 … 1", "= 1", "> 1")]
    assert columns["void"]["ks"] is None
    assert columns["void"]["psi"] == columns["one"]["psi"] == columns["one"]["ks"] == 0
    assert [b["label"] for b in columns["one"]["bins"]] == [None, "< 7.5", "= 7.5", "> 7.5"]
    ids = columns["id"]
    assert (ids["unseen"], ids["unseen_rows"]) == (ROWS, ROWS)
    assert ids["unseen_top"][0] == ["row-1-0", 1]
    assert [(b["label"], b["a"], b["b"]) for b in ids["bins"]] == [(None, 0, 0), ("other values", ROWS, ROWS)]
    counts = Counter(before[CITY].to_pylist())
    kept = sorted((value for value in counts if value is not None), key=lambda v: (-counts[v], v.encode()))
    assert [b["label"] for b in columns[CITY]["bins"]] == [None, *kept[:4], "other values"]
    assert [b["b"] for b in columns[CITY]["bins"][:5]] == [counts[value] for value in (None, *kept[:4])]
    assert sum(b["a"] for b in columns[CITY]["bins"]) == ROWS

    drifted = {name for name, column in columns.items() if column["faults"]}
    assert drifted == {"wind", "late"} == set(report.meta["faults"])
    assert found["columns"][0]["name"] == "wind"
    assert columns["wind"]["faults"][0].startswith("PSI 0.")
    assert report.metrics["drifted"] == 2
    assert report.metrics["max_ks"] == columns["wind"]["ks"] > 0.2
    assert report.metrics["max_unseen"] == 1


def test_drift_of_one_row_and_what_is_refused(bench: Workbench, store: Store, commit_rows: Commit) -> None:
    one = commit_rows(store, "a4", pa.table({"x": [1.0], "who": ["a"], "d": [datetime.date(2020, 1, 1)]}))
    other = commit_rows(store, "a5", pa.table({"x": [2.0], "who": ["b"], "d": [datetime.date(2020, 1, 1)]}))
    _, found = run(bench, Drift(min_count=1), dataset=one, reference=other)
    psi = (2 / 3 - 1 / 3) * math.log(2) * 2
    columns = {column["name"]: column for column in found["columns"]}
    assert columns["x"]["psi"] == columns["who"]["psi"] == pytest.approx(psi)
    assert columns["x"]["ks"] == 1
    assert columns["who"]["unseen_top"] == [["a", 1]]
    text = commit_rows(store, "a6", pa.table({"x": ["1"], "who": ["b"]}))
    for stage, against, message in (
        (Drift(), text, r"drift\.columns\.x: it is double in the dataset and string in the reference"),
        (Drift(columns=["d"]), other, r"drift\.columns\.d: it is of type date32"),
        (Drift(columns=["y"]), other, r"in dataset\): the dataset has no column 'y'"),
        (Drift(thresholds={"who": {"ks": 0.1}}), other, r"drift\.thresholds\.who\.ks: it is of type string"),
        (Drift(thresholds={"y": {"psi": 0.1}}), other, r"drift\.thresholds\.y: the column is not compared"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            stage.run(bench, dataset=one, reference=against)


def test_information_value(engine: Engine, bench: Workbench, store: Store, commit_rows: Commit) -> None:
    table = nasty(1)
    late = np.nan_to_num(table["wind"].to_numpy(zero_copy_only=False), nan=1) > 0.5
    table = table.set_column(table.column_names.index("late"), "late", pa.array(np.where(late, "it's", "no")))
    dataset = commit_rows(store, "a7", table)
    report, found = run(bench, InformationValue(label="late", min_count=1), dataset=dataset)
    assert found["positive"] == "no"
    columns = {column["name"]: column for column in found["columns"]}
    assert found["columns"][0]["name"] == "wind"
    assert report.metrics["positives"] == (~late).sum()
    assert report.metrics["max_iv"] == columns["wind"]["information_value"] > 1
    for value, row in zip(columns[CITY]["bins"], columns[CITY]["woe"], strict=True):
        chosen = np.array([city == value["label"] for city in table[CITY].to_pylist()])
        positive, negative = (chosen & ~late).sum(), (chosen & late).sum()
        assert (value["a"], value["b"]) == (positive, negative)
        assert row == pytest.approx(math.log(positive / (~late).sum() / (negative / late.sum())))
    assert all(sum(b["a"] + b["b"] for b in column["bins"]) == ROWS for column in found["columns"])
    assert columns["void"]["information_value"] == columns["one"]["information_value"] == 0
    for stage, message in (
        (InformationValue(label="select"), r"'select' has not two values but 0, 1, 2"),
        (InformationValue(label="flag"), r"information_value\.label: \d+ labels are missing"),
        (InformationValue(label="late", columns=["late"]), "'late' is the label"),
        (InformationValue(label="late", columns=["day"]), r"information_value\.columns\.day: it is of type"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            stage.run(bench, dataset=dataset)
