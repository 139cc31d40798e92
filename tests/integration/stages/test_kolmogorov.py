"""The distance of two distribution functions where few values may be held: exact, in rounds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagecraft.engines.contract import Engine
from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.stages import kolmogorov
from stagecraft.stages.counted import Source
from stagecraft.stages.kolmogorov import kolmogorov_smirnov

NASTY = [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, -1.7976931348623157e308]


def distances(engine: Engine, sides: list[dict[str, np.ndarray]]) -> dict[str, float]:
    sources = [
        Source(engine.table(pa.table(side)), 1, a=str(1 - number)) for number, side in enumerate(sides)
    ]
    counts = {
        name: (int((~np.isnan(sides[0][name])).sum()), int((~np.isnan(sides[1][name])).sum()))
        for name in sides[0]
    }
    return kolmogorov_smirnov(engine, sources, counts)


def expected(a: np.ndarray, b: np.ndarray) -> float:
    a, b = np.sort(a[~np.isnan(a)]), np.sort(b[~np.isnan(b)])
    points = np.concatenate([a, b])
    below = [np.searchsorted(side, points, side="right") / len(side) for side in (a, b)]
    return float(abs(below[0] - below[1]).max())


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold so few values that the search takes rounds."""
    monkeypatch.setattr(kolmogorov, "HELD", 60)
    monkeypatch.setattr(kolmogorov, "SAMPLE", 32)
    monkeypatch.setattr(kolmogorov, "REFINED", 3)


def test_many_columns(engine: Engine, narrow: None) -> None:
    draw = np.random.default_rng(3)
    rows = 300
    a = {
        "near": draw.normal(0, 1, rows),
        "moved": draw.normal(1, 1, rows),
        "ties": draw.integers(0, 3, rows).astype(float),
        "one": np.full(rows, 7.5),
        "ends": draw.choice([np.inf, -np.inf, np.nan, 0.0], rows),
    }
    b = {name: draw.permutation(values)[: rows - 37] for name, values in a.items()} | {
        "moved": draw.normal(0, 1, rows - 37)
    }
    found = distances(engine, [a, b])
    assert found == pytest.approx({name: expected(a[name], b[name]) for name in a}, abs=1e-12)
    assert found["one"] == 0 < found["ties"] < found["moved"]


@pytest.fixture(scope="module")
def duckdb() -> DuckDBEngine:
    return DuckDBEngine(threads=1)


values = st.lists(st.sampled_from(NASTY) | st.floats(-2, 2).map(lambda x: round(x, 1)), max_size=80)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values, values)
def test_any_columns(duckdb: DuckDBEngine, narrow: None, a: list[float], b: list[float]) -> None:
    sides = np.array([*a, 1.0]), np.array([*b, 1.0])
    [found] = distances(duckdb, [{"x": sides[0]}, {"x": sides[1]}]).values()
    assert found == pytest.approx(expected(*sides), abs=1e-12)
