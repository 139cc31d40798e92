from __future__ import annotations

import math

import pyarrow as pa
import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.serving.compare import compare

ONLINE = pa.table({"day": [1, 1, 2], "tail number": ["N1", None, "N1"], "score": [0.1, 0.2, 0.3]})
KEY = ["day", "tail number"]


def test_rows_are_joined_by_every_key_and_missing_equals_missing() -> None:
    found = compare(ONLINE, ONLINE.take([2, 0, 1]), KEY)
    assert (found.rows, found.lonely, found.largest) == (3, 0, 0.0)
    assert found.fault(0) is None


def test_the_worst_row_is_named() -> None:
    batch = ONLINE.set_column(2, "score", [[0.1, 0.2001, 0.3]])
    found = compare(ONLINE, batch, KEY)
    assert found.worst == {"day": 1, "tail number": None, "online_score": 0.2, "batch_score": 0.2001}
    assert found.fault(1e-3) is None
    assert "0.0001" in str(found.fault(1e-6))


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_a_score_that_is_none_is_the_worst(nothing: float | None) -> None:
    batch = ONLINE.set_column(2, "score", [pa.array([0.9, nothing, 0.3], pa.float64())])
    found = compare(ONLINE, batch, KEY)
    assert math.isnan(found.largest)
    assert found.worst is not None
    assert found.worst["tail number"] is None
    assert found.fault(1) is not None


@pytest.mark.parametrize("swap", [False, True])
def test_a_row_without_a_partner_is_named(swap: bool) -> None:
    sides = (ONLINE, ONLINE.slice(0, 2))
    found = compare(*(reversed(sides) if swap else sides), KEY)
    assert (found.rows, found.lonely) == (2, 1)
    assert found.lonely_key == {"day": 2, "tail number": "N1"}
    assert "no partner" in str(found.fault(1))


def test_lists_of_scores_are_compared_number_by_number() -> None:
    def lists(*rows: list[float | None] | None) -> pa.Table:
        return ONLINE.select(KEY).append_column("scores", [pa.array(rows, pa.list_(pa.float64()))])

    online = lists([0.1, 0.9], [0.2, 0.8], [0.5, 0.5])
    found = compare(online, lists([0.1, 0.9], [0.2, 0.7], [0.5, 0.51]), KEY)
    assert found.largest == pytest.approx(0.1)
    assert found.worst is not None
    assert (found.worst["tail number"], found.worst["batch_scores"]) == (None, [0.2, 0.7])
    assert compare(online, online, KEY).fault(0) is None
    for broken in ([0.5], [0.5, math.nan], [0.5, None], None):
        assert math.isnan(compare(online, lists([0.1, 0.9], [0.2, 0.8], broken), KEY).largest)


def test_no_rows_is_a_fault() -> None:
    assert compare(ONLINE.slice(0, 0), ONLINE.slice(0, 0), KEY).fault(1) == "there are no rows to compare"


def test_a_key_of_several_rows_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="'day': 1"):
        compare(ONLINE, ONLINE, ["day"])
