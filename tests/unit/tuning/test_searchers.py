"""One suite for all searchers: what the study relies on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from stagecraft.tuning.searcher import Searcher
from stagecraft.tuning.searchers import SEARCHERS
from stagecraft.tuning.space import Choice, Integer, LogUniform, Parameters, Space, Uniform

TRIALS = 9
SPACE = Space(
    {
        "rate": LogUniform(1e-3, 1),
        "depth": Integer(2, 9),
        "share": Uniform(0.5, 1),
        "kind": Choice(["a", "b", None]),
    }
)


def loss(parameters: dict[str, Any]) -> float | None:
    if parameters["kind"] is None:
        return None
    distance = (math.log10(parameters["rate"]) + 1.5) ** 2 + 0.1 * abs(parameters["depth"] - 5)
    return float(distance + (parameters["kind"] == "b"))


def search(
    searcher: Searcher, trials: int = TRIALS, judge: Callable[[Parameters], float | None] = loss
) -> list[Parameters]:
    """Two trials at a time: each is asked before the one before is told."""
    asked: list[Parameters] = []
    for number in range(trials):
        if number > 1:
            searcher.tell(asked[number - 2], judge(asked[number - 2]))
        asked.append(searcher.ask(number, asked[max(number - 1, 0) :]))
    return asked


@pytest.fixture(params=list(SEARCHERS))
def kind(request: pytest.FixtureRequest) -> type[Searcher]:
    found: type[Searcher] = SEARCHERS[request.param]
    return found


def test_parameters_stay_within_bounds_and_are_plain_values(kind: type[Searcher]) -> None:
    for parameters in search(kind(SPACE, seed=1)):
        rate, depth, share = (parameters[name] for name in ("rate", "depth", "share"))
        assert type(rate) is float
        assert 1e-3 <= rate <= 1
        assert type(depth) is int
        assert 2 <= depth <= 9
        assert type(share) is float
        assert 0.5 <= share <= 1
        assert parameters["kind"] in ("a", "b", None)
        assert json.loads(json.dumps(parameters)) == parameters


def test_equal_seeds_search_alike_and_others_differently(kind: type[Searcher]) -> None:
    first = search(kind(SPACE, seed=1))
    assert search(kind(SPACE, seed=1)) == first
    assert search(kind(SPACE, seed=2)) != first


def test_a_searcher_told_the_records_goes_on_where_the_last_one_stopped(kind: type[Searcher]) -> None:
    asked = search(kind(SPACE, seed=3))
    again = kind(SPACE, seed=3)
    for parameters in asked[: TRIALS - 2]:
        again.tell(parameters, loss(parameters))
    pending = [asked[TRIALS - 2]]
    assert again.ask(TRIALS - 1, pending) == asked[TRIALS - 1]
    assert again.ask(TRIALS - 1, pending) == asked[TRIALS - 1], "asking changes nothing"


def test_trials_that_all_failed_do_not_stop_it(kind: type[Searcher]) -> None:
    assert len(search(kind(SPACE, seed=4), judge=lambda _: None)) == TRIALS


def test_the_gaussian_process_finds_more_than_chance_on_a_smooth_function() -> None:
    space = Space({"x": Uniform(-1, 1), "y": Uniform(-1, 1)})

    def bowl(parameters: dict[str, Any]) -> float:
        return float((parameters["x"] - 0.3) ** 2 + (parameters["y"] + 0.4) ** 2)

    def mean_best(name: str) -> float:
        found = [search(SEARCHERS[name](space, seed), 14, bowl) for seed in range(3)]
        return sum(min(map(bowl, asked)) for asked in found) / len(found)

    assert mean_best("gaussian_process") < mean_best("random")
