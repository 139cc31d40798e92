"""Stratified sampling: exact counts, the same rows on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.quoting import quoted

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft

KEY_TYPES = ("int", "uint", "string", "large_string", "date")


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


ColumnNames = Annotated[list[str], BeforeValidator(_names), Field(min_length=1)]


class StratifiedSample(Stage):
    """Takes the same fraction of every stratum, and gives each row the weight that undoes it.

    A stratum of N rows gives floor(fraction · N + ½) of them: those whose key has the smallest MD5 with the
    seed. So the rows do not depend on their order, their partitions, the engine or the machine; neither does
    the order in which they come out, that of the MD5. The weight is N over the number taken.

    :param strata: one column, or several
    :param fraction: in (0, 1]
    :param key: the columns that name a row, of integers, strings or dates
    :param seed: another seed takes other rows
    :param weight: the name of the weight column to add
    """

    name = "stratified_sample"
    inputs = {"dataset": Kind.DATASET}
    outputs = {"dataset": Kind.DATASET}

    strata: ColumnNames
    fraction: float = Field(gt=0, le=1)
    key: ColumnNames
    seed: int = 0
    weight: str = "weight"

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        dataset: Dataset = inputs["dataset"]
        self._check(dataset)
        engine = bench.engine
        rows = engine.scan(dataset)
        strata = ", ".join(quoted(name) for name in self.strata)
        key = ", ".join(quoted(name) for name in self.key)
        repeated = engine.collect(
            engine.sql(
                f"SELECT count(*) AS keys FROM (SELECT {key} FROM rows GROUP BY {key} HAVING count(*) > 1)",
                rows=rows,
            )
        ).to_pylist()[0]["keys"]
        if repeated:
            raise InvalidInputError(
                "stratified_sample.key",
                f"{repeated} values of {self.key} name several rows",
                "columns that name one",
            )
        taken = f"floor(CAST({self.fraction!r} AS DOUBLE) * size + 0.5)"
        counts = engine.collect(
            engine.sql(
                f"SELECT {strata}, size, {taken} AS taken FROM "
                f"(SELECT {strata}, count(*) AS size FROM rows GROUP BY {strata})",
                rows=rows,
            )
        ).to_pylist()
        for stratum in counts:
            named = {name: stratum[name] for name in self.strata}
            if None in named.values():
                raise InvalidInputError(
                    "stratified_sample.strata",
                    f"{stratum['size']} rows have no stratum: {named}",
                    "fill or drop them",
                )
            if not stratum["taken"]:
                raise InvalidInputError(
                    "stratified_sample.strata",
                    f"the stratum {named} of {stratum['size']} rows is empty at fraction {self.fraction}",
                    "a larger fraction, or coarser strata",
                )
        hashed = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in self.key)
        columns = ", ".join(quoted(name) for name in dataset.columns)
        sampled = engine.sql(
            f"""
            SELECT {columns}, CAST(size AS DOUBLE) / {taken} AS {quoted(self.weight)}
            FROM (
                SELECT *, count(*) OVER (PARTITION BY {strata}) AS size,
                    row_number() OVER (PARTITION BY {strata} ORDER BY digest, {key}) AS rank
                FROM (SELECT {columns}, md5(concat_ws('/', '{self.seed}', {hashed})) AS digest FROM rows)
            )
            WHERE rank <= {taken}
            ORDER BY digest, {key}
            """,
            rows=rows,
        )
        engine.write(sampled, drafts["dataset"])
        bench.tracker.log(0, rows=drafts["dataset"].meta["rows"])

    def _check(self, dataset: Dataset) -> None:
        dataset.require("stratified_sample.strata", *self.strata)
        dataset.require("stratified_sample.key", *self.key)
        taken = {"size", "rank", "digest", self.weight} & set(dataset.columns)
        if taken:
            raise InvalidInputError(
                "stratified_sample.dataset", f"it has a column {taken.pop()!r} already", "another name for it"
            )
        for name in self.key:
            if not dataset.columns[name].startswith(KEY_TYPES):
                raise InvalidInputError(
                    "stratified_sample.key",
                    f"{name!r} is of type {dataset.columns[name]}",
                    f"one of {KEY_TYPES}",
                )
