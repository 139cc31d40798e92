"""A split by key parts the rows as Python does, on every engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from tests.integration.stages import keyed_oracle as oracle
from tests.integration.stages.nasty_rows import listed, nasty, permuted

from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.store import Store
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.k_fold_split import KFoldSplit
from stagecraft.stages.key_split import KeySplit
from stagecraft.stages.random_split import RandomSplit

Commit = Callable[..., Dataset]


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

    def test_a_split_of_a_split(self, bench: Workbench, store: Store, commit_rows: Commit) -> None:
        """By the same hashes it would not have its shares; a few keys may be spread by chance."""
        dataset = commit_rows(store, "i1", pa.table({"id": range(2000)}))
        train = RandomSplit(key="id", test=0.5).run(bench, dataset=dataset)["train"]
        with pytest.raises(InvalidInputError, match=r"random_split\.seed: .*would do: another seed"):
            RandomSplit(key="id", test=0.6).run(bench, dataset=train)
        tested = RandomSplit(key="id", test=0.6, seed=1).run(bench, dataset=train)["test"]
        assert abs(tested.meta["rows"] / train.meta["rows"] - 0.6) < 0.1
        outer = KFoldSplit(key="id", folds=4, fold=0).run(bench, dataset=dataset)["train"]
        with pytest.raises(InvalidInputError, match=r"k_fold_split\.seed"):
            KFoldSplit(key="id", folds=4, fold=0).run(bench, dataset=outer)
        inner = KFoldSplit(key="id", folds=4, fold=0, seed=1).run(bench, dataset=outer)["test"]
        assert abs(inner.meta["rows"] / outer.meta["rows"] - 0.25) < 0.1
