"""Search spaces: what they refuse, and their way to the unit cube and back."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.space import Choice, Dimension, Integer, LogUniform, Space, Uniform

DIMENSIONS: list[Any] = [
    Uniform(-2, 3),
    LogUniform(1e-4, 10),
    Integer(-3, 12),
    Choice(["small", 1, 1.5, True, None]),
]


class Holder(BaseModel):
    space: dict[str, Dimension]


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=str)
@given(unit=st.floats(0, 1))
def test_a_value_survives_the_way_to_the_unit_interval_and_back(dimension: Any, unit: float) -> None:
    value = dimension.from_unit(unit)
    again = dimension.from_unit(dimension.to_unit(value))
    if isinstance(value, float) and not isinstance(dimension, Choice):
        assert dimension.low <= value <= dimension.high
        assert math.isclose(again, value, rel_tol=1e-9, abs_tol=1e-9)
    else:
        assert (type(again), again) == (type(value), value)


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=str)
def test_a_dimension_survives_json(dimension: Any) -> None:
    holder = Holder(space={"x": dimension})
    assert Holder.model_validate_json(holder.model_dump_json()) == holder


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Uniform(1, 0), "crossed"),
        (lambda: Uniform(1, 1), "crossed"),
        (lambda: Uniform(0, float("nan")), "finite"),
        (lambda: LogUniform(0, 1), "greater than 0"),
        (lambda: LogUniform(2, 1), "crossed"),
        (lambda: Integer(3, 2), "crossed"),
        (lambda: Integer(1, 2.5), "integer"),  # type: ignore[arg-type]
        (lambda: Choice([]), "without options"),
        (lambda: Choice(["a", "a"]), "repeats"),
        (lambda: Holder(space={"x": {"type": "uniform", "low": 2, "high": 1}}), "crossed"),
    ],
)
def test_a_bad_dimension_is_refused(make: Any, word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        make()


def test_an_empty_space_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="empty"):
        Space({})


def test_the_order_in_which_dimensions_are_written_does_not_matter() -> None:
    forth = Space({"a": Uniform(0, 1), "b": Integer(1, 9)})
    back = Space({"b": Integer(1, 9), "a": Uniform(0, 1)})
    assert list(forth.dimensions) == list(back.dimensions)
    assert forth.from_unit([0.25, 0.5]) == back.from_unit([0.25, 0.5])
