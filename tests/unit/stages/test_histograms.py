"""Bins between quantiles, and the rows in them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from stagecraft.stages.histograms import Histogram, edges_between, labels

finite = st.floats(allow_nan=False, allow_infinity=False)
sided = st.tuples(st.none() | st.floats(), st.integers(0, 1))


def test_a_value_that_fills_bins_gets_one_of_its_own() -> None:
    edges = edges_between([0.0, 0.0, 0.0, 2.5, 4.0])
    assert edges == [0.0, math.nextafter(0, 1), 2.5, 4.0]
    assert labels(edges) == ["< 0", "= 0", "> 0 … 2.5", "2.5 … 4", "≥ 4"]
    assert labels(edges_between([7.0] * 9)) == ["< 7", "= 7", "> 7"]
    assert labels(edges_between([None] * 9)) == ["all"]
    assert str(edges_between([-0.0])) == "[0.0]"


@settings(max_examples=40, deadline=None)
@given(st.lists(finite, max_size=40), st.lists(sided, max_size=20))
def test_every_row_is_in_the_bin_of_its_value(
    ends: list[float], rows: list[tuple[float | None, int]]
) -> None:
    edges = edges_between(sorted(ends))
    rows = rows + [(edge, 1) for edge in edges]
    batch = pa.record_batch(
        {
            "q0": pa.array([value for value, _ in rows], pa.float64()),
            "q1": pa.nulls(len(rows), pa.float64()),
            "side": pa.array([side for _, side in rows], pa.int32()),
        }
    )
    found = Histogram([np.array(edges), np.zeros(0)]).apply(batch)
    expected: Counter[tuple[int, int]] = Counter()
    for value, side in rows:
        missing = value is None or math.isnan(value)
        expected[0, side if missing else 2 * (1 + sum(edge <= value for edge in edges)) + side] += 1
        expected[1, side] += 1
    assert {(row["place"], row["bin"]): row["n"] for row in found.to_pylist()} == expected
    assert len(labels(edges)) == len(edges) + 1
