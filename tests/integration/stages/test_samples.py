"""A sample takes the rows that Python takes, on every engine, whatever the columns hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.stages import keyed_oracle as oracle
from tests.integration.stages.nasty_rows import listed, nasty, permuted

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.keyed import salted
from stagecraft.stages.sample import Sample, StratifiedSample
from stagecraft.tracking.writer import Tracker

Commit = Callable[..., Dataset]
KEY = ["select", 'a "b"']
STRATA = ["rows", "c0"]
STRATA_OF_ALL_TYPES = [*STRATA, "float", "when", "price"]


def weighed(made: Any) -> list[tuple[str, float]]:
    """The rows, each as text with its weight, in one order."""
    rows = made["dataset"].table().to_pylist()
    return sorted((repr({k: v for k, v in row.items() if k != "weight"}), row["weight"]) for row in rows)


def expected(found: list[oracle.Weighed]) -> list[tuple[str, float]]:
    return sorted((repr(row), weight) for row, weight in found)


class TestSample:
    def test_plain(self, bench: Workbench, store: Store, commit_rows: Commit) -> None:
        table = nasty()
        rows = listed(table)
        one, two = (commit_rows(store, name, each) for name, each in (("a1", table), ("a2", permuted(table))))
        stage = StratifiedSample(key=KEY, strata=STRATA_OF_ALL_TYPES, fraction=0.3, seed=3, shuffle=True)
        wanted = [
            taken
            for group in oracle.grouped(rows, STRATA_OF_ALL_TYPES).values()
            for taken in oracle.bottom(group, KEY, 3, int(0.3 * len(group) + 0.5))
        ]
        made = stage.run(bench, dataset=one)
        assert weighed(made) == expected(wanted)
        assert sum(weight for _, weight in wanted) == pytest.approx(len(rows))
        again = stage.run(bench, dataset=two)
        assert made["dataset"].table().equals(again["dataset"].table()), "the same order, too"  # type: ignore[attr-defined]
        order = [row["select"] for _, row in oracle.ordered([row for row, _ in wanted], KEY, 3)]
        assert made["dataset"].table()["select"].to_pylist() == order  # type: ignore[attr-defined]

        counted = Sample(key="select", count=7).run(bench, dataset=two)
        assert weighed(counted) == expected(oracle.bottom(rows, ["select"], 0, 7))
        sizes = {"": 1, "ü": 0.5, "x y": 0}
        sized = Sample(key="select", strata="rows", sizes=sizes).run(bench, dataset=two)
        some = oracle.grouped(rows, ["rows"])
        wanted = oracle.bottom(some["",], ["select"], 0, 1)
        wanted += oracle.bottom(some["ü",], ["select"], 0, int(0.5 * len(some["ü",]) + 0.5))
        assert weighed(sized) == expected(wanted)

    def test_weighted(self, bench: Workbench, store: Store, commit_rows: Commit) -> None:
        table = nasty()
        rows = listed(table)
        dataset = commit_rows(store, "b1", permuted(table))
        made = Sample(key=["select"], strata="c0", fraction=0.25, weight_by="hash").run(
            bench, dataset=dataset
        )
        wanted = [
            taken
            for group in oracle.grouped(rows, ["c0"]).values()
            for taken in oracle.priority(group, ["select"], 0, int(0.25 * len(group) + 0.5), "hash")
        ]
        assert weighed(made) == expected(wanted)
        total = sum(row["hash"] for row in rows)
        assert sum(row["hash"] * weight for row, weight in wanted) == pytest.approx(total, rel=0.1)
        even = Sample(key=["select"], count=50, weight_by="even").run(bench, dataset=dataset)
        assert weighed(even) == expected(oracle.priority(rows, ["select"], 0, 50, "even"))
        heavy = sum(row["hash"] > 0 for row in rows)
        every = Sample(key="select", count=heavy, weight_by="hash").run(bench, dataset=dataset)
        assert {weight for _, weight in weighed(every)} == {1.0}

    def test_replacement(self, bench: Workbench, store: Store, commit_rows: Commit) -> None:
        table = nasty()
        rows = listed(table)
        dataset = commit_rows(store, "c1", permuted(table))
        sizes = [
            {"stratum": {"c0": c0, "rows": name}, "size": size}
            for name, of_c0 in (("", (3, 2.5)), ("ü", (0, 0.5)), ("x y", (1.0, 1000)))
            for c0, size in enumerate(of_c0)
        ]
        some = oracle.grouped(rows, STRATA)
        for by in ("hash", None) if bench.engine.name == "duckdb" else ("hash",):
            stage = Sample(key=KEY, strata=STRATA, sizes=sizes, weight_by=by, replacement=True, seed=9)
            wanted = []
            for entry in sizes:
                group = some[entry["stratum"]["rows"], entry["stratum"]["c0"]]  # type: ignore[index]
                size: Any = entry["size"]
                take = size if isinstance(size, int) else int(size * len(group) + 0.5)
                wanted += oracle.draws(group, KEY, 9, take, by)
            made = stage.run(bench, dataset=dataset)
            assert weighed(made) == expected(wanted)
            assert len(set(weighed(made))) < len(wanted)

    def test_many_strata_and_a_key_of_many_rows(
        self, bench: Workbench, store: Store, commit_rows: Commit
    ) -> None:
        """Half the rows have no key, so one hash: the cut lies where it is not expected."""
        rows = 2000
        key = pa.array([None if number % 2 else number for number in range(rows)])
        table = pa.table({"key": key, "stratum": np.arange(rows) // 3, "all": np.arange(rows) % 2})
        dataset = commit_rows(store, "d1", table)
        pairs = table.to_pylist()
        below = sum(
            hashed < oracle.hash_of(salted("sample", 0)) for hashed, _ in oracle.ordered(pairs, ["key"], 0)
        )
        for take in (below - 5, below + rows // 2, below + rows // 2 + 5):
            made = Sample(key="key", count=take).run(bench, dataset=dataset)
            assert weighed(made) == expected(oracle.bottom(pairs, ["key"], 0, take))
        with pytest.raises(
            InvalidInputError, match=r"sample\.key: one key names 1000 rows, of which 5 are wanted"
        ):
            Sample(key="key", count=below + 5).run(bench, dataset=dataset)
        single = table.set_column(0, "key", pa.array(np.arange(rows)))
        made = Sample(key="key", strata="stratum", count=1).run(
            bench, dataset=commit_rows(store, "d2", single.slice(1))
        )
        groups = oracle.grouped(single.slice(1).to_pylist(), ["stratum"]).values()
        assert weighed(made) == expected([oracle.bottom(group, ["key"], 0, 1)[0] for group in groups])

    def test_refuses(self, bench: Workbench, store: Store, commit_rows: Commit) -> None:
        table = pa.table(
            {
                "id": [1, 2, 3, 4],
                "twice": ["a", "a", "b", "c"],
                "city": ["x", "x", "x", "y"],
                "gap": ["x", None, "x", "y"],
                "nan": [1.0, float("nan"), 1.0, 1.0],
                "negative": [1, 1, -1, 1],
                "endless": [1.0, float("inf"), 1.0, 1.0],
                "none": pa.nulls(4, pa.float64()),
                "zero": [0, 0, 0, 1],
                "list": [[1], [2], [3], [4]],
            }
        )
        dataset = commit_rows(store, "e1", table)
        base: dict[str, Any] = {"key": "id", "fraction": 0.5}
        counted: list[tuple[dict[str, Any], str]] = [
            ({"strata": "gap"}, r"sample\.strata: rows have no stratum: \{'gap': None\}"),
            ({"strata": "nan"}, r"sample\.strata: rows have no stratum: \{'nan': None\}"),
            ({"weight_by": "nan"}, r"sample\.weight_by: 1 rows of the dataset have a NULL, NaN"),
            ({"weight_by": "endless"}, r"sample\.weight_by: 1 rows"),
            ({"weight_by": "none"}, r"sample\.weight_by: 4 rows"),
            ({"weight_by": "zero"}, r"2 rows of the dataset are wanted, which has 1 of a weight above 0"),
            ({"key": "twice", "replacement": True}, r"sample\.key: 1 rows have the key of another one"),
        ]
        checked: list[tuple[dict[str, Any], str]] = [
            ({"strata": "list"}, r"sample\.strata: 'list' is of type list"),
            ({"key": "nan"}, r"sample\.key: 'nan' is of type double"),
            ({"key": "idd"}, r"sample\.key: the dataset has no column 'idd'"),
            ({"weight": "ID"}, r"sample\.weight: the dataset has a column 'ID' already"),
            (
                {"strata": "city", "fraction": 0.1},
                r"sample\.fraction: the stratum \{'city': '.'\} .* is empty",
            ),
            (
                {"fraction": None, "count": 5},
                r"sample\.count: 5 rows of the dataset are wanted, which has 4;",
            ),
            ({"strata": "city", "fraction": None, "count": 2}, r"of the stratum \{'city': 'y'\} .* has 1;"),
            ({"weight_by": "city"}, r"sample\.weight_by: 'city' is of type string"),
            ({"weight_by": "negative"}, r"sample\.weight_by: 1 rows"),
            (
                {"weight_by": "zero", "strata": "city", "fraction": 3, "replacement": True},
                r"sample\.weight_by: all weights of the stratum \{'city': 'x'\} are 0",
            ),
        ]
        sized: list[tuple[dict[str, Any], str]] = [
            ({"x": 1, "y": 1, "z": 1}, r"sample\.sizes: no row is of the stratum \{'city': 'z'\}.*one of"),
            ({"x": 1}, r"sample\.sizes: they do not name the stratum \{'city': 'y'\}.*0 leaves it out"),
            (
                {"x": 4, "y": 0},
                r"sample\.sizes: 4 rows of the stratum \{'city': 'x'\} are wanted, which has 3",
            ),
            ({"x": 0, "y": 0}, r"sample\.sizes: every stratum is left out"),
        ]
        checked += [({"strata": "city", "fraction": None, "sizes": each}, match) for each, match in sized]
        # What Python checks is the same on each engine; what an engine counts is not.
        for parameters, match in counted + (checked if bench.engine.name == "duckdb" else []):
            with pytest.raises(InvalidInputError, match=match):
                Sample(**{**base, **parameters}).run(bench, dataset=dataset)
        with pytest.raises(InvalidInputError, match=r"sample\.dataset: it has no rows"):
            Sample(**base).run(bench, dataset=commit_rows(store, "e2", table.slice(0, 0)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.text(max_size=40), st.text(max_size=2), min_size=1, max_size=40),
    st.floats(0.01, 1),
    st.integers(-(2**31), 2**31),
)
def test_any_text_is_a_key_and_a_stratum(
    commit_rows: Commit, tmp_path_factory: Any, rows: dict[str, str], fraction: float, seed: int
) -> None:
    table = pa.table({"key": list(rows), "stratum": list(rows.values())})
    store = Store(str(tmp_path_factory.mktemp("store")))
    groups = oracle.grouped(table.to_pylist(), ["stratum"])
    takes = {stratum: int(fraction * len(group) + 0.5) for stratum, group in groups.items()}
    stage = Sample(key="key", strata="stratum", fraction=fraction, seed=seed)
    with DuckDBEngine(threads=1) as engine:
        bench = Workbench(engine, store, Tracker.nowhere())
        dataset = commit_rows(store, "a", table)
        if not all(takes.values()):
            with pytest.raises(InvalidInputError, match="is empty"):
                stage.run(bench, dataset=dataset)
            return
        made = stage.run(bench, dataset=dataset)
    wanted = [
        pair
        for stratum, group in groups.items()
        for pair in oracle.bottom(group, ["key"], seed, takes[stratum])
    ]
    assert weighed(made) == expected(wanted)
