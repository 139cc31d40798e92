"""One suite for all searchers: what the study relies on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.population import Population, PopulationBased
from stagecraft.tuning.searcher import Searcher, key_of
from stagecraft.tuning.searchers import SEARCHERS
from stagecraft.tuning.space import Choice, Integer, LogUniform, Parameters, Space, Uniform

TRIALS = 10
COST = 1.0
SPACE = Space(
    {
        "rate": LogUniform(1e-3, 1),
        "depth": Integer(2, 9),
        "width": Integer(1, 500, log=True),
        "share": Uniform(0.5, 1, step=0.05),
        "kind": Choice(["a", "b", None]),
        "slope": Uniform(0, 1, when={"kind": ["a"]}),
    },
    {"small": "depth * rate < 4", "low": "slope < 0.95"},
)
Kind = Callable[..., Searcher]
START: list[Parameters] = [{"rate": 0.1, "depth": 4, "width": 9, "share": 0.6, "kind": "a", "slope": 0.5}]


def losses(parameters: dict[str, Any]) -> list[float] | None:
    if parameters["kind"] is None:
        return None
    distance = (math.log10(parameters["rate"]) + 1.5) ** 2 + 0.1 * abs(parameters["depth"] - 5)
    return [float(distance + (parameters["kind"] == "b")), parameters["share"]]


def loss(parameters: dict[str, Any]) -> list[float] | None:
    found = losses(parameters)
    return None if found is None else found[:1]


def search(
    searcher: Searcher,
    trials: int = TRIALS,
    judge: Callable[[Parameters], list[float] | None] = loss,
) -> list[Parameters]:
    """Two trials at a time: each is asked before the one before is told, where the searcher does not wait."""
    asked: list[Parameters] = []
    for number in range(trials):
        for told in range(len(searcher.observations), known := searcher.known(number, 2)):
            searcher.tell(asked[told], judge(asked[told]), COST)
        asked.append(searcher.ask(number, asked[known:]))
    return asked


def population(*given: Any, **named: Any) -> PopulationBased:
    return PopulationBased(*given, **named, population=Population(members=2, interval=1))


@pytest.fixture(params=[*SEARCHERS, population.__name__])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = SEARCHERS.get(request.param, population)
    return found


@pytest.mark.parametrize("judge", [loss, losses, lambda _: None], ids=["one", "two", "failures"])
def test_parameters_lie_in_the_space_and_are_plain_values(
    kind: Kind, judge: Callable[[Parameters], list[float] | None]
) -> None:
    asked = search(kind(SPACE, seed=1), judge=judge)
    for parameters in asked:
        assert SPACE.check(parameters) == parameters
        types = {name: type(value) for name, value in parameters.items()}
        assert types["rate"] is types["share"] is float
        assert types["depth"] is types["width"] is int
        assert json.loads(json.dumps(parameters)) == parameters
    if kind is not population:
        assert len(set(map(key_of, asked))) == len(asked), "none is tried twice"


def test_equal_seeds_search_alike_and_others_differently(kind: Kind) -> None:
    first = search(kind(SPACE, seed=1))
    assert search(kind(SPACE, seed=1)) == first
    assert search(kind(SPACE, seed=2), 3) != first[:3]


@pytest.mark.parametrize("judge", [loss, losses], ids=["one", "two"])
def test_a_searcher_told_the_records_goes_on_where_the_last_one_stopped(
    kind: Kind, judge: Callable[[Parameters], list[float] | None]
) -> None:
    asked = search(kind(SPACE, seed=3, start=START), judge=judge)
    again = kind(SPACE, seed=3, start=START)
    for parameters in asked[: TRIALS - 2]:
        again.tell(parameters, judge(parameters), COST)
    pending = [asked[TRIALS - 2]]
    assert again.ask(TRIALS - 1, pending) == asked[TRIALS - 1]
    assert again.ask(TRIALS - 1, pending) == asked[TRIALS - 1], "asking changes nothing"


def test_what_it_starts_from_comes_first(kind: Kind) -> None:
    asked = search(kind(SPACE, seed=3, start=START), 4)
    assert asked[0] == START[0]
    assert START[0] not in asked[1 : 2 if kind is population else 4]


@pytest.mark.parametrize("name", ["default", "genetic"])
def test_the_first_trials_lie_around_the_start(name: str) -> None:
    space = Space({"x": Uniform(0, 1), "y": Uniform(0, 1), "kind": Choice(["a", "b"])})
    around = SEARCHERS[name](space, 0, [{"x": 0.1, "y": 0.9, "kind": "a"}])
    anywhere = SEARCHERS[name](space, 0)
    asked = [around.ask(number) for number in range(1, 3)]
    assert all(each["x"] <= 0.5 <= each["y"] for each in asked)
    assert not all(each["x"] <= 0.5 <= each["y"] for each in map(anywhere.ask, range(1, 3)))
    assert "b" in {each["kind"] for each in asked}


def test_a_space_that_is_used_up_still_has_an_answer(kind: Kind) -> None:
    space = Space({"kind": Choice(["a", "b"])})
    asked = search(kind(space), 4, lambda parameters: [float(parameters["kind"] == "a")])
    assert {parameters["kind"] for parameters in asked} == {"a", "b"}


@pytest.mark.parametrize(
    ("name", "cost", "trials"),
    [
        ("default", COST, 24),
        ("default", 0.0, 40),
        ("genetic", 0.0, 40),
        ("cma_es", 0.0, 40),
        ("tpe", 0.0, 40),
        ("gaussian_process", COST, 14),
    ],
)
def test_what_learns_finds_more_than_chance_on_a_smooth_function(name: str, cost: float, trials: int) -> None:
    space = Space({"x": Uniform(-1, 1), "y": Uniform(-1, 1)})

    def bowl(parameters: dict[str, Any]) -> float:
        return float((parameters["x"] - 0.3) ** 2 + (parameters["y"] + 0.4) ** 2)

    def median_best(name: str, seeds: int) -> float:
        found = []
        for seed in range(seeds):
            searcher = SEARCHERS[name](space, seed)
            for number in range(trials):
                parameters = searcher.ask(number)
                searcher.tell(parameters, [bowl(parameters)], cost)
            found.append(min(bowl(seen.parameters) for seen in searcher.observations))
        return sorted(found)[seeds // 2]

    assert median_best(name, 5) < median_best("random", 25)


def test_a_grid_tries_each_point_once() -> None:
    space = Space(
        {"depth": Integer(2, 4), "share": Uniform(0, 1), "kind": Choice(["a", "b"])}, {"not": "share != 1"}
    )
    searcher = SEARCHERS["grid"](space, seed=5)
    assert searcher.limit == 3 * 4 * 2
    points = [searcher.ask(number) for number in range(searcher.limit)]
    assert len({key_of(point) for point in points}) == searcher.limit
    assert {point["share"] for point in points} == {0, 0.25, 0.5, 0.75}
    with pytest.raises(InvalidInputError, match="grid has"):
        _ = SEARCHERS["grid"](Space({f"x{place}": Uniform(0, 1) for place in range(8)})).limit
