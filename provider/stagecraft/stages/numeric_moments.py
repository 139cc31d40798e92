"""Counts, moments and extremes of numeric columns: a part of them from each batch, put together exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stagecraft.stages.numeric_statistics import LARGEST
from stagecraft.transforms.encodings import float64

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.transforms.numeric import NumericMap


@dataclass(frozen=True)
class Moments:
    """A batch map: a row for each column, of what its values amount to after its maps.

    :param columns: column → its fitted maps
    """

    columns: Mapping[str, Sequence[NumericMap]]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        counts = [(name, pa.int64()) for name in ("column", "count", "missing", "beyond")]
        return pa.schema(counts + [(name, pa.float64()) for name in ("mean", "squares", "low", "high")])

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        rows = []
        for number, (column, maps) in enumerate(self.columns.items()):
            values = float64(batch.column(column))
            for each in maps:
                values = each.map(values)
            rows.append({"column": number, **_part(values)})
        return pa.RecordBatch.from_pylist(rows, schema=self.output_schema(batch.schema))


def together(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Put the parts of one column together; in which order they come does not matter.

    Source: Chan, Golub & LeVeque 1979, with sums that are rounded once (Shewchuk 1997).

    >>> halves = [
    ...     {"count": 1, "missing": 0, "beyond": 0, "mean": 1.0, "squares": 0.0, "low": 1.0, "high": 1.0},
    ...     {"count": 1, "missing": 2, "beyond": 0, "mean": 3.0, "squares": 0.0, "low": 3.0, "high": 3.0},
    ... ]
    >>> made = together(halves)
    >>> made["mean"], made["deviation"], made["missing"], made["high"]
    (2.0, 1.0, 2, 3.0)
    """
    made: dict[str, Any] = {
        name: sum(part[name] for part in parts) for name in ("count", "missing", "beyond")
    }
    filled = [part for part in parts if part["count"]]
    made["low"] = min((part["low"] for part in filled), default=None)
    made["high"] = max((part["high"] for part in filled), default=None)
    made["mean"] = made["deviation"] = None
    sizes = [part["count"] - part["beyond"] for part in filled]
    if usable := sum(sizes):
        means = [part["mean"] for part in filled]
        mean = math.fsum(size * each for size, each in zip(sizes, means, strict=True)) / usable
        between = [size * (each - mean) ** 2 for size, each in zip(sizes, means, strict=True)]
        squares = math.fsum([*(part["squares"] for part in filled), *between])
        constant = made["low"] == made["high"]
        made |= {
            "mean": made["low"] if constant else mean,
            "deviation": 0.0 if constant else math.sqrt(squares / usable),
        }
    return made


def _part(values: np.ndarray) -> dict[str, Any]:
    import numpy as np

    found = values[values == values]
    if not len(found):
        return {"count": 0, "missing": len(values), "beyond": 0, "mean": 0.0, "squares": 0.0}
    low, high = float(found.min()), float(found.max())
    usable = found if low >= -LARGEST and high <= LARGEST else found[np.abs(found) <= LARGEST]
    # Around one of the values, so that the error goes with their spread, not with how far they are from 0.
    mean = float(usable[0] + (usable - usable[0]).mean()) if len(usable) else 0.0
    away = usable - mean
    away *= away  # and a sum, not a dot product: BLAS's threads spin while they wait for one another.
    return {
        "count": len(found),
        "missing": len(values) - len(found),
        "beyond": len(found) - len(usable),
        "mean": mean,
        "squares": float(away.sum()),
        "low": low,
        "high": high,
    }
