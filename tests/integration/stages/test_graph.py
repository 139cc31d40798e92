"""PageRank against power iteration in NumPy, components against a search; both on every engine."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.choose import open_engine
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.connected_components import ConnectedComponents
from stagecraft.stages.page_rank import PageRank
from stagecraft.tracking.writer import Tracker

Commit = Callable[..., Dataset]
NAMES = ["", " ", "a", "B", "b", "ü", "日本", "'", '"', "a b", "NULL", "z", "zz", "😀", "é"]


@pytest.fixture
def edges() -> pa.Table:
    """Names of every kind; edges twice over, loops, a node without edges of its own, weights of 0."""
    draw = np.random.default_rng(5)
    source, target = draw.integers(0, 12, 60), draw.integers(0, 14, 60)
    target[:12] = np.where(draw.random(12) < 0.5, source[:12], target[:12])
    near = (source < 6) == (target < 6)  # Two parts at least.
    source, target = np.append(source[near], 14), np.append(target[near], 14)
    weight = np.round(draw.lognormal(0, 3, len(source)), 3)
    weight[::7] = 0
    return pa.table(
        {
            "select": [NAMES[number] for number in source],
            'the "to"': [NAMES[number] for number in target],
            "order": weight,
        }
    )


def power_iteration(edges: list[tuple[Any, Any, float]], damping: float) -> dict[Any, float]:
    nodes = sorted({end for edge in edges for end in edge[:2]})
    place = {node: number for number, node in enumerate(nodes)}
    step = np.zeros((len(nodes), len(nodes)))
    for source, target, weight in edges:
        step[place[target], place[source]] += weight
    given = step.sum(axis=0)
    step = np.where(given > 0, step / np.where(given > 0, given, 1), 1 / len(nodes))
    rank = np.full(len(nodes), 1 / len(nodes))
    for _ in range(200):
        rank = (1 - damping) / len(nodes) + damping * step @ rank
    return dict(zip(nodes, rank, strict=True))


def components(edges: list[tuple[Any, Any]], order: Callable[[Any], Any]) -> dict[Any, Any]:
    near = defaultdict(set)
    for one, other in edges:
        near[one].add(other)
        near[other].add(one)
    found: dict[Any, Any] = {}
    for node in sorted(near, key=order):
        waiting = [node] if node not in found else []
        while waiting:
            reached = waiting.pop()
            if reached not in found:
                found[reached] = node
                waiting += near[reached]
    return found


def test_ranks_and_components(bench: Workbench, store: Store, commit_rows: Commit, edges: pa.Table) -> None:
    dataset = commit_rows(store, "a1", edges)
    triples = list(zip(*(column.to_pylist() for column in edges.columns), strict=True))
    pairs = [triple[:2] for triple in triples]
    ends: dict[str, Any] = {"source": "select", "target": 'the "to"'}
    made = ConnectedComponents(**ends).run(bench, edges=dataset)["dataset"]
    assert isinstance(made, Dataset)
    expected = components(pairs, str.encode)
    assert len(set(expected.values())) >= 3
    assert made.table().to_pylist() == [
        {"node": node, "component": expected[node]}
        for node in sorted(expected, key=lambda node: (expected[node].encode(), node.encode()))
    ]
    few = bench.engine.name == "spark"  # Every iteration costs Spark a second.
    damping, tolerance = (0.2, 1e-3) if few else (0.85, 1e-9)
    for weight in ("order",) if few else (None, "order"):
        given = triples if weight else [(*pair, 1.0) for pair in pairs]
        stage = PageRank(**ends, weight=weight, damping=damping, tolerance=tolerance)
        ranked = stage.run(bench, edges=dataset)["dataset"]
        assert isinstance(ranked, Dataset)
        table = ranked.table()
        found = dict(zip(*(column.to_pylist() for column in table.columns), strict=True))
        assert found == pytest.approx(power_iteration(given, damping), abs=10 * tolerance)
        assert sum(found.values()) == pytest.approx(1, abs=1e-12)
        assert list(found) == sorted(found, key=lambda node: (-found[node], node.encode()))
        if few:
            with open_engine("duckdb") as other:
                again = stage.run(Workbench(other, store, Tracker.nowhere(), cache=False), edges=dataset)
            assert again["dataset"].table().equals(table)  # type: ignore[attr-defined]


def test_refuses(bench: Workbench, store: Store, commit_rows: Commit) -> None:
    rows = {
        "a": [1, 2, None],
        "b": [2, 3, 4],
        "c": ["x", "y", "z"],
        "w": [1.0, np.nan, -1.0],
        "k": [True] * 3,
    }
    dataset = commit_rows(store, "b1", pa.table(rows))
    empty = commit_rows(store, "b2", pa.table(rows).slice(0, 0))
    components = ConnectedComponents
    for stage, given, message in [
        (components(source="a", target="z"), dataset, r"connected_components\.target: .* no column 'z'"),
        (components(source="a", target="c"), dataset, r"'a' is of type int64, 'c' of string"),
        (components(source="k", target="k"), dataset, r"'k' is of type bool"),
        (components(source="a", target="b"), dataset, r"\.edges: 1 edges lack 'a' or 'b'"),
        (components(source="c", target="c"), empty, r"\.edges: it has no edges"),
        (PageRank(source="b", target="b", weight="c"), dataset, r"page_rank\.weight: 'c' is of type string"),
        (
            PageRank(source="b", target="b", weight="w"),
            dataset,
            r"weight: 2 edges have a weight that is missing",
        ),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            stage.run(bench, edges=given)


class Steps(Tracker):
    """Keeps the steps that are logged."""

    def __init__(self) -> None:
        super().__init__(None, "")
        self.steps: list[int] = []

    def log(self, step: int, **values: float) -> None:
        self.steps.append(step)


def test_a_chain_takes_few_rounds(
    store: Store, commit_rows: Commit, caplog: pytest.LogCaptureFixture
) -> None:
    length = 10_000
    shuffled = np.random.default_rng(0).permutation(length) - 17
    tracker = Steps()
    with open_engine("duckdb") as engine:
        bench = Workbench(engine, store, tracker)
        for number, nodes in enumerate([np.arange(length), shuffled]):
            dataset = commit_rows(store, f"c{number}", pa.table({"a": nodes[:-1], "b": nodes[1:]}))
            made = ConnectedComponents(source="a", target="b").run(bench, edges=dataset)["dataset"]
            assert isinstance(made, Dataset)
            assert made.rows == length
            assert set(made.table()["component"].to_pylist()) == {nodes.min()}
        assert max(tracker.steps) <= 20
        with caplog.at_level(logging.WARNING):
            PageRank(source="a", target="b", max_iterations=2).run(bench, edges=dataset)
    assert "after 2 iterations the ranks still change by" in caplog.text
