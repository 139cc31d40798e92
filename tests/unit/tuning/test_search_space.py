"""Search spaces: what they refuse, and their way to the unit cube and back."""

from __future__ import annotations

import math
import random
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
    Uniform(0.1, 1, step=0.3),
    Integer(2, 1000, log=True),
    Integer(16, 250, step=16, when={"kind": ["a"]}),
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
        assert dimension.contains(value)
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
        (lambda: Uniform(0, 1, step=2), "step"),
        (lambda: Uniform(0, 1, step=-0.1), "step"),
        (lambda: Integer(0, 9, log=True), "logarithmic"),
        (lambda: Integer(1, 9, step=0), "step"),
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


TREES: dict[str, Any] = {
    "booster": Choice(["trees", "linear"]),
    "depth": Integer(1, 9, when={"booster": ["trees"]}),
    "deep": Choice([True, False], when={"depth": [8, 9]}),
    "rate": Uniform(0, 1, step=0.25),
}


def test_a_dimension_whose_condition_does_not_hold_is_left_out() -> None:
    space = Space(TREES)
    source = random.Random(0)
    seen = [space.sample(source) for _ in range(400)]
    for drawn in seen:
        assert ("depth" in drawn) == (drawn["booster"] == "trees")
        assert ("deep" in drawn) == (drawn.get("depth") in (8, 9))
        assert drawn["rate"] in (0, 0.25, 0.5, 0.75, 1)
        assert space.from_unit(space.to_unit(drawn)) == drawn
    assert {len(drawn) for drawn in seen} == {2, 3, 4}


def test_constraints_hold_in_every_draw() -> None:
    space = Space(TREES, {"small": "depth * rate <= 2", "some": "rate > 0 or booster == 'linear'"})
    source = random.Random(0)
    seen = [space.sample(source) for _ in range(300)]
    assert all(drawn["booster"] == "linear" or 0 < drawn["depth"] * drawn["rate"] <= 2 for drawn in seen)
    assert any(drawn["rate"] == 0 for drawn in seen), "a constraint holds where it asks for what is left out"


@pytest.mark.parametrize(
    ("dimensions", "constraints", "word"),
    [
        (TREES, {"small": "depth * width < 3"}, "no parameter 'width'"),
        (TREES, {"small": "rate < 0"}, "none of 10000 random draws"),
        (TREES, {"small": "depth <"}, "no expression"),
        (TREES, {"small": "booster + 1 > 2"}, "is no number"),
        ({"x": Uniform(0, 1, when={"y": [1]})}, {}, "no parameter 'y'"),
        ({"x": Uniform(0, 1, when={"y": [7]}), "y": Integer(1, 3)}, {}, "y is never 7"),
        ({"x": Choice([1], when={"y": [1]}), "y": Choice([1], when={"x": [1]})}, {}, "circle"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(
    dimensions: dict[str, Any], constraints: dict[str, str], word: str
) -> None:
    with pytest.raises(InvalidInputError, match=word):
        Space(dimensions, constraints)


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"booster": "linear", "rate": 0.3}, "rate.*0.3 is out of bounds"),
        ({"booster": "bushes", "rate": 0.25}, "'bushes' is out of bounds"),
        ({"booster": "linear", "rate": 0.25, "depth": 3}, "exactly"),
        ({"booster": "trees", "rate": 0.25}, "depth.*out of bounds|exactly"),
        ({"booster": "linear", "rate": 0.25, "width": 3}, "no parameter 'width'"),
        ({"booster": "linear", "rate": 1.0}, "breaks a constraint"),
    ],
)
def test_parameters_out_of_the_space_are_refused(parameters: dict[str, Any], word: str) -> None:
    space = Space(TREES, {"low": "rate < 1"})
    assert space.check({"booster": "linear", "rate": 0.25}) == {"booster": "linear", "rate": 0.25}
    with pytest.raises(InvalidInputError, match=word):
        space.check(parameters)
