"""Fitted encodings: what is made of a column, or of a cross of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from stagecraft.transforms.categorical import (
    FIRST,
    UNSEEN,
    AnyCategoricalMap,
    FittedIndex,
    categories,
    slot_type,
)
from stagecraft.transforms.layout import Feature
from stagecraft.transforms.numeric import AnyNumericMap, FittedBin
from stagecraft.transforms.types import check_categorical, check_numeric

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class ColumnEncoding(BaseModel):
    """Reads columns of raw rows, makes columns of encoded ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def inputs(self) -> list[str]:
        """The columns that it reads."""
        raise NotImplementedError

    def replaces(self) -> list[str]:
        """Those of its inputs that are not among the encoded columns, but where an output has the name."""
        return self.inputs()

    def check(self, column: str, kind: str) -> None:
        """Refuse an input of a type that it does not read.

        :param kind: an Arrow type as text
        :raises InvalidInputError: names the type and what would do
        """
        raise NotImplementedError

    def features(self) -> list[Feature]:
        """Its outputs, as a model learns from them."""
        raise NotImplementedError

    def outputs(self) -> list[pa.Field]:
        """Its outputs: numbers as float32, slots in the narrowest integers."""
        import pyarrow as pa

        return [
            pa.field(
                each.column, pa.type_for_alias("float" if each.kind == "numeric" else slot_type(each.size))
            )
            for each in self.features()
        ]

    def apply(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """Return the outputs' values."""
        raise NotImplementedError


class NumericEncoding(ColumnEncoding):
    """A numeric column through maps, in float64, to one float32; or to slots, where the last map bins.

    What lies beyond float32's range, infinity too, becomes its largest number, so that every encoded value is
    finite or NaN. NaN and NULL both are missing values.
    """

    type: Literal["numeric"] = "numeric"
    column: str
    maps: list[AnyNumericMap]

    def inputs(self) -> list[str]:
        return [self.column]

    def check(self, column: str, kind: str) -> None:
        check_numeric(f"encode.{column}", kind)

    @property
    def _bin(self) -> FittedBin | None:
        last = self.maps[-1] if self.maps else None
        return last if isinstance(last, FittedBin) else None

    def features(self) -> list[Feature]:
        if last := self._bin:
            return [Feature(self.column, "slot", last.size)]
        return [Feature(self.column)]

    def apply(self, batch: pa.RecordBatch) -> list[pa.Array]:
        import numpy as np

        from stagecraft.transforms.arrays import to_arrow

        values = float64(batch.column(self.column))
        last = self._bin
        with np.errstate(over="ignore"):
            for step in self.maps[:-1] if last else self.maps:
                values = step.map(values)
        if last:
            return [to_arrow(last.slots(values).astype(slot_type(last.size)))]
        return [to_arrow(float32(values))]


class MissingEncoding(ColumnEncoding):
    """Whether a column's value is missing (NULL or NaN): 1 or 0, in ``<column>_missing``."""

    type: Literal["missing"] = "missing"
    column: str

    def inputs(self) -> list[str]:
        return [self.column]

    def check(self, column: str, kind: str) -> None:
        """Any type will do."""

    def features(self) -> list[Feature]:
        return [Feature(f"{self.column}_missing")]

    def apply(self, batch: pa.RecordBatch) -> list[pa.Array]:
        import pyarrow as pa

        return [batch.column(self.column).is_null(nan_is_null=True).cast(pa.float32())]


class CategoricalEncoding(ColumnEncoding):
    """What becomes of the categories of one column or a cross of several: each is a slot first.

    :param output: the name of the column, or the start of the names, that it makes
    """

    columns: list[str] = Field(min_length=1)
    output: str
    map: AnyCategoricalMap

    def inputs(self) -> list[str]:
        return self.columns

    def replaces(self) -> list[str]:
        """A cross stands beside its parts."""
        return self.columns if len(self.columns) == 1 else []

    def check(self, column: str, kind: str) -> None:
        check_categorical(f"encode.{column}", kind)

    def slots(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return each row's slot."""
        return self.map.slots(categories([batch.column(name) for name in self.columns]))


class SlotEncoding(CategoricalEncoding):
    """The slot itself."""

    type: Literal["slot"] = "slot"

    def features(self) -> list[Feature]:
        return [Feature(self.output, "slot", self.map.size)]

    def apply(self, batch: pa.RecordBatch) -> list[pa.Array]:
        from stagecraft.transforms.arrays import to_arrow

        return [to_arrow(self.slots(batch))]


class OneHotEncoding(CategoricalEncoding):
    """A column ``<output>=<value>`` a value of the vocabulary: 1 in its rows, else 0.

    A missing value is 0 in all of them.

    :param unseen: whether a column ``<output>_unseen`` is 1 for a value that is not in the vocabulary
    """

    type: Literal["one_hot"] = "one_hot"
    map: FittedIndex
    unseen: bool = False

    def features(self) -> list[Feature]:
        unseen = [Feature(f"{self.output}_unseen")] if self.unseen else []
        return [*(Feature(f"{self.output}={value}") for value in self.map.vocabulary), *unseen]

    def apply(self, batch: pa.RecordBatch) -> list[pa.Array]:
        import numpy as np

        from stagecraft.transforms.arrays import to_arrow

        slots = self.slots(batch)
        wanted = [*range(FIRST, self.map.size), *([UNSEEN] if self.unseen else [])]
        return [to_arrow((slots == slot).astype(np.float32)) for slot in wanted]


class NumberEncoding(CategoricalEncoding):
    """A number for each slot of the vocabulary: a count, the label's mean; within float32's range.

    :param values: one a slot; of several lists, the one that the integer column ``fold`` names
    """

    type: Literal["number"] = "number"
    map: FittedIndex
    values: list[list[FiniteFloat]] = Field(min_length=1)
    fold: str | None = None

    @model_validator(mode="after")
    def _one_a_slot(self) -> Self:
        if any(len(values) != self.map.size for values in self.values):
            raise ValueError(f"{self.output}: not {self.map.size} values, one a slot")
        return self

    def inputs(self) -> list[str]:
        return [*self.columns, *([self.fold] if self.fold else [])]

    def replaces(self) -> list[str]:
        return [*super().replaces(), *([self.fold] if self.fold else [])]

    def check(self, column: str, kind: str) -> None:
        if column != self.fold:
            super().check(column, kind)

    def features(self) -> list[Feature]:
        return [Feature(self.output)]

    def apply(self, batch: pa.RecordBatch) -> list[pa.Array]:
        import numpy as np

        from stagecraft.transforms.arrays import to_arrow, to_numpy

        values = float32(np.array(self.values))
        fold = to_numpy(batch.column(self.fold)) if self.fold else 0
        return [to_arrow(values[fold, self.slots(batch)])]


class LabelEncoding(ColumnEncoding):
    """The label's classes as 0, 1 … in their order; in training rows alone.

    :param classes: the classes as text; every row has one of them
    """

    type: Literal["label"] = "label"
    column: str
    classes: FittedIndex

    def inputs(self) -> list[str]:
        return [self.column]

    def check(self, column: str, kind: str) -> None:
        check_categorical(f"encode.{column}", kind)

    def features(self) -> list[Feature]:
        return []

    def outputs(self) -> list[pa.Field]:
        import pyarrow as pa

        return [pa.field(self.column, pa.type_for_alias(slot_type(len(self.classes.vocabulary))))]

    def apply(self, batch: pa.RecordBatch) -> list[pa.Array]:
        import pyarrow as pa

        slots = self.classes.slots(categories([batch.column(self.column)]))
        return [pa.array(slots - FIRST).cast(self.outputs()[0].type)]


AnyEncoding = Annotated[
    NumericEncoding | MissingEncoding | SlotEncoding | OneHotEncoding | NumberEncoding | LabelEncoding,
    Field(discriminator="type"),
]


def float64(column: pa.Array) -> np.ndarray:
    """Return a numeric or boolean column as float64, NaN where a value is missing."""
    import numpy as np
    import pyarrow as pa

    from stagecraft.transforms.arrays import missing

    column = column.cast(pa.float64(), safe=False)
    data = column.buffers()[1]
    values = np.frombuffer(data or b"", np.float64)[column.offset : column.offset + len(column)]
    return np.where(missing(column), np.nan, values) if column.null_count else values


def float32(values: np.ndarray) -> np.ndarray:
    """Return float64 as float32; what lies beyond its range becomes its largest number."""
    import numpy as np

    limit = float(np.finfo(np.float32).max)
    return np.asarray(np.clip(values, -limit, limit), dtype=np.float32)
