"""The frequent values of batches, put together, are those of all rows."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stagecraft.stages.counted import Bin
from stagecraft.stages.frequent import Frequent, Rank
from stagecraft.stages.value_counts import _values

TEXT = st.none() | st.sampled_from(["", "a", "ä", "\U0001f600", "\uffff", "z" * 300]) | st.text(max_size=2)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 1), TEXT, st.integers(0, 1)), max_size=60),
    rank=st.sampled_from(["a", "b", "n"]),
    least=st.integers(1, 3),
    keep=st.integers(1, 4),
    unseen=st.integers(0, 3),
    cut=st.integers(0, 60),
)
def test_batches_put_together(
    rows: list[tuple[int, str | None, int]], rank: Rank, least: int, keep: int, unseen: int, cut: int
) -> None:
    counts = Counter((place, value) for place, value, _ in rows)
    of_a = Counter((place, value) for place, value, side in rows if side)
    frequent = Frequent(2, rank, least, keep, unseen)
    groups = list(counts)
    made = []
    for part in (groups[:cut], groups[cut:]):
        batch = pa.record_batch(
            {
                "place": pa.array([place for place, _ in part], pa.int32()),
                "value": pa.array([value for _, value in part], pa.string()),
                "n": pa.array([counts[group] for group in part], pa.int64()),
                "a": pa.array([of_a[group] for group in part], pa.int64()),
            }
        )
        made += frequent.apply(batch).to_pylist()
    for place in (0, 1):
        found = _values([row for row in made if row["place"] == place], keep, unseen)
        present = {
            value: {"a": of_a[group], "b": n - of_a[group], "n": n}
            for group, n in counts.items()
            if group[0] == place and (value := group[1]) is not None
        }
        top = sorted(present, key=lambda value: (-present[value][rank], value.encode()))
        top = [value for value in top if present[value][rank] >= least][:keep]
        strange = [value for value in present if not present[value]["b"]]
        strange.sort(key=lambda value: (-present[value]["a"], value.encode()))
        assert found.bins == [Bin(value[:200], present[value]["a"], present[value]["b"]) for value in top]
        assert [entry.label for entry in found.unseen_bins] == [value[:200] for value in strange[:unseen]]
        assert (found.distinct, found.unseen) == (len(present), len(strange))
        assert found.unseen_rows == sum(present[value]["a"] for value in strange)
        missing = counts[place, None], of_a[place, None]
        assert found.missing == Bin(None, missing[1], missing[0] - missing[1])
        shown = sum(entry.a + entry.b for entry in (*found.bins, found.missing, found.rest))
        assert shown == sum(place == row[0] for row in rows)


@pytest.mark.parametrize("values", [[2.0, 1.0, 3.0], [3, 1, 2]])
def test_ties_of_numbers_go_by_value(values: list[float]) -> None:
    batch = pa.record_batch(
        {"place": pa.array([0] * 3, pa.int32()), "value": values, "n": [5] * 3, "a": [5] * 3}
    )
    found = Frequent(1, "a", 1, 2, 0).apply(batch).to_pylist()
    assert [entry.label for entry in _values(found, 2, 0).bins] == ["1", "2"]
