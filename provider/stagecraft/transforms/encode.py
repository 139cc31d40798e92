"""The fitted encoding of a dataset's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from stagecraft.transforms.base import Transform
from stagecraft.transforms.columns import AnyCategoricalMap, AnyNumericMap
from stagecraft.transforms.types import check_categorical, check_numeric, field_type

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class NumericEncoding(BaseModel):
    """A column and the maps that make a float32 of it, in their order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    maps: list[AnyNumericMap]


class CategoricalEncoding(BaseModel):
    """A column and the map that makes an int32 slot of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    map: AnyCategoricalMap


class Encode(Transform):
    """Numeric columns become float32, categorical ones int32 slots; other columns pass through.

    NaN and NULL both are missing values. Arithmetic is float64, rounded once to float32; what lies beyond
    float32's range, infinity too, becomes its largest number, so that every encoded value is finite or NaN.
    """

    type: Literal["encode"] = "encode"
    numeric: list[NumericEncoding]
    categorical: list[CategoricalEncoding]

    @model_validator(mode="after")
    def _once(self) -> Self:
        columns = self.input_columns()
        for column in columns:
            if columns.count(column) > 1:
                raise ValueError(f"the column {column!r} is encoded twice")
        return self

    def input_columns(self) -> list[str]:
        return [*(entry.column for entry in self.numeric), *(entry.column for entry in self.categorical)]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        made: dict[str, pa.DataType] = {}
        for numeric in self.numeric:
            where = f"encode.{numeric.column}"
            check_numeric(where, field_type(where, schema, numeric.column))
            made[numeric.column] = pa.float32()
        for categorical in self.categorical:
            where = f"encode.{categorical.column}"
            check_categorical(where, field_type(where, schema, categorical.column))
            made[categorical.column] = pa.int32()
        return pa.schema([pa.field(f.name, made[f.name]) if f.name in made else f for f in schema])

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        schema = self.output_schema(batch.schema)
        made: dict[str, pa.Array] = {}
        limit = float(np.finfo(np.float32).max)
        for numeric in self.numeric:
            values = float64(batch.column(numeric.column))
            with np.errstate(over="ignore"):
                for step in numeric.maps:
                    values = step.map(values)
            made[numeric.column] = pa.array(np.clip(values, -limit, limit).astype(np.float32))
        for categorical in self.categorical:
            made[categorical.column] = categorical.map.map(batch.column(categorical.column))
        arrays = [made.get(name, column) for name, column in zip(schema.names, batch.columns, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def float64(column: pa.Array) -> np.ndarray:
    """Return a numeric or boolean column as float64, NaN where a value is missing."""
    import numpy as np
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
