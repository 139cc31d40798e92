"""Exact quantiles are numpy's, whatever the values, however many scans they take."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.stages import quantiles
from stagecraft.stages.quantiles import exact_quantiles, interpolate

PROBABILITIES = [0.0, 0.01, 0.25, 1 / 3, 0.5, 0.75, 0.999, 1.0]
MANY = [place / 50 for place in range(51)]
VALUES = st.one_of(
    st.floats(width=64),
    st.integers(-3, 3).map(float),
    st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1e308, -1e308]),
)


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    with DuckDBEngine() as opened:
        yield opened


def expected(values: np.ndarray, probabilities: list[float]) -> list[float | None]:
    """numpy's, of the values that are not missing; where infinities are at hand, by rank."""
    present = np.sort(values[~np.isnan(values)])
    if not len(present):
        return [None] * len(probabilities)
    if np.isfinite(present).all() and np.ptp(present) < 1e308:
        return [float(value) for value in np.quantile(present, probabilities)]
    made: list[float | None] = []
    for probability in probabilities:
        place = (len(present) - 1) * probability
        low, high = present[math.floor(place)], present[math.ceil(place)]
        made.append(interpolate(float(low), float(high), place - math.floor(place)))
    return made


def check(engine: DuckDBEngine, columns: dict[str, np.ndarray], probabilities: list[float]) -> None:
    rows = engine.table(pa.table(columns))
    requests = {
        name: (f"nullif(CAST({name} AS DOUBLE), CAST('NaN' AS DOUBLE))", probabilities) for name in columns
    }
    found = exact_quantiles(engine, rows, requests)
    for name, values in columns.items():
        assert found[name] == expected(values, probabilities), name


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(VALUES, VALUES), max_size=60), share=st.sampled_from([1, 4, 16]))
def test_any_values(engine: DuckDBEngine, rows: list[tuple[float, float]], share: int) -> None:
    a, b = (np.array([row[place] for row in rows], dtype=np.float64) for place in (0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantiles, "SAMPLE", max(len(rows) // share, 1))
        for probabilities in (PROBABILITIES, MANY):
            check(engine, {"a": a, "b": b}, probabilities)


@pytest.mark.parametrize("probabilities", [[0.5], PROBABILITIES, MANY], ids=["median", "few", "many"])
def test_many_rows(engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch, probabilities: list[float]) -> None:
    """Sorted, tied, sparse and skewed columns; scans that hold only a few columns; bad first brackets."""
    random = np.random.default_rng(3)
    rows = 150_000
    normal = random.normal(size=rows)
    columns = {
        "normal": normal,
        "ascending": np.arange(rows, dtype=np.float64),
        "constant": np.full(rows, 7.5),
        "zeros": np.where(random.random(rows) < 0.97, 0, normal),
        "digits": random.integers(0, 10, rows).astype(np.float64),
        "skewed": np.exp(8 * normal),
        "missing": np.full(rows, np.nan),
        "rare": np.where(random.random(rows) < 1e-4, normal, np.nan),
        "infinite": np.where(random.random(rows) < 0.4, np.inf, normal),
    }
    monkeypatch.setattr(quantiles, "SAMPLE", 4096)
    monkeypatch.setattr(quantiles, "HELD", 30_000)
    check(engine, columns, probabilities)
    monkeypatch.setattr(quantiles, "SIGMAS", 0.01)
    check(engine, columns, probabilities)


def test_no_rows_and_nothing_asked(engine: DuckDBEngine) -> None:
    rows = engine.table(pa.table({"x": pa.array([], pa.float64())}))
    assert exact_quantiles(engine, rows, {"x": ("x", [0.5, 1.0]), "y": ("x", [])}) == {
        "x": [None, None],
        "y": [],
    }
    assert exact_quantiles(engine, rows, {}) == {}
