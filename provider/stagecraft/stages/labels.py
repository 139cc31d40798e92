"""Labels: values become 0, 1 … as they sort, or are numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.artifacts.model import Model


MAX_CLASSES = 1000


def binary_label(
    where: str, column: pa.ChunkedArray, labels: list[Any] | None = None
) -> tuple[np.ndarray, list[Any]]:
    """Return the label as float32 0 and 1, and its two values, the negative first.

    The two values are ordered as they sort: 0 before 1, False before True, "no" before "yes".

    :param where: the stage and field, for the message, as ``"ps_train.label"``
    :param labels: the values that a model was trained with; found in the column where None
    :raises InvalidInputError: a missing value, one class alone, more than two, or other values
    """
    import numpy as np

    found, labels = class_label(where, column, labels, most=2)
    return found.astype(np.float32), labels


def class_label(
    where: str, column: pa.ChunkedArray, labels: list[Any] | None = None, *, most: int = MAX_CLASSES
) -> tuple[np.ndarray, list[Any]]:
    """Return the label as int64 0, 1 …, and its values as they sort.

    :param where: the stage and field, for the message, as ``"ps_train.label"``
    :param labels: the values that a model was trained with; found in the column where None
    :param most: the most classes that there may be
    :raises InvalidInputError: a missing value, one class alone, more than ``most``, or other values
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if missing := pc.sum(pc.is_null(column, nan_is_null=True)).as_py():
        raise InvalidInputError(
            where, f"{missing} of {len(column)} labels are missing", "drop those rows in the query"
        )
    found = sorted(pc.unique(column).to_pylist())
    if labels is None and not 2 <= len(found) <= most:
        shown = ", ".join(map(repr, found[:5]))
        wanted = "a label with two classes" if most == 2 else f"a label with 2 … {most} classes"
        raise InvalidInputError(where, f"the label has {len(found)} class(es): {shown}", wanted)
    labels = found if labels is None else labels
    if unknown := [value for value in found if value not in labels]:
        raise InvalidInputError(where, f"label value {unknown[0]!r}", f"one of {labels}, as in training")
    # An integer label may be asked for as a float, as 1.0.
    places = pc.index_in(column, pa.array(labels).cast(column.type))
    return np.asarray(places.to_numpy(), dtype=np.int64), labels


def numeric_label(
    where: str, column: pa.Array | pa.ChunkedArray, *, low: float | None = None, first: int = 0
) -> np.ndarray:
    """Return a column of numbers that float32 holds, as float64.

    :param low: the smallest that there may be
    :param first: the number of the first row, for the message
    :raises InvalidInputError: it is not numeric, or a value is missing, NaN, infinite or below ``low``
    """
    import numpy as np
    import pyarrow as pa

    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise InvalidInputError(where, f"values of type {column.type}", "numbers")
    values: np.ndarray = np.asarray(column).astype(np.float64)
    with np.errstate(over="ignore"):
        finite = np.isfinite(values.astype(np.float32))
    for refused, wanted in (
        (~finite, "no finite number"),
        (values < (-np.inf if low is None else low), f"below {low}"),
    ):
        if refused.any():
            row = int(np.argmax(refused))
            raise InvalidInputError(
                where, f"{values[row]} in row {first + row} is {wanted}", "drop those rows"
            )
    return values


def original_labels(where: str, encoder: Model, column: str, labels: list[Any] | None) -> list[Any] | None:
    """Return the label's values in raw rows, where the encoding made 0, 1 … of them.

    :param encoder: the model whose encoding made the rows
    :param labels: its values in the encoded rows; None where it is a number to predict
    :raises InvalidInputError: a number is to be predicted, and the encoding took the values for classes
    """
    classes = encoder.meta.get("labels") if encoder.meta.get("label") == column else None
    if classes is None:
        return labels
    if labels is None:
        raise InvalidInputError(where, f"{column!r} holds the classes {classes[:5]!r}", "a label of numbers")
    return [classes[code] for code in labels]


def handed_on(encoder: Model) -> dict[str, Any]:
    """What a model that goes on from an encoding keeps of it: the label's column and its classes."""
    return {name: encoder.meta[name] for name in ("label", "labels") if name in encoder.meta}


def row_weights(where: str, column: pa.Array | pa.ChunkedArray, *, first: int = 0) -> np.ndarray:
    """Return weights as float32.

    :param first: the number of the first row, for the message
    :raises InvalidInputError: a weight is missing, NaN, infinite or below zero
    """
    import numpy as np
    import pyarrow as pa

    weights = np.asarray(column.cast(pa.float32()), dtype=np.float32)
    refused = ~(np.isfinite(weights) & (weights >= 0))
    if refused.any():
        row = int(np.argmax(refused))
        raise InvalidInputError(
            where, f"the weight {weights[row]} in row {first + row}", "a finite weight of 0 or more"
        )
    return weights
