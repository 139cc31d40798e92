"""Samples and splits take the rows that Python takes, on every engine, whatever the columns hold."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.stages import keyed_oracle as oracle

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.engines.duckdb import DuckDBEngine
from stagecraft.engines.types import canonical
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.k_fold_split import KFoldSplit
from stagecraft.stages.key_split import KeySplit
from stagecraft.stages.keyed import salted
from stagecraft.stages.random_split import RandomSplit
from stagecraft.stages.sample import Sample, StratifiedSample
from stagecraft.tracking.writer import Tracker

Commit = Callable[..., Dataset]
KEY = ["select", 'a "b"']
STRATA = ["rows", "c0"]
STRATA_OF_ALL_TYPES = [*STRATA, "float", "when", "price"]


def nasty(rows: int = 1200) -> pa.Table:
    """Columns named like SQL, like ours, like each other's parts; each with what is hard."""
    rng = np.random.default_rng(5)
    mass = np.exp(rng.normal(0, 2, rows))
    mass[::7] = 0
    return pa.table(
        {
            "select": rng.integers(-(2**63), 2**63 - 1, rows),
            'a "b"': pa.array([["", "ü漢", "x'y", None][number % 4] for number in range(rows)]),
            "rows": pa.array(rng.choice(["", "ü", "x y"], rows, p=[0.6, 0.3, 0.1])),
            "c0": rng.integers(0, 2, rows),
            "hash": mass,
            "even": rng.uniform(0.5, 1.5, rows),
            "order": pa.nulls(rows, pa.float64()),
            "day": [datetime.date(1969, 12, 30) + datetime.timedelta(number % 400) for number in range(rows)],
            "customer": rng.integers(0, 300, rows),
            "float": np.where(rng.random(rows) < 0.5, -0.5, 3.0),
            "when": pa.array(rng.integers(0, 2, rows) * 10**15, pa.timestamp("us", "Asia/Tokyo")),
            "price": pa.array([decimal.Decimal(f"{number % 2}.10") for number in range(rows)]),
        }
    )


def listed(table: pa.Table) -> list[dict[str, Any]]:
    """The rows as engines have them."""
    return table.cast(canonical(table.schema)).to_pylist()  # type: ignore[no-any-return]


def permuted(rows: pa.Table) -> pa.Table:
    return rows.take(np.random.default_rng(1).permutation(rows.num_rows))


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
        sized = Sample(key="select", strata="rows", sizes=sizes).run(bench, dataset=two)  # type: ignore[arg-type]
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
        for by in (None, "hash"):
            stage = Sample(key=KEY, strata=STRATA, sizes=sizes, weight_by=by, replacement=True, seed=9)  # type: ignore[arg-type]
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


def parts(stage: Stage, bench: Workbench, dataset: Dataset) -> dict[str, list[dict[str, Any]]]:
    return {name: part.table().to_pylist() for name, part in stage.run(bench, dataset=dataset).items()}  # type: ignore[attr-defined]


def by_cuts(
    rows: list[dict[str, Any]], key: list[str], stage: KeySplit, size: int | None
) -> dict[str, list[dict[str, Any]]]:
    """The parts: cut where the keys are counted, or, without a size, where the hashes are."""
    pairs = oracle.ordered(rows, key, stage.seed, stage.name)
    first, second = stage.cuts(size or 2**64)
    places = {hashed: place for place, hashed in enumerate(dict.fromkeys(hashed for hashed, _ in pairs))}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in stage.pieces}
    for hashed, row in pairs:
        place = places[hashed] if size else hashed + 2**63
        piece = 0 if place < first else 1 if place < second else 2
        found[next(name for name, pieces in stage.pieces.items() if piece in pieces)].append(row)
    return found


def same_parts(found: dict[str, list[Any]], wanted: dict[str, list[Any]]) -> bool:
    return {name: sorted(map(repr, rows)) for name, rows in found.items()} == {
        name: sorted(map(repr, rows)) for name, rows in wanted.items()
    }


class TestSplits:
    def test_by_key(self, bench: Workbench, store: Store, commit_rows: Commit) -> None:
        table = nasty()
        dataset = commit_rows(store, "f1", permuted(table))
        split = RandomSplit(key="customer", test=0.3, validation=0.2, seed=-4)
        found = parts(split, bench, dataset)
        assert same_parts(found, by_cuts(listed(table), ["customer"], split, None))
        keys = [{row["customer"] for row in part} for part in found.values()]
        assert sum(map(len, keys)) == len(set.union(*keys)) == len(set(table["customer"].to_pylist()))
        two = parts(RandomSplit(key="day", test=0.5), bench, dataset)
        assert (two["validation"], len(two["train"]) + len(two["test"])) == ([], table.num_rows)
        fold = KFoldSplit(key=["customer", "day"], folds=3, fold=2)
        assert same_parts(
            parts(fold, bench, dataset), by_cuts(listed(table), ["customer", "day"], fold, None)
        )

    def test_by_key_and_stratum(self, bench: Workbench, store: Store, commit_rows: Commit) -> None:
        table = nasty()
        city = pa.array([f"city {customer % 3 // 2}" for customer in table["customer"].to_pylist()])
        table = table.set_column(table.column_names.index("rows"), "rows", city)
        dataset = commit_rows(store, "g1", permuted(table))
        groups = oracle.grouped(listed(table), ["rows"])
        tested: list[int] = []
        stages: list[KeySplit] = [
            KFoldSplit(key="customer", strata="rows", folds=3, fold=n) for n in range(3)
        ]
        for stage in [RandomSplit(key="customer", strata="rows", test=0.25, validation=0.5), *stages]:
            wanted: dict[str, list[Any]] = {name: [] for name in stage.pieces}
            for group in groups.values():
                keys = len({row["customer"] for row in group})
                for name, rows in by_cuts(group, ["customer"], stage, keys).items():
                    wanted[name] += rows
            found = parts(stage, bench, dataset)
            assert same_parts(found, wanted)
            if isinstance(stage, KFoldSplit):
                tested += {row["customer"] for row in found["test"]}
        assert sorted(tested) == sorted(set(table["customer"].to_pylist()))

    def test_refuses(self, bench: Workbench, store: Store, commit_rows: Commit) -> None:
        table = pa.table(
            {"id": [1, 1, 2], "city": ["x", "y", "x"], "gap": ["x", None, "x"], "one": [1, 1, 1]}
        )
        dataset = commit_rows(store, "h1", table)
        with pytest.raises(InvalidInputError, match=r"random_split\.strata: 1 keys lie in several strata"):
            RandomSplit(key="id", strata="city").run(bench, dataset=dataset)
        with pytest.raises(InvalidInputError, match=r"k_fold_split\.strata: rows have no stratum"):
            KFoldSplit(key="id", strata="gap", fold=0).run(bench, dataset=dataset)
        with pytest.raises(InvalidInputError, match=r"random_split: the part '\w+' is empty"):
            RandomSplit(key="one").run(bench, dataset=dataset)
