"""Sampling: exact counts, the same rows on every machine."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, FiniteFloat, ValidationInfo, field_validator, model_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.bottom_k import Bounds, Cut, find_cuts, hash_bounds, priority_bounds
from stagecraft.stages.draws import draw
from stagecraft.stages.hash_cut import HashCut
from stagecraft.stages.keyed import (
    ColumnNames,
    KeyedRows,
    OptionalColumnNames,
    count_strata,
    rounded,
    salted,
    share_of,
)
from stagecraft.stages.quoting import quoted
from stagecraft.stages.sample_sizes import Sizes, check_sizes, sizes_by_stratum, stratum_key

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.store import Draft
    from stagecraft.engines.contract import Engine, Relation


class Sample(Stage):
    """Takes exactly so many rows, by a hash of their key, and gives each the weight that undoes it.

    Which rows are taken depends on the key and the seed alone: not on their order, their partitions, the
    engine or the machine. Of a stratum of N rows n are taken: floor(fraction · N + ½), or as many as are
    asked for. All rows are one stratum where no ``strata`` are given.

    - Plain: the n rows of the smallest hash, each with the weight N/n.
    - ``weight_by``: priority sampling (Duffield, Lund & Thorup 2007): the n rows of the smallest u/w, where u
      in [0, 1] is the hash. The weight is 1 / min(1, w · τ) with τ, the smallest u/w that is not taken: the
      Horvitz-Thompson weight of a bottom-k sample (Cohen & Kaplan 2007). It needs no logarithm, in whose last
      bits engines differ.
    - ``replacement``: n independent draws of a row with the probability p = w/Σw (1/N where no weights are
      given), each with the weight 1 / (n · p) (Hansen & Hurwitz 1943).

    :param key: the columns that name a row, of integers, strings or dates
    :param strata: columns; each combination of their values is sampled by itself
    :param replacement: whether a row may be taken more than once
    :param fraction: part of each stratum, above 0; above 1 with replacement alone
    :param count: rows of each stratum
    :param sizes: stratum → count (int) or fraction (float), as ``{"A": 200, "B": 0.3}``; 0 leaves it out.
        Where the strata are of several columns: ``[{"stratum": {"city": "A", "late": 1}, "size": 200}, …]``
    :param weight_by: a column of weights of 0 or more
    :param seed: another seed takes other rows
    :param weight: the name of the weight column to add
    :param shuffle: whether the rows come out in an order drawn by the seed, so that what is trained in that
        order is reproducible

    >>> Sample(key="id", strata="city", sizes={"oslo": 200, "roma": 0.3}).taken({"city": "roma"}, 50)
    15
    """

    name = "sample"
    version = 2
    inputs = {"dataset": Kind.DATASET}
    outputs = {"dataset": Kind.DATASET}

    key: ColumnNames
    strata: OptionalColumnNames = []
    replacement: bool = False
    fraction: FiniteFloat | None = Field(default=None, gt=0)
    count: int | None = Field(default=None, ge=1)
    sizes: Sizes | None = None
    weight_by: str | None = None
    seed: int = 0
    weight: str = "weight"
    shuffle: bool = False

    @field_validator("fraction")
    @classmethod
    def _fraction_of_what_is_there(cls, fraction: float | None, info: ValidationInfo) -> float | None:
        if fraction is not None and fraction > 1 and info.data.get("replacement") is False:
            raise ValueError("a fraction above 1 needs replacement=True")
        return fraction

    @field_validator("sizes")
    @classmethod
    def _sizes_of_strata(cls, sizes: Sizes | None, info: ValidationInfo) -> Sizes | None:
        if sizes is not None and "strata" in info.data:
            check_sizes(sizes, info.data["strata"], replacement=info.data.get("replacement", True))
        return sizes

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if sum(size is not None for size in (self.fraction, self.count, self.sizes)) != 1:
            raise ValueError("give exactly one of fraction, count and sizes")
        return self

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        dataset: Dataset = inputs["dataset"]
        engine = bench.engine
        if self.weight.lower() in map(str.lower, dataset.columns):
            raise InvalidInputError(
                f"{self.name}.weight", f"the dataset has a column {self.weight!r} already", "another name"
            )
        rows = KeyedRows.of(
            engine,
            dataset,
            self.name,
            key=self.key,
            strata=self.strata,
            weight_by=self.weight_by,
            seed=self._salt,
        )
        wanted = self._wanted(rows, count_strata(engine, rows, self.name))
        take = self._drawn if self.replacement else self._cut
        engine.write(take(engine, rows, wanted), drafts["dataset"])
        drafts["dataset"].meta.update(dataset.encoding)
        bench.tracker.log(0, rows=drafts["dataset"].meta["rows"])

    def taken(self, stratum: dict[str, Any], size: int) -> int:
        """How many rows are taken of a stratum.

        :param stratum: column → value
        :param size: its rows
        :raises InvalidInputError: ``sizes`` do not name the stratum, or a fraction of it is no row
        """
        wanted: int | float | None = self.fraction if self.count is None else self.count
        if self.sizes is not None:
            wanted = self._by_stratum.get(stratum_key(stratum, self.strata))
        if wanted is None:
            raise InvalidInputError(
                f"{self.name}.sizes", f"they do not name the stratum {stratum}", "its size; 0 leaves it out"
            )
        taken = wanted if isinstance(wanted, int) else rounded(wanted, size)
        if wanted and not taken:
            raise InvalidInputError(
                f"{self.name}.{self._size_field}",
                f"the stratum {stratum} of {size} rows is empty at fraction {wanted}",
                "a larger fraction, or coarser strata",
            )
        return taken

    @cached_property
    def _by_stratum(self) -> dict[tuple[str, ...], int | float]:
        return sizes_by_stratum(self.sizes or {}, self.strata)

    @property
    def _salt(self) -> int:
        """A weighted sample of a plain one goes by another hash, which is not below the plain one's cut."""
        weighted = self.weight_by and not self.replacement
        return salted("weighted sample" if weighted else "sample", self.seed)

    @property
    def _size_field(self) -> str:
        return next(name for name in ("fraction", "count", "sizes") if getattr(self, name) is not None)

    def _wanted(self, rows: KeyedRows, strata: pa.Table) -> pa.Table:
        """The strata that are not left out, with how many rows of each to ``take``."""
        found = strata.to_pylist()
        named = [rows.stratum(row) for row in found]
        if self.sizes is not None:
            known = {stratum_key(stratum, self.strata) for stratum in named}
            if unknown := next((stratum for stratum in self._by_stratum if stratum not in known), None):
                raise InvalidInputError(
                    f"{self.name}.sizes",
                    f"no row is of the stratum {dict(zip(self.strata, unknown, strict=True))}",
                    f"one of {', '.join(map(str, named[:10]))}",
                )
        takes = [self.taken(stratum, row["size"]) for stratum, row in zip(named, found, strict=True)]
        for stratum, row, take in zip(named, found, takes, strict=True):
            where = f"the stratum {stratum}" if stratum else "the dataset"
            if unsound := row["size"] - row["sound"]:
                raise InvalidInputError(
                    f"{self.name}.weight_by",
                    f"{unsound} rows of {where} have a NULL, NaN, infinite or negative {self.weight_by!r}",
                    "finite weights of 0 or more",
                )
            if take and not row["heavy"]:
                raise InvalidInputError(
                    f"{self.name}.weight_by", f"all weights of {where} are 0", "a weight above 0"
                )
            if take > row["heavy"] and not self.replacement:
                raise InvalidInputError(
                    f"{self.name}.{self._size_field}",
                    f"{take} rows of {where} are wanted, which has {row['heavy']}"
                    + (" of a weight above 0" if self.weight_by else ""),
                    "fewer, or replacement=True",
                )
        kept = [number for number, take in enumerate(takes) if take]
        if not kept:
            raise InvalidInputError(f"{self.name}.sizes", "every stratum is left out", "a size above 0")
        return strata.append_column("take", [takes]).take(kept)

    def _cut(self, engine: Engine, rows: KeyedRows, wanted: pa.Table) -> Relation:
        """Without replacement: the rows of the smallest rank."""
        rank = f"CASE WHEN mass > 0 THEN {share_of('hash')} / mass END" if self.weight_by else "hash"
        ranked = engine.sql(f"SELECT *, {rank} AS rank FROM rows", rows=rows.relation)
        strata = wanted.select([*rows.groups, "heavy", "take"]).rename_columns([*rows.groups, "size", "take"])
        bounds: list[Bounds] = [
            priority_bounds(row["total"], row["heaviest"], row["take"])
            if self.weight_by
            else hash_bounds(row["size"], row["take"])
            for row in wanted.to_pylist()
        ]
        cuts = find_cuts(engine, ranked, strata, rows.groups, bounds, where=f"{self.name}.key")
        if not self.weight_by and not self.shuffle and (plain := self._plain_cut(engine, rows, strata, cuts)):
            return engine.map_batches(rows.scanned, plain)
        infinity = float("inf")
        table = strata.append_column("rank", [[cut.rank for cut in cuts]])
        table = table.append_column(
            "following", [[infinity if cut.following is None else float(cut.following) for cut in cuts]]
        )
        weight = "CAST(cuts.size AS DOUBLE) / cuts.take"
        if self.weight_by:
            chance = "rows.mass * cuts.following"
            weight = f"CASE WHEN {chance} < 1 THEN 1 / ({chance}) ELSE CAST(1 AS DOUBLE) END"
        return engine.sql(
            f"""
            SELECT {rows.originals()}, {weight} AS {quoted(self.weight)}
            FROM rows JOIN cuts ON {rows.in_stratum("cuts")}
            WHERE rows.rank <= cuts.rank
            {"ORDER BY rows.hash" if self.shuffle else ""}
            """,
            rows=ranked,
            cuts=engine.table(table),
        )

    def _plain_cut(
        self, engine: Engine, rows: KeyedRows, strata: pa.Table, cuts: list[Cut]
    ) -> HashCut | None:
        """The same as a map over batches, which joins and sorts nothing; None where the strata do not do."""
        found = strata.to_pylist()
        kinds = {field.name: str(field.type) for field in engine.schema(rows.scanned)}
        return HashCut.of(
            [rows.stratum(row) for row in found],
            [int(cut.rank) for cut in cuts],
            [row["size"] / row["take"] for row in found],
            seed=self._salt,
            key={name: kinds[name] for name in self.key},
            weight=self.weight,
        )

    def _drawn(self, engine: Engine, rows: KeyedRows, wanted: pa.Table) -> Relation:
        """With replacement."""
        return draw(
            engine,
            rows,
            wanted,
            weight=self.weight,
            seed=salted("draws", self.seed),
            shuffle=self.shuffle,
            where=f"{self.name}.key",
        )


class StratifiedSample(Sample):
    """A :class:`Sample` that must name its strata."""

    name = "stratified_sample"

    strata: ColumnNames
