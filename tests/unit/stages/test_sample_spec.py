"""What a sample's and a split's parameters may be, and what they come to."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagecraft.errors import InvalidInputError
from stagecraft.stages.bottom_k import HIGHEST, LOWEST, hash_bounds
from stagecraft.stages.k_fold_split import KFoldSplit
from stagecraft.stages.random_split import RandomSplit
from stagecraft.stages.sample import Sample, StratifiedSample
from stagecraft.stages.sample_sizes import sizes_by_stratum

BOTH = [{"stratum": {"b": True, "a": 1}, "size": 2}, {"stratum": {"a": 2.0, "b": False}, "size": 0.5}]


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({}, "exactly one of fraction, count and sizes"),
        ({"fraction": 0.5, "count": 3}, "exactly one of fraction, count and sizes"),
        ({"fraction": 1.5}, r"sample\.fraction: .*needs replacement=True"),
        ({"fraction": 0}, r"sample\.fraction"),
        ({"fraction": float("nan")}, r"sample\.fraction"),
        ({"count": 0}, r"sample\.count"),
        ({"count": 2.5}, r"sample\.count"),
        ({"key": [], "count": 1}, r"sample\.key"),
        ({"sizes": {"A": 1}}, r"sample\.sizes: .*name their columns"),
        ({"strata": "a", "sizes": {"A": 1.5}}, r"sample\.sizes: .*needs replacement=True"),
        ({"strata": "a", "sizes": {"A": -1}}, r"sample\.sizes"),
        ({"strata": "a", "sizes": {"A": "many"}}, r"sample\.sizes"),
        ({"strata": "a", "sizes": {"A": True}}, r"sample\.sizes"),
        ({"strata": ["a", "b"], "sizes": {"A": 1}}, r"sample\.sizes: .*of 2 columns: give a list"),
        ({"strata": ["a", "c"], "sizes": BOTH}, r"sample\.sizes: .*does not name the columns \['a', 'c'\]"),
        ({"strata": ["a", "b"], "sizes": [BOTH[0], BOTH[0]]}, r"sample\.sizes: .*is there twice"),
    ],
)
def test_a_bad_size_is_refused(parameters: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        Sample.validated({"key": "id", **parameters})


def test_sizes_survive_the_jobs_file_and_name_values_of_any_type() -> None:
    by_both = Sample.validated({"key": "id", "strata": ["a", "b"], "sizes": BOTH})
    by_one = Sample.validated({"key": "id", "strata": "a", "sizes": {2: 2, True: 0.5, "ü": 0}})
    for stage in (by_both, by_one):
        again = Sample.validated(json.loads(stage.model_dump_json()))
        assert again == stage
        assert again.fingerprint({}) == stage.fingerprint({})
    assert sizes_by_stratum(by_both.sizes, ["a", "b"]) == {("1", "true"): 2, ("2", "false"): 0.5}
    assert by_both.taken({"a": 2, "b": False}, 5) == 3
    assert by_one.taken({"a": True}, 5) == 3
    assert by_one.taken({"a": "ü"}, 5) == 0
    dated = Sample.validated({"key": "id", "strata": "day", "sizes": {datetime.date(2013, 1, 2): 2}})
    assert dated.taken({"day": datetime.date(2013, 1, 2)}, 5) == 2
    with pytest.raises(InvalidInputError, match="do not name the stratum"):
        dated.taken({"day": datetime.date(2013, 1, 3)}, 5)


def test_a_stratified_sample_names_its_strata() -> None:
    with pytest.raises(InvalidInputError, match=r"stratified_sample\.strata: the parameter is missing"):
        StratifiedSample.validated({"key": "id", "fraction": 0.5})
    assert Sample.validated({"key": "id", "fraction": 2, "replacement": True}).taken({}, 4) == 8


@pytest.mark.parametrize(
    ("stage", "parameters", "match"),
    [
        (RandomSplit, {"test": 0}, r"random_split\.test"),
        (RandomSplit, {"test": 0.6, "validation": 0.4}, "together below 1"),
        (KFoldSplit, {"folds": 1, "fold": 0}, r"k_fold_split\.folds"),
        (KFoldSplit, {"folds": 3, "fold": 3}, r"k_fold_split\.fold: .*one of 0 … 2"),
    ],
)
def test_a_bad_share_is_refused(stage: Any, parameters: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInputError, match=match):
        stage.validated({"key": "id", **parameters})


@given(st.integers(0, 2**64), st.floats(0.001, 0.999), st.floats(0, 0.999))
def test_shares_never_overlap(size: int, test: float, validation: float) -> None:
    if test + validation < 1:
        first, second = RandomSplit(key="id", test=test, validation=validation).cuts(size)
        assert 0 <= first <= second <= size
        assert abs((size - second) - test * size) <= 0.5 + size * 1e-15


@given(st.integers(0, 10**6), st.integers(2, 50))
def test_folds_divide_the_keys_evenly(size: int, folds: int) -> None:
    cuts = [KFoldSplit(key="id", folds=folds, fold=fold).cuts(size) for fold in range(folds)]
    assert [cuts[0][0], *(second for _, second in cuts)] == [first for first, _ in cuts] + [size]
    assert {second - first for first, second in cuts} <= {size // folds, -(-size // folds)}


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_bounds_hold_the_cut_they_are_for(size: int, share: float) -> None:
    take = max(1, round(share * size))
    low, high = hash_bounds(size, take)
    assert LOWEST <= low < high <= HIGHEST
    assert low <= LOWEST + take * 2**64 // size <= high + 1
    if take == size:
        assert high == HIGHEST
