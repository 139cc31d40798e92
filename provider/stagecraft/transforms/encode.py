"""The fitted encoding of a dataset's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from stagecraft.errors import InvalidInputError
from stagecraft.transforms.base import Transform
from stagecraft.transforms.encodings import AnyEncoding
from stagecraft.transforms.layout import Feature
from stagecraft.transforms.types import field_type

if TYPE_CHECKING:
    import pyarrow as pa


class Encode(Transform):
    """Encodes columns; those that no encoding reads pass through.

    An output named as the column that it replaces takes its place; the others follow at the end, in the
    encodings' order. A column that is replaced without an output of its name (one-hot, say) is left out.

    :param encodings: several may read one column; no two make one name, case ignored

    >>> from stagecraft.transforms.categorical import FittedHash, FittedIndex
    >>> from stagecraft.transforms.encodings import SlotEncoding
    >>> import pyarrow as pa
    >>> crossed = SlotEncoding(columns=["a", "b"], output="a_x_b", map=FittedHash(bits=4, salt="a_x_b"))
    >>> index = SlotEncoding(columns=["a"], output="a", map=FittedIndex(vocabulary=["x"]))
    >>> rows = pa.RecordBatch.from_pydict({"a": ["x", None], "b": [True, False]})
    >>> Encode(encodings=[index, crossed]).apply(rows).to_pylist()
    [{'a': 2, 'b': True, 'a_x_b': 9}, {'a': 0, 'b': False, 'a_x_b': 0}]
    """

    takes_dictionaries: ClassVar[bool] = True

    type: Literal["encode"] = "encode"
    encodings: list[AnyEncoding] = Field(min_length=1)

    def input_columns(self) -> list[str]:
        return list(dict.fromkeys(name for encoding in self.encodings for name in encoding.inputs()))

    def output_columns(self) -> list[str]:
        return [field.name for encoding in self.encodings for field in encoding.outputs()]

    def features(self) -> list[Feature]:
        return [feature for encoding in self.encodings for feature in encoding.features()]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        for encoding in self.encodings:
            for column in encoding.inputs():
                encoding.check(column, field_type(f"encode.{column}", schema, column))
        outputs = [field for encoding in self.encodings for field in encoding.outputs()]
        made = {field.name: field for field in outputs}
        replaced = {name for encoding in self.encodings for name in encoding.replaces()}
        kept = [field for field in schema if field.name in made or field.name not in replaced]
        names = [name for name in schema.names if name not in replaced] + [field.name for field in outputs]
        seen: dict[str, str] = {}
        for name in names:
            if name.lower() in seen:
                raise InvalidInputError(
                    f"encode.{name}",
                    f"columns named {seen[name.lower()]!r} and {name!r} would stand side by side",
                    "names that differ by more than case, by a query before or by another step",
                )
            seen[name.lower()] = name
        return pa.schema([*(made.pop(field.name, field) for field in kept), *made.values()])

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        schema = self.output_schema(batch.schema)
        made: dict[str, pa.Array] = {}
        for encoding in self.encodings:
            names = [field.name for field in encoding.outputs()]
            made.update(zip(names, encoding.apply(batch), strict=True))
        arrays = [made[name] if name in made else batch.column(name) for name in schema.names]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)
