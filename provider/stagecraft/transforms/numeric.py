"""Fitted maps of one numeric column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

if TYPE_CHECKING:
    import numpy as np

COMPARED_EDGES = 128
"""Up to so many edges, comparing with each is faster than a binary search."""


class NumericMap(BaseModel):
    """A fitted map float64 → float64, where NaN stands for a missing value.

    The map runs in numpy on every engine and in the server: the same bits everywhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    same_in_sql: ClassVar[bool] = True
    """Whether :meth:`sql` gives the same bits on every engine."""

    def map(self, values: np.ndarray) -> np.ndarray:
        """Return the mapped values; ``values`` itself is left as it is."""
        raise NotImplementedError

    def sql(self, expression: str) -> str:
        """The same map in SQL, for fitting the map that comes after this one."""
        raise NotImplementedError


class FittedFill(NumericMap):
    """Missing values become ``value``."""

    type: Literal["fill"] = "fill"
    value: FiniteFloat

    def map(self, values: np.ndarray) -> np.ndarray:
        import numpy as np

        filled: np.ndarray = np.where(np.isnan(values), self.value, values)
        return filled

    def sql(self, expression: str) -> str:
        return f"coalesce({expression}, {_double(self.value)})"


class FittedScale(NumericMap):
    """``(x - shift) / scale``."""

    type: Literal["scale"] = "scale"
    shift: FiniteFloat
    scale: FiniteFloat

    def map(self, values: np.ndarray) -> np.ndarray:

        moved: np.ndarray = values - self.shift
        moved /= self.scale
        return moved

    def sql(self, expression: str) -> str:
        return f"(({expression}) - {_double(self.shift)}) / {_double(self.scale)}"


class FittedLog(NumericMap):
    """``log(max(x, low) + offset)``; ``low`` is the smallest value of the fit, so no value gives NaN."""

    type: Literal["log"] = "log"
    offset: FiniteFloat
    low: FiniteFloat

    same_in_sql: ClassVar[bool] = False

    def map(self, values: np.ndarray) -> np.ndarray:
        import numpy as np

        moved: np.ndarray = np.maximum(values, self.low)
        moved += self.offset
        np.log(moved, out=moved)
        return moved

    def sql(self, expression: str) -> str:
        return f"ln({FittedClip(low=self.low).sql(expression)} + {_double(self.offset)})"


class FittedClip(NumericMap):
    """Values below ``low`` become ``low``, those above ``high`` become ``high``."""

    type: Literal["clip"] = "clip"
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None

    def map(self, values: np.ndarray) -> np.ndarray:
        import numpy as np

        clipped: np.ndarray = np.clip(values, self.low, self.high)
        return clipped

    def sql(self, expression: str) -> str:
        low = "" if self.low is None else f"WHEN {expression} < {_double(self.low)} THEN {_double(self.low)} "
        high = (
            ""
            if self.high is None
            else f"WHEN {expression} > {_double(self.high)} THEN {_double(self.high)} "
        )
        return f"(CASE {low}{high}ELSE {expression} END)" if low or high else expression


class FittedBin(NumericMap):
    """Slot 0 for a missing value, then 1 … bins; bin i holds edge i-1 ≤ x < edge i, the outer ones are open.

    >>> import numpy as np
    >>> FittedBin(edges=[0.0, 10.0]).slots(np.array([-5, 0, 9, 10, np.nan])).tolist()
    [1, 2, 2, 3, 0]
    """

    type: Literal["bin"] = "bin"
    edges: list[FiniteFloat]

    @property
    def size(self) -> int:
        """The number of slots."""
        return len(self.edges) + 2

    def slots(self, values: np.ndarray) -> np.ndarray:
        """Return each value's slot, int32."""
        import numpy as np

        if len(self.edges) > COMPARED_EDGES:
            found = np.searchsorted(np.array(self.edges), values, side="right").astype(np.int32) + 1
            found[np.isnan(values)] = 0
            return found
        counts: np.ndarray = (values == values).astype(np.uint8)
        for edge in self.edges:
            counts += values >= edge
        return counts.astype(np.int32)

    def map(self, values: np.ndarray) -> np.ndarray:
        import numpy as np

        return self.slots(values).astype(np.float64)

    def sql(self, expression: str) -> str:
        raise NotImplementedError("bins end a chain")


AnyNumericMap = Annotated[
    FittedFill | FittedScale | FittedLog | FittedClip | FittedBin, Field(discriminator="type")
]


def _double(value: float) -> str:
    return f"CAST({value!r} AS DOUBLE)"
