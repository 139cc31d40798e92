"""What trees learn: the label and the weight of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError
from stagecraft.stages.quoting import quoted
from stagecraft.transforms.types import NUMERIC

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.engines.contract import Engine, Relation
    from stagecraft.stages.boosting import Objective

MAX_CLASSES = 1000
LARGEST = 3.4028234663852886e38
CLASSES = {"binary": "two classes", "multi-class": f"3 to {MAX_CLASSES} classes"}


@dataclass(frozen=True)
class Target:
    """A label, checked to be what the objective takes, and a weight.

    :param classes: the label's values in their order; None where it is a number
    :param weight: the column of the rows' weights, or None
    """

    label: str
    classes: list[Any] | None
    weight: str | None

    @classmethod
    def fit(
        cls,
        engine: Engine,
        rows: Relation,
        label: str,
        weight: str | None,
        objective: Objective,
        stage: str,
    ) -> Target:
        """Look at the label and the weight of all rows.

        :param stage: which asks, for the message
        :raises InvalidInputError: a label is missing, infinite, no number, or of a number of classes that
            the objective does not take; a weight is not finite or below 0
        """
        if weight is not None:
            _numbers(engine, rows, f"{stage}.weight", weight, "a finite weight of 0 or more", least=0.0)
        if objective == "regression":
            _numbers(engine, rows, f"{stage}.label", label, "a finite number")
            return cls(label, None, weight)
        return cls(label, _classes(engine, rows, f"{stage}.label", label, objective), weight)

    @property
    def columns(self) -> list[str]:
        return [self.label, *([self.weight] if self.weight else [])]

    def labels(self, rows: pa.Table) -> np.ndarray:
        """The labels as float32: the number itself, or that of the class."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        column = rows[self.label]
        if self.classes is not None:
            column = pc.index_in(column, value_set=pa.array(self.classes, column.type))
        return np.asarray(column.cast(pa.float32(), safe=False).to_numpy(), dtype=np.float32)

    def weights(self, rows: pa.Table) -> np.ndarray | None:
        """The weights as float32."""
        import numpy as np
        import pyarrow as pa

        if self.weight is None:
            return None
        column = rows[self.weight].cast(pa.float32(), safe=False)
        return np.asarray(column.to_numpy(), dtype=np.float32)


def _classes(engine: Engine, rows: Relation, where: str, column: str, objective: str) -> list[Any]:
    kind = engine.schema(rows).field(column).type
    if str(kind).startswith("list"):
        raise InvalidInputError(where, f"{column!r} is of type {kind}", "a column of one value a row")
    query = f"SELECT {quoted(column)} AS value, count(*) AS n FROM rows GROUP BY 1 LIMIT {MAX_CLASSES + 2}"
    counts = engine.collect(engine.sql(query, rows=rows)).to_pylist()
    if missing := sum(row["n"] for row in counts if row["value"] is None or row["value"] != row["value"]):
        raise InvalidInputError(
            where, f"{missing} rows have no {column!r} (NULL or NaN)", "drop those rows in the query"
        )
    found = sorted(row["value"] for row in counts)
    if not (len(found) == 2 if objective == "binary" else 3 <= len(found) <= MAX_CLASSES):
        shown = ", ".join(map(repr, found[:5])) + (", …" if len(found) > 5 else "")
        many = f"more than {MAX_CLASSES}" if len(found) > MAX_CLASSES else str(len(found))
        raise InvalidInputError(
            where,
            f"the label {column!r} has {many} class(es): {shown}",
            f'{CLASSES[objective]}, or another objective: "binary", "multi-class", "regression"',
        )
    return found


def _numbers(
    engine: Engine, rows: Relation, where: str, column: str, wanted: str, least: float = -LARGEST
) -> None:
    """Refuse a column that holds anything but numbers of float32 from ``least`` on."""
    kind = str(engine.schema(rows).field(column).type)
    if kind not in NUMERIC:
        raise InvalidInputError(where, f"{column!r} is of type {kind}, which is no number", wanted)
    query = (
        "SELECT value, count(*) AS n FROM "
        f"(SELECT CAST({quoted(column)} AS DOUBLE) AS value FROM rows) AS numbers "
        f"WHERE value IS NULL OR NOT (value >= {least!r} AND value <= {LARGEST!r}) "
        "GROUP BY value ORDER BY value LIMIT 1"
    )
    for row in engine.collect(engine.sql(query, rows=rows)).to_pylist():
        raise InvalidInputError(where, f"{row['n']} rows have the value {row['value']} in {column!r}", wanted)
