"""PSI, information value and weights of evidence against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagecraft.stages.divergence import divergence, kolmogorov_p, weights_of_evidence

counts = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=20)


def test_psi_of_a_worked_example() -> None:
    """Shares of 20, 30, 50 % against 30, 30, 40 %: 0.1·ln 1.5 + 0.1·ln 1.25."""
    assert divergence([20, 30, 50], [300, 300, 400]) == pytest.approx(
        0.1 * math.log(1.5) + 0.1 * math.log(1.25)
    )


def test_weights_of_evidence_of_a_worked_example() -> None:
    """Of 40 positive rows 10, 30; of 60 negative ones 40, 20: shares 1/4 against 2/3, 3/4 against 1/3."""
    found = weights_of_evidence([10, 30], [40, 20])
    assert found == pytest.approx([math.log(3 / 8), math.log(9 / 4)])
    assert divergence([10, 30], [40, 20]) == pytest.approx(
        (1 / 4 - 2 / 3) * math.log(3 / 8) + (3 / 4 - 1 / 3) * math.log(9 / 4)
    )


def test_an_empty_bin_counts_as_half_a_row() -> None:
    p, q = 0.5 / 10.5, 10 / 10.5
    assert weights_of_evidence([0, 10, 0], [5, 5, 0]) == pytest.approx(
        [math.log(p / 0.5), math.log(q / 0.5), 0]
    )
    assert divergence([0, 10, 0], [5, 5, 0]) == pytest.approx(
        (p - 0.5) * math.log(p / 0.5) + (q - 0.5) * math.log(q / 0.5)
    )


def test_one_side_without_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rows to compare: 0 and 3"):
        divergence([0, 0], [1, 2])


@given(counts)
def test_divergence_is_symmetric_and_never_below_zero(pairs: list[tuple[int, int]]) -> None:
    a, b = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if not sum(a) or not sum(b):
        return
    assert divergence(a, b) >= 0
    assert divergence(a, b) == pytest.approx(divergence(b, a))
    assert divergence(a, a) == 0


@pytest.mark.parametrize(("quantile", "probability"), [(1.2238, 0.1), (1.3581, 0.05), (1.6276, 0.01)])
def test_the_probability_of_a_distance_is_as_tabled(quantile: float, probability: float) -> None:
    """Smirnov's table of 1948."""
    rows, other = 300, 500
    distance = quantile / math.sqrt(rows * other / (rows + other))
    assert kolmogorov_p(distance, rows, other) == pytest.approx(probability, rel=1e-3)
