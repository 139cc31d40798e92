"""Versions that leave their bounds are taken back, once, by whichever worker sees it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from stagecraft.serving.judge import Judge
from stagecraft.serving.monitor import Monitor
from stagecraft.serving.shift import shift_of_categories, shift_of_numbers
from stagecraft.serving.table import ModelTable
from stagecraft.serving.tally import LATENCIES
from stagecraft.serving.traffic import Bounds
from stagecraft.serving.verdict import Count, fault, quantile

Rule = Callable[..., None]


class OneOfTwo(Judge):
    """A judge that passes for another process."""

    def __init__(self, table: ModelTable, root: Path, pid: int) -> None:
        super().__init__(table, Monitor(), root)
        self.pid = pid

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.pid}.json"


@pytest.fixture
def both(table: ModelTable, tmp_path: Path) -> list[OneOfTwo]:
    """The judges of two workers."""
    return [OneOfTwo(table, tmp_path / "service", pid) for pid in (1001, 1002)]


def answer(judge: OneOfTwo, version: str, count: int, *, mean: float = 0.5, seconds: float = 0.0004) -> None:
    generator = random.Random(f"{version}{id(judge)}")
    for _ in range(count):
        score = min(max(generator.gauss(mean, 0.1), 0.0), 1.0)
        judge.monitor.answered("late", version, rows=1, scores=[score], seconds=seconds)


def look(judges: list[OneOfTwo]) -> None:
    for _ in range(2):
        for judge in judges:
            judge.look()


def verdicts(table: ModelTable) -> list[tuple[str, str]]:
    return [(verdict.version, verdict.reason) for verdict in table.file.read().verdicts]


def test_a_canary_that_fails_is_taken_back_by_the_sum_of_all_workers(
    table: ModelTable, rule: Rule, both: list[OneOfTwo]
) -> None:
    rule(split={"1": 10}, bounds={"error_rate": 0.02, "min_requests": 100})
    look(both)
    for judge in both:
        answer(judge, "1", 58)
        judge.monitor.refused("late", 500, 0.001, "1")
    look(both)
    assert verdicts(table) == []  # Two of 118 are fewer than one in fifty.
    for judge in both:
        judge.monitor.refused("late", 500, 0.001, "1")
    look(both)
    ((version, reason),) = verdicts(table)
    assert version == "1"
    assert "requests failed, more than 0.02" in reason
    assert table.file.read().alias("late", "default").split == {}
    assert table.file.read().generation == table.generation + 1


def test_few_requests_are_not_judged(table: ModelTable, rule: Rule, both: list[OneOfTwo]) -> None:
    rule(split={"1": 10}, bounds={"error_rate": 0.02, "min_requests": 100})
    look(both)
    for _ in range(99):
        both[0].monitor.refused("late", 500, 0.001, "1")
    look(both)
    assert verdicts(table) == []


def test_what_was_before_the_rule_does_not_count(table: ModelTable, rule: Rule, both: list[OneOfTwo]) -> None:
    look(both)
    for _ in range(200):
        both[0].monitor.refused("late", 500, 0.001, "1")
    rule(split={"1": 10}, bounds={"error_rate": 0.02, "min_requests": 10})
    look(both)
    assert verdicts(table) == []


def test_a_slow_shadow_is_taken_back(table: ModelTable, rule: Rule, both: list[OneOfTwo]) -> None:
    rule(shadow="1", bounds={"latency_seconds": 0.05, "quantile": 0.9})
    look(both)
    answer(both[0], "1", 95)
    answer(both[1], "1", 5, seconds=0.2)
    look(both)
    assert verdicts(table) == []
    answer(both[1], "1", 10, seconds=0.2)
    look(both)
    ((version, reason),) = verdicts(table)
    assert version == "1"
    assert "quantile 0.9 is 0.1" in reason
    assert table.file.read().alias("late", "default").shadow is None


def test_scores_that_moved_are_taken_back_and_steady_ones_are_not(
    table: ModelTable, rule: Rule, both: list[OneOfTwo]
) -> None:
    rule(split={"1": 50}, bounds={"psi": 0.1})
    look(both)
    for judge in both:
        answer(judge, "1", 200)
        answer(judge, "3", 200)
    look(both)
    assert verdicts(table) == []
    answer(both[0], "1", 300, mean=0.7)
    look(both)
    assert [version for version, _ in verdicts(table)] == ["1"]


def test_a_default_is_judged_by_the_training_s_rows_and_makes_way(
    table: ModelTable, rule: Rule, both: list[OneOfTwo]
) -> None:
    rule(bounds={"psi": 0.5})
    look(both)
    predictor = table.route("late").predictor
    for score in predictor.scores(predictor.model.training_rows()).tolist() * 4:
        both[0].monitor.answered("late", "3", rows=1, scores=[score], seconds=0.001)
    look(both)
    assert verdicts(table) == []
    answer(both[1], "3", 900, mean=0.99)
    look(both)
    assert [version for version, _ in verdicts(table)] == ["3"]
    assert table.file.read().find("late")[1] == "2"


def test_without_bounds_nothing_is_written(table: ModelTable, rule: Rule, both: list[OneOfTwo]) -> None:
    rule(split={"1": 10}, bounds={"psi": 0.5})
    look(both)
    assert len(list(both[0].folder.glob("*.json"))) == 2
    rule(split={"1": 10})
    look(both)
    assert not list(both[0].folder.glob("*.json"))


def test_quantiles_lie_where_the_requests_do() -> None:
    counts = [0] * (len(LATENCIES) + 1)
    counts[LATENCIES.index(0.01)] = 99
    counts[LATENCIES.index(1.0)] = 1
    assert 0.005 < quantile(counts, 0.5) < 0.01
    assert 0.5 < quantile(counts, 0.999) <= 1.0
    assert quantile([*[0] * len(LATENCIES), 5], 0.5) == LATENCIES[-1]
    assert fault(Bounds(latency_seconds=0.02), Count(requests=100, latencies=counts), []) is None
    slow = fault(Bounds(latency_seconds=0.02, quantile=0.995), Count(requests=100, latencies=counts), [])
    assert slow is not None


def test_shift_beyond_chance() -> None:
    generator = random.Random(1)

    def sample(count: int, mean: float = 0.0) -> list[float | None]:
        return [generator.gauss(mean, 1) for _ in range(count)]

    steady = [shift_of_numbers(sample(100), sample(200)) for _ in range(200)]
    assert sum(steady) / len(steady) < 0.05
    assert shift_of_numbers(sample(500, 1.0), sample(64)) > 0.5
    missing: list[float | None] = [None, float("nan")] * 50
    assert shift_of_numbers([*sample(100), *missing], sample(200)) > 0.5
    assert shift_of_categories({"x": 100}, {"a": 50, "b": 50}) > 0.5
    assert shift_of_categories({None: 100}, {"a": 50, "b": 50}) > 0.5
    rare = {f"id-{number}": 1 for number in range(100)}
    assert shift_of_categories(rare, rare) == 0
    assert shift_of_categories(rare | {"a": 100}, rare | {"a": 100}) == 0
