"""The digits that a profile keeps of sums."""

from __future__ import annotations

import pytest

from stagecraft.stages.profile_statistics import rounded


@pytest.mark.parametrize(
    ("value", "beside", "expected"),
    [
        (1 / 3, 0.0, 0.333333333),
        (1e-17, 1.0, 0.0),
        (-1 / 3e4, 1.0, -3.333e-05),
        (1.7e308, 1e308, 1.7e308),
        (0.0, 0.0, 0.0),
        (49.990564450000004, 0.0, 49.9905645),
        (49.99056444999999, 0.0, 49.9905645),
    ],
)
def test_digits_that_a_sum_cannot_know_are_dropped(value: float, beside: float, expected: float) -> None:
    assert rounded(value, beside) == expected
