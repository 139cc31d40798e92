"""Fitted numeric maps: what SQL makes of a value is what numpy makes of it, and no value is lost."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.transforms.numeric import (
    AnyNumericMap,
    FittedBin,
    FittedClip,
    FittedFill,
    FittedLog,
    FittedScale,
    NumericMap,
)

VALUES = np.array([math.nan, -math.inf, -1e300, -2.5, -0.0, 0.0, 5e-324, 1.0, 2.5, 7.0, 1e300, math.inf])
MAPS: list[NumericMap] = [
    FittedFill(value=-1.25),
    FittedScale(shift=0.1, scale=0.3),
    FittedClip(low=-2.0),
    FittedClip(high=2.0),
    FittedClip(low=-2.0, high=2.0),
    FittedLog(offset=3.0, low=-2.5),
]


@pytest.mark.parametrize("fitted", MAPS, ids=repr)
def test_sql_and_numpy_agree(fitted: NumericMap) -> None:
    with DuckDBEngine() as engine:
        rows = engine.table(pa.table({"x": pa.array(VALUES, mask=np.isnan(VALUES))}))
        made = engine.collect(engine.sql(f"SELECT {fitted.sql('x')} AS x FROM rows", rows=rows))
    before = VALUES.copy()
    mapped = fitted.map(VALUES)
    assert mapped.dtype == np.float64
    np.testing.assert_array_equal(VALUES, before)
    found = made["x"].combine_chunks().to_numpy(zero_copy_only=False)
    if fitted.same_in_sql:
        np.testing.assert_array_equal(found, mapped)
    else:
        np.testing.assert_allclose(found, mapped, rtol=1e-15)
    stored = TypeAdapter(AnyNumericMap).validate_json(fitted.model_dump_json())
    assert stored == fitted


def test_logarithm_of_unseen_values_is_that_of_the_smallest_seen() -> None:
    fitted = FittedLog(offset=1.0, low=0.0)
    values = np.array([-5.0, -1.0, 0.0, math.e - 1, math.nan, math.inf])
    np.testing.assert_array_equal(fitted.map(values), [0.0, 0.0, 0.0, np.log(math.e), math.nan, math.inf])


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(), max_size=40),
    edges=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=80, unique=True),
)
def test_bins_hold_their_lower_edge_and_everything_has_one(values: list[float], edges: list[float]) -> None:
    fitted = FittedBin(edges=sorted(edges))
    slots = fitted.slots(np.array(values, dtype=np.float64))
    expected = [0 if value != value else 1 + sum(edge <= value for edge in edges) for value in values]
    assert slots.dtype == np.int32
    assert slots.tolist() == expected
    assert fitted.map(np.array(values, dtype=np.float64)).tolist() == expected
    assert max(expected, default=0) < fitted.size


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_fitted_number_is_finite(value: float) -> None:
    with pytest.raises(ValidationError):
        FittedFill(value=value)
