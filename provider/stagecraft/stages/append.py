"""Rows of two datasets, one after another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.quoting import literal, quoted

if TYPE_CHECKING:
    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft, Store
    from stagecraft.engines.contract import Relation


class Append(Stage):
    """The rows of ``first``, then those of ``second``; raw ones are encoded as those of ``first`` are.

    The columns are those of ``first``.

    :param fill: column → its value in rows of ``second``, where these have no such column

    >>> Append(fill={"weight": 1.0}).outputs
    {'dataset': <Kind.DATASET: 'dataset'>}
    """

    name: ClassVar[str] = "append"
    inputs: ClassVar[Mapping[str, Kind]] = {"first": Kind.DATASET, "second": Kind.DATASET}
    outputs: ClassVar[Mapping[str, Kind]] = {"dataset": Kind.DATASET}

    fill: dict[str, float] = {}

    def check(self, where: str, store: Store, first: Dataset, second: Dataset) -> Model | None:
        """Return the model that encodes rows of ``second``, or None where they are as they should be.

        :param where: what asks, for the message
        :raises InvalidInputError: the rows do not fit together
        """
        encoder: Model | None = None
        if first.is_sparse:
            raise InvalidInputError(where, "the rows are sparse", "rows before they are made sparse")
        if first.model != second.model:
            if first.model is None or second.model is not None:
                raise InvalidInputError(
                    where, "the rows are encoded by another model", "raw rows, or rows of the same encoding"
                )
            found = store.open(first.model)
            assert isinstance(found, Model)
            found.check_input(where, second)
            encoder = found
        made = encoder.chain.transforms if encoder else ()
        known = {*second.columns, *(name for each in made for name in each.output_columns()), *self.fill}
        if missing := [name for name in first.columns if name not in known]:
            raise InvalidInputError(
                where,
                f"it has no column {missing[0]!r}, and the rows that it goes to have",
                f"the columns {', '.join(first.columns)}",
            )
        return encoder

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        first, second, engine = inputs["first"], inputs["second"], bench.engine
        encoder = self.check("append.second", bench.store, first, second)
        more: Relation = engine.scan(second)
        if encoder is not None:
            more = engine.map_batches(more, encoder.chain)
        columns = ", ".join(quoted(name) for name in first.columns)
        others = ", ".join(self._second(name, second, encoder) for name in first.columns)
        query = f"SELECT {columns} FROM first_rows UNION ALL SELECT {others} FROM second_rows"
        rows = engine.sql(query, first_rows=engine.scan(first), second_rows=more)
        engine.write(rows, drafts["dataset"])
        drafts["dataset"].meta.update(first.encoding)

    def _second(self, name: str, second: Dataset, encoder: Model | None) -> str:
        """Return a column of rows of ``second`` as SQL."""
        if name in self.fill and name not in second.columns:
            return f"{literal(self.fill[name])} AS {quoted(name)}"
        if encoder is None or encoder.meta.get("label") != name or "labels" not in encoder.meta:
            return quoted(name)
        # The encoding has made 0, 1 … of the label's classes.
        cases = " ".join(
            f"WHEN {literal(value)} THEN {place}" for place, value in enumerate(encoder.meta["labels"])
        )
        return f"CASE {quoted(name)} {cases} END AS {quoted(name)}"
