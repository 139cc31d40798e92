"""Metrics against their definitions, row by row and pair by pair."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagecraft.stages import metrics

ROWS = st.lists(
    st.tuples(st.booleans(), st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1))),
    min_size=2,
    max_size=30,
).filter(lambda rows: len({positive for positive, _ in rows}) == 2)
quickly = settings(max_examples=60, deadline=None)


def arrays(rows: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows], dtype=np.float64)


@quickly
@given(rows=ROWS)
def test_ranking_equals_its_definitions(rows: list[tuple[bool, float]]) -> None:
    positive, score = arrays(rows)
    found = metrics.ranking(positive, score)
    ups, downs = score[positive], score[~positive]
    pairs = [1.0 if up > down else 0.5 if up == down else 0.0 for up in ups for down in downs]
    assert found["auc"] == pytest.approx(np.mean(pairs), abs=1e-12)
    clipped = np.clip(score, np.finfo(float).eps, 1 - np.finfo(float).eps)
    losses = [-math.log(p if hit else 1 - p) for hit, p in zip(positive, clipped, strict=True)]
    assert found["log_loss"] == pytest.approx(np.mean(losses), rel=1e-9)
    assert found["brier"] == pytest.approx(np.mean((score - positive) ** 2), abs=1e-12)
    distances = [abs(np.mean(ups >= cut) - np.mean(downs >= cut)) for cut in score]
    assert found["ks"] == pytest.approx(max(distances), abs=1e-12)
    area, before = 0.0, 0.0
    for cut in sorted(set(score), reverse=True):
        chosen = score >= cut
        recall = positive[chosen].sum() / positive.sum()
        area, before = area + (recall - before) * positive[chosen].mean(), recall
    assert found["average_precision"] == pytest.approx(area, abs=1e-12)
    assert all(math.isfinite(value) for value in found.values())


@quickly
@given(rows=ROWS, seed=st.integers(0, 100))
def test_the_order_of_rows_changes_no_digit(rows: list[tuple[bool, float]], seed: int) -> None:
    positive, score = arrays(rows)
    order = np.random.default_rng(seed).permutation(len(rows))
    assert metrics.ranking(positive, score) == metrics.ranking(positive[order], score[order])


def test_a_weight_counts_like_repeated_rows() -> None:
    positive, score = np.array([True, False, True, False]), np.array([0.9, 0.4, 0.4, 0.1])
    weight = np.array([1, 3, 2, 1])
    weighted = metrics.ranking(positive, score, weight.astype(float))
    assert weighted == pytest.approx(metrics.ranking(np.repeat(positive, weight), np.repeat(score, weight)))


@quickly
@given(rows=ROWS, threshold=st.floats(0, 1))
def test_decisions_equal_scikit_learns(rows: list[tuple[bool, float]], threshold: float) -> None:
    from sklearn import metrics as reference

    positive, score = arrays(rows)
    counts = metrics.confusion(positive, score, threshold)
    predicted = score >= threshold
    assert list(counts) == reference.confusion_matrix(positive, predicted).ravel().tolist()
    found = metrics.decisions(counts)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(positive, predicted))
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        positive, predicted, average="binary", zero_division=0
    )
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((precision, recall, f1))


@quickly
@given(rows=ROWS, bins=st.integers(1, 12))
def test_calibration_bins_hold_every_row_once(rows: list[tuple[bool, float]], bins: int) -> None:
    positive, score = arrays(rows)
    found = metrics.calibration(positive, score, bins)
    assert found.rows.sum() == len(rows)
    assert (found.rows > 0).all()
    assert len(found.rows) <= bins
    assert (np.diff(found.predicted) > 0).all()
    assert (found.observed * found.rows).sum() == pytest.approx(positive.sum())


def test_calibration_bins_are_about_equally_full() -> None:
    score = np.random.default_rng(0).random(10_000)
    assert metrics.calibration(score > 0.5, score).rows.tolist() == [1000] * 10


def test_curves_are_thinned_and_keep_their_ends() -> None:
    draw = np.random.default_rng(0)
    score = draw.random(50_000)
    positive = draw.random(50_000) < score
    for curve in (metrics.roc(positive, score, 100), metrics.precision_recall(positive, score, 100)):
        assert 50 <= len(curve.x) == len(curve.y) <= 102
        assert (np.diff(curve.x) >= 0).all()
        assert curve.x[-1] == 1
    assert np.trapezoid(*metrics.roc(positive, score, 100)[::-1]) == pytest.approx(
        metrics.ranking(positive, score)["auc"], abs=1e-3
    )
