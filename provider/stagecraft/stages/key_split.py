"""Splitting by key: what the splits by a hash of the key have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.bottom_k import DEVIATIONS, HIGHEST, LOWEST, find_cuts, hash_bounds
from stagecraft.stages.keyed import (
    HASHES,
    ColumnNames,
    KeyedRows,
    OptionalColumnNames,
    count_strata,
    salted,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Engine, Relation


class KeySplit(Stage):
    """Cuts the line of hashes twice; each part takes some of the three pieces.

    All rows of a key have one hash, so they are on one side. Without strata the line itself is cut, and parts
    have about their share of the keys; with strata the keys of each stratum are counted, and it is exact.
    """

    inputs = {"dataset": Kind.DATASET}
    pieces: ClassVar[Mapping[str, tuple[int, ...]]]
    """Output → the pieces that it takes: 0 below the first cut, 1 between, 2 above the second."""

    key: ColumnNames
    strata: OptionalColumnNames = []
    seed: int = 0

    @abstractmethod
    def cuts(self, size: int) -> tuple[int, int]:
        """How many of ``size`` keys lie below the first and below the second cut."""

    def may_be_empty(self, part: str) -> bool:
        """Whether an output is to have no rows."""
        return False

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        dataset: Dataset = inputs["dataset"]
        engine = bench.engine
        rows = KeyedRows.of(
            engine, dataset, self.name, key=self.key, strata=self.strata, seed=salted(self.name, self.seed)
        )
        cuts = self._exact(engine, rows) if self.strata else self._expected()
        placed = engine.sql(
            f"""
            SELECT rows.*,
                CASE WHEN hash <= cuts.first THEN 0 WHEN hash <= cuts.second THEN 1 ELSE 2 END AS piece
            FROM rows JOIN cuts ON {rows.in_stratum("cuts")}
            """,
            rows=rows.relation,
            cuts=engine.table(cuts),
        )
        if not self.strata:
            self._check_shares(engine, placed)
        for part, pieces in self.pieces.items():
            taken = ", ".join(map(str, pieces))
            query = f"SELECT {rows.originals()} FROM rows WHERE rows.piece IN ({taken})"
            engine.write(engine.sql(query, rows=placed), drafts[part])
            drafts[part].meta.update(dataset.encoding)
            found = drafts[part].meta["rows"]
            if not found and not self.may_be_empty(part):
                raise InvalidInputError(
                    self.name, f"the part {part!r} is empty", "a larger part, or more keys"
                )
            bench.tracker.log(0, **{f"{part}_rows": found})

    def _check_shares(self, engine: Engine, placed: Relation) -> None:
        """Refuse keys whose hashes are not spread evenly, as those of a split by the same hashes are not.

        A count may be as far from its share as 8 standard deviations are of a normal one, by Bernstein's
        inequality, which holds for few keys too.
        """
        counted = engine.sql(
            "SELECT piece, count(DISTINCT hash) AS keys FROM rows GROUP BY piece", rows=placed
        )
        counts = {row["piece"]: row["keys"] for row in engine.collect(counted).to_pylist()}
        keys = sum(counts.values())
        first, second = (cut / HASHES for cut in self.cuts(HASHES))
        for piece, share in enumerate((first, second - first, 1 - second)):
            found, expected = counts.get(piece, 0), keys * share
            third = DEVIATIONS**2 / 6
            if abs(found - expected) > third + math.sqrt(third**2 + DEVIATIONS**2 * expected * (1 - share)):
                raise InvalidInputError(
                    f"{self.name}.seed",
                    f"{found} of {keys} keys lie where about {expected:.0f} are expected",
                    "another seed: these rows were split by the same key and seed",
                )

    def _expected(self) -> pa.Table:
        import pyarrow as pa

        first, second = (max(LOWEST, LOWEST - 1 + taken) for taken in self.cuts(HASHES))
        return pa.table({"first": [first], "second": [second]})

    def _exact(self, engine: Engine, rows: KeyedRows) -> pa.Table:
        groups = ", ".join(rows.groups)
        keys = engine.materialize(
            engine.sql(
                f"SELECT {groups}, hash AS rank, CAST(1 AS DOUBLE) AS mass FROM rows GROUP BY {groups}, hash",
                rows=rows.relation,
            )
        )
        strata = count_strata(engine, replace(rows, relation=keys), self.name)
        repeated = "SELECT count(*) AS keys FROM (SELECT rank FROM keys GROUP BY rank HAVING count(*) > 1)"
        if several := engine.collect(engine.sql(repeated, keys=keys)).to_pylist()[0]["keys"]:
            raise InvalidInputError(
                f"{self.name}.strata",
                f"{several} keys lie in several strata",
                "strata that a key lies in one of, or none",
            )
        sizes = strata["size"].to_pylist()
        takes = {
            (row, cut): take for row, size in enumerate(sizes) for cut, take in enumerate(self.cuts(size))
        }
        inner = [at for at, take in takes.items() if 0 < take < sizes[at[0]]]
        wanted = strata.select([*rows.groups, "size"]).take([row for row, _ in inner])
        wanted = wanted.append_column("take", [[takes[at] for at in inner]])
        bounds = [hash_bounds(sizes[row], takes[row, cut]) for row, cut in inner]
        found = find_cuts(engine, keys, wanted, rows.groups, bounds, where=f"{self.name}.key")
        hashes = {at: LOWEST if not take else HIGHEST for at, take in takes.items()}
        hashes |= {at: int(cut.rank) for at, cut in zip(inner, found, strict=True)}
        table = strata.select(rows.groups)
        for number, name in enumerate(("first", "second")):
            table = table.append_column(name, [[hashes[row, number] for row in range(len(sizes))]])
        return table
