"""Vocabularies, filling, and target means, against counts by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagecraft.errors import InvalidInputError
from stagecraft.stages.category_counts import Counts
from stagecraft.stages.encodings import Count, TargetEncode

FOLDS = 3
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.sampled_from(["a", "b", "", "ü"])),
        st.integers(0, FOLDS - 1),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=40,
)


def counted(rows: list[tuple[str | None, int, int]]) -> Counts:
    groups = sorted({(value, fold) for value, fold, _ in rows}, key=repr)
    table = pa.table(
        {
            "value": pa.array([value for value, _ in groups], pa.string()),
            "fold": pa.array([fold for _, fold in groups], pa.int32()),
            "count": [sum(row[:2] == group for row in rows) for group in groups],
            "total": [sum(row[2] for row in rows if row[:2] == group) for group in groups],
        }
    )
    return Counts.of(table, FOLDS)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, fill=st.sampled_from([None, "a", "new", "most_frequent"]))
def test_the_vocabulary_is_ordered_by_count_then_bytes(
    rows: list[tuple[str | None, int, int]], fill: str | None
) -> None:
    values = [value for value, _, _ in rows]
    order = sorted({v for v in values if v is not None}, key=lambda v: (-values.count(v), v.encode()))
    if fill == "most_frequent" and not order:
        with pytest.raises(InvalidInputError, match="every value is missing"):
            counted(rows).filled("encode.columns.x", fill)
        return
    counts = counted(rows).filled("encode.columns.x", fill)
    replaced = order[0] if fill == "most_frequent" else fill
    values = [replaced if value is None else value for value in values]
    order = sorted({v for v in values if v is not None}, key=lambda v: (-values.count(v), v.encode()))
    assert counts.values.to_pylist() == order
    assert counts.counts.tolist() == [values.count(value) for value in order]
    assert (counts.missing, counts.rows, counts.fill) == (values.count(None), len(rows), replaced)
    assert counts.frequent(2) == [value for value in order if values.count(value) >= 2]
    assert counts.frequent(top=1) == order[:1]


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, smoothing=st.sampled_from([0.0, 1.0, 10.0]))
def test_target_means_are_those_of_the_rows_of_other_folds(
    rows: list[tuple[str | None, int, int]], smoothing: float
) -> None:
    step, counts = TargetEncode(key="id", folds=FOLDS, smoothing=smoothing), counted(rows)

    def mean(value: str | None, others: list[tuple[str | None, int, int]]) -> Fraction:
        prior = Fraction(sum(label for _, _, label in others), len(others))
        labels = [label for each, _, label in others if each == value]
        weight = len(labels) + Fraction(smoothing)
        return (sum(labels) + Fraction(smoothing) * prior) / weight if weight else prior

    texts = pa.array([value for value, _, _ in rows] + ["never seen"], pa.string())
    batch = pa.RecordBatch.from_pydict({"x": texts, "fold": [fold for _, fold, _ in rows] + [0]})
    [found] = step.fit(["x"], "x_target", counts).apply(batch)
    expected = [mean(value, rows) for value in texts.to_pylist()]
    np.testing.assert_array_equal(found.to_numpy(), np.array(expected, dtype=np.float64).astype(np.float32))
    if len({fold for _, fold, _ in rows}) == 1:
        with pytest.raises(InvalidInputError, match=r"x_target\.key: all \d+ rows are in one fold, by 'id'"):
            step.out_of_fold(["x"], "x_target", counts, "fold")
        return
    [found] = step.out_of_fold(["x"], "x_target", counts, "fold").apply(batch)
    expected = [mean(value, [row for row in rows if row[1] != fold]) for value, fold, _ in rows]
    np.testing.assert_allclose(found.to_numpy()[:-1], np.array(expected, dtype=np.float64), rtol=1e-6)


def test_a_missing_value_is_counted_and_an_unseen_one_is_zero() -> None:
    counts = counted([("a", 0, 0), ("a", 1, 1), (None, 0, 0), ("b", 2, 0)])
    batch = pa.RecordBatch.from_pydict({"x": ["a", "b", None, "c"]})
    assert Count().fit(["x"], "x_count", counts).apply(batch)[0].to_pylist() == [2, 1, 1, 0]
    assert Count(normalize=True).fit(["x"], "s", counts).apply(batch)[0].to_pylist() == [0.5, 0.25, 0.25, 0]
