"""Rows and the hash of their key, by which samples and splits choose: neither order nor engine matters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from stagecraft.errors import InvalidInputError
from stagecraft.stages.hashing import stable_hash
from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.engines.contract import Engine, Relation

HASHES = 2**64
"""The hashes that there are: a BIGINT's values, from ``-HASHES // 2`` on."""


def _names(value: Any) -> Any:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


ColumnNames = Annotated[list[str], BeforeValidator(_names), Field(min_length=1)]
"""One column, or several."""
OptionalColumnNames = Annotated[list[str], BeforeValidator(_names)]
"""No column, one, or several."""


@dataclass(frozen=True)
class KeyedRows:
    """The rows of a dataset under names of ours, so that the dataset's may be any.

    ``relation`` has its columns as ``c0``, ``c1`` …, its strata as ``s0``, ``s1`` … (NaN is a missing one),
    the ``hash`` of its key (BIGINT), and its ``mass``, what it is weighted by (DOUBLE, 1 where nothing is).
    ``scanned`` are the rows as they are.
    """

    scanned: Relation
    relation: Relation
    columns: list[str]
    key: list[str]
    strata: list[str]

    @classmethod
    def of(
        cls,
        engine: Engine,
        dataset: Dataset,
        stage: str,
        *,
        key: list[str],
        strata: list[str],
        seed: int,
        weight_by: str | None = None,
    ) -> KeyedRows:
        """Name and hash the rows.

        :param stage: the stage that asks, which has the fields ``key``, ``strata`` and ``weight_by``
        :raises InvalidInputError: a column is unknown, or of a type that does not do
        """
        given = {"key": key, "strata": strata, "weight_by": [weight_by] if weight_by else []}
        for field, names in given.items():
            dataset.require(f"{stage}.{field}", *names)
        rows = engine.scan(dataset)
        schema = engine.schema(rows)
        kinds = {field.name: str(field.type) for field in schema}
        hashed = stable_hash(seed, {name: kinds[name] for name in key}, where=f"{stage}.key")
        named = [f"{hashed} AS hash"]
        named += [f"rows.{quoted(name)} AS c{number}" for number, name in enumerate(schema.names)]
        named += [
            f"{_stratum(f'{stage}.strata', name, kinds[name])} AS s{number}"
            for number, name in enumerate(strata)
        ]
        mass = _mass(f"{stage}.weight_by", weight_by, kinds[weight_by]) if weight_by else "1"
        named.append(f"CAST({mass} AS DOUBLE) AS mass")
        relation = engine.sql(f"SELECT {', '.join(named)} FROM rows", rows=rows)
        return cls(rows, relation, schema.names, key, strata)

    def column(self, name: str) -> str:
        """Our name of a column."""
        return f"c{self.columns.index(name)}"

    @property
    def groups(self) -> list[str]:
        """Our names of the strata."""
        return [f"s{number}" for number in range(len(self.strata))]

    def originals(self, table: str = "rows") -> str:
        """The select list that gives the columns their own names back."""
        return ", ".join(f"{table}.c{number} AS {quoted(name)}" for number, name in enumerate(self.columns))

    def in_stratum(self, other: str) -> str:
        """The condition of a join: ``rows`` and the table ``other`` are of one stratum."""
        return same_stratum("rows", other, self.groups)

    def stratum(self, row: dict[str, Any]) -> dict[str, Any]:
        """The stratum that a row of ``s0``, ``s1`` … is of, by the dataset's names."""
        return {name: row[group] for name, group in zip(self.strata, self.groups, strict=True)}


def _stratum(where: str, name: str, kind: str) -> str:
    """The SQL of a stratum; NULL where it is missing."""
    if kind.startswith(("list", "binary")):
        raise InvalidInputError(where, f"{name!r} is of type {kind}", "numbers, strings, dates or times")
    column = f"rows.{quoted(name)}"
    return f"CASE WHEN NOT isnan({column}) THEN {column} END" if kind in ("float", "double") else column


def _mass(where: str, name: str, kind: str) -> str:
    if kind not in ("int32", "int64", "float", "double"):
        raise InvalidInputError(where, f"{name!r} is of type {kind}", "a column of numbers")
    return f"rows.{quoted(name)}"


def count_strata(engine: Engine, rows: KeyedRows, stage: str) -> pa.Table:
    """Count the rows of each stratum; all rows are one where there are no strata.

    :returns: the columns ``s0``, ``s1`` …; ``size``, the rows; ``sound`` and ``heavy``, those of a mass that
        is finite and not negative, and above 0; ``heaviest`` and ``total``, the greatest mass and their sum
    :raises InvalidInputError: there are no rows, or a row has no stratum
    """
    finite = "mass >= 0 AND mass < CAST('Infinity' AS DOUBLE)"
    selected = [
        *rows.groups,
        "count(*) AS size",
        f"count(CASE WHEN {finite} THEN 1 END) AS sound",
        "count(CASE WHEN mass > 0 THEN 1 END) AS heavy",
        "max(mass) AS heaviest",
        "sum(mass) AS total",
    ]
    grouped = f"GROUP BY {', '.join(rows.groups)}" if rows.groups else ""
    counted = engine.sql(f"SELECT {', '.join(selected)} FROM rows {grouped}", rows=rows.relation)
    found = engine.collect(counted)
    strata = found.to_pylist()
    if not sum(row["size"] for row in strata):
        raise InvalidInputError(f"{stage}.dataset", "it has no rows", "a dataset with rows")
    for row in strata:
        if None in rows.stratum(row).values():
            raise InvalidInputError(
                f"{stage}.strata",
                f"rows have no stratum: {rows.stratum(row)}",
                "fill or drop them",
            )
    return found


def same_stratum(left: str, right: str, groups: list[str]) -> str:
    """The condition of a join of two tables that name strata alike.

    >>> same_stratum("rows", "cuts", ["s0", "s1"])
    'rows.s0 = cuts.s0 AND rows.s1 = cuts.s1'
    """
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in groups) or "TRUE"


def share_of(hashed: str) -> str:
    """The SQL of a hash as a DOUBLE in [0, 1]: exact arithmetic, so the same on every engine.

    >>> share_of("hash")
    '(CAST(hash AS DOUBLE) / 1.8446744073709552e+19 + 0.5)'
    """
    return f"(CAST({hashed} AS DOUBLE) / {float(HASHES)!r} + 0.5)"


def salted(purpose: str, seed: int) -> int:
    """A seed for one purpose: a split of a sample must not choose by the hash that the sample chose by.

    >>> salted("sample", 0) != salted("random_split", 0)
    True
    """
    return int.from_bytes(hashlib.sha256(f"{purpose} {seed}".encode()).digest()[:7], "little")


def rounded(share: float, size: int) -> int:
    """The whole number of rows that a share of ``size`` rows is: floor(share · size + ½).

    >>> rounded(0.3, 5)
    2
    """
    return int(share * size + 0.5)
