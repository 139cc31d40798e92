"""Bins between quantiles, and the cells that show numbers."""

from __future__ import annotations

import math

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagecraft.stages.column_table import bars, percent, row, short
from stagecraft.stages.profile import _rounded
from stagecraft.stages.value_counts import _bin, edges_between, labels

finite = st.floats(allow_nan=False, allow_infinity=False)


def test_a_value_that_fills_bins_gets_one_of_its_own() -> None:
    edges = edges_between([0.0, 0.0, 0.0, 2.5, 4.0])
    assert edges == [0.0, math.nextafter(0, 1), 2.5, 4.0]
    assert labels(edges) == ["< 0", "= 0", "> 0 … 2.5", "2.5 … 4", "≥ 4"]
    assert labels(edges_between([7.0] * 9)) == ["< 7", "= 7", "> 7"]
    assert labels(edges_between([None] * 9)) == ["all"]
    assert str(edges_between([-0.0])) == "[0.0]"


@settings(max_examples=40, deadline=None)
@given(st.lists(finite, max_size=40), st.lists(finite, min_size=1, max_size=20))
def test_bisection_finds_the_bin(ends: list[float], values: list[float]) -> None:
    edges = edges_between(sorted(ends))
    asked = [*values, *edges]
    rows = ", ".join(f"(CAST('{value!r}' AS DOUBLE))" for value in asked)
    sql = f"SELECT x, {_bin('x', edges, 1)} FROM (VALUES {rows}) AS t (x)"
    for value, found in duckdb.sql(sql).fetchall():
        assert found == 1 + sum(edge <= value for edge in edges)
    assert len(labels(edges)) == len(edges) + 1


@pytest.mark.parametrize(
    ("value", "beside", "expected"),
    [
        (1 / 3, 0.0, 0.333333333),
        (1e-17, 1.0, 0.0),
        (-1 / 3e4, 1.0, -3.333e-05),
        (1.7e308, 1e308, 1.7e308),
        (0.0, 0.0, 0.0),
    ],
)
def test_digits_that_a_sum_cannot_know_are_dropped(value: float, beside: float, expected: float) -> None:
    assert _rounded(value, beside) == expected


def test_cells_escape_and_stay_short() -> None:
    made = row("<script>", '"type"', ["<flag>"], [], alarm=True) + bars([1, -1], ["<b>", "&"])
    assert "<script>" not in made
    assert "<flag>" not in made
    assert "<b>" not in made
    assert [short(value) for value in (0, 1e308, -1.5e-310, 123456, 1234.56, 0.5, None)] == [
        *("0", "1e308", "-1.5e-310", "123,456", "1,234.6", "0.5", "–")
    ]
    assert [percent(part, 10_000) for part in (0, 1, 5000, 9999, 10_000)] == [
        *("0 %", "< 0.1 %", "50 %", "> 99.9 %", "100 %")
    ]
