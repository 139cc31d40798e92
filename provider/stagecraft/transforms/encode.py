"""The fitted encoding of a dataset's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from stagecraft.errors import InvalidInputError
from stagecraft.transforms.base import Transform
from stagecraft.transforms.columns import AnyCategoricalMap, AnyNumericMap

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

    NaN and NULL both are missing values. Arithmetic is float64, rounded once to float32.
    """

    type: Literal["encode"] = "encode"
    numeric: list[NumericEncoding]
    categorical: list[CategoricalEncoding]

    def input_columns(self) -> list[str]:
        return [entry.column for entry in [*self.numeric, *self.categorical]]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        for names, kind in (
            ([entry.column for entry in self.numeric], pa.float32()),
            ([entry.column for entry in self.categorical], pa.int32()),
        ):
            for name in names:
                schema = schema.set(schema.get_field_index(name), pa.field(name, kind))
        return schema

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import numpy as np
        import pyarrow as pa

        arrays = dict(zip(batch.schema.names, batch.columns, strict=True))
        for numeric in self.numeric:
            values = _float64(numeric.column, arrays[numeric.column])
            for step in numeric.maps:
                values = step.map(values)
            arrays[numeric.column] = pa.array(values.astype(np.float32), pa.float32())
        for categorical in self.categorical:
            arrays[categorical.column] = categorical.map.map(arrays[categorical.column])
        return pa.RecordBatch.from_arrays(list(arrays.values()), schema=self.output_schema(batch.schema))


def _float64(name: str, array: pa.Array) -> np.ndarray:
    """Return a numeric or boolean column as float64, NaN where a value is missing."""
    import numpy as np
    import pyarrow as pa

    try:
        column = array.cast(pa.float64(), safe=False)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise InvalidInputError(
            f"encode.{name}",
            f"values of type {array.type} are not numbers",
            "a numeric column, or Index() or Hash()",
        ) from error
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
