"""The label of an encoding: classes become 0, 1 …, numbers stay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.stages.quoting import literal, quoted
from stagecraft.transforms.categorical import FittedIndex
from stagecraft.transforms.encodings import LabelEncoding
from stagecraft.transforms.types import INTEGERS, NUMERIC

if TYPE_CHECKING:
    from stagecraft.engines.contract import Engine, Relation

MAX_CLASSES = 1000
LARGEST = 1.7976931348623157e308
SUM_BITS = 62
"""A sum of labels, scaled to be whole, stays below 2^62."""


@dataclass(frozen=True)
class Label:
    """The label's column, as the fit's rows have it.

    :param classes: its values as they sort (False before True, strings by their bytes); None: it is a number
    :param encoding: what maps the classes to 0, 1 …
    :param number: SQL of the label as DOUBLE, 0 or 1 where it has two classes; None where it has more
    :param whole: SQL of ``scale`` times that number as BIGINT: its sum is exact, in whatever order
    """

    column: str
    classes: list[bool] | list[int] | list[str] | None
    encoding: LabelEncoding | None
    number: str | None
    whole: str | None
    scale: float


def fit_label(engine: Engine, rows: Relation, column: str, kind: str, classes: bool | None) -> Label:
    """Look at the label.

    :param kind: its Arrow type as text
    :param classes: whether its values are classes; None: they are where they are no numbers
    :raises InvalidInputError: a label is missing or infinite, or there is one class, or more than 1000
    """
    if classes is None:
        classes = kind not in NUMERIC - {"bool"}
    if not classes:
        return _numbers(engine, rows, column, kind)
    if kind not in INTEGERS | {"bool", "string", "large_string", "string_view"}:
        raise InvalidInputError("encode.label", f"classes of type {kind}", "strings, integers or booleans")
    return _classes(engine, rows, column)


def _classes(engine: Engine, rows: Relation, column: str) -> Label:
    label = quoted(column)
    found = engine.collect(
        engine.sql(
            f"SELECT {label} AS value, CAST({label} AS VARCHAR) AS text, count(*) AS count FROM rows "
            f"GROUP BY {label} ORDER BY value LIMIT {MAX_CLASSES + 2}",
            rows=rows,
        )
    ).to_pylist()
    _refuse_missing(sum(row["count"] for row in found if row["value"] is None), column)
    found.sort(key=lambda row: row["value"])
    if not 2 <= len(found) <= MAX_CLASSES:
        shown = f"{len(found)} class(es)" if len(found) <= MAX_CLASSES else f"more than {MAX_CLASSES} classes"
        raise InvalidInputError("encode.label", f"{column!r} has {shown}", "two classes or more")
    texts = [row["text"] for row in found]
    number = whole = None
    if len(found) == 2:
        whole = f"CAST(CASE WHEN CAST({label} AS VARCHAR) = {literal(texts[1])} THEN 1 ELSE 0 END AS BIGINT)"
        number = f"CAST({whole} AS DOUBLE)"
    encoding = LabelEncoding(column=column, classes=FittedIndex(vocabulary=texts))
    return Label(column, [row["value"] for row in found], encoding, number, whole, 1.0)


def _numbers(engine: Engine, rows: Relation, column: str, kind: str) -> Label:
    if kind not in NUMERIC:
        raise InvalidInputError(
            "encode.label", f"{column!r} is of type {kind}, no number", "a number, or classes=True"
        )
    number = f"CAST({quoted(column)} AS DOUBLE)"
    finite = f"size <= {LARGEST!r}"
    [found] = engine.collect(
        engine.sql(
            f"SELECT count(*) AS rows, max(CASE WHEN {finite} THEN size END) AS largest, "
            f"sum(CASE WHEN {finite} THEN 0 ELSE 1 END) AS missing "
            f"FROM (SELECT abs({number}) AS size FROM rows) AS sizes",
            rows=rows,
        )
    ).to_pylist()
    _refuse_missing(found["missing"] or 0, column)
    # A power of two, so that the product is exact; what is rounded off is below 2^-61 × rows of the largest.
    exponent = SUM_BITS - math.frexp(found["largest"] or 1.0)[1] - max(found["rows"], 1).bit_length()
    scale = 2.0 ** min(max(exponent, -1000), 1000)
    whole = f"CAST(floor({number} * CAST({scale!r} AS DOUBLE) + 0.5) AS BIGINT)"
    return Label(column, None, None, number, whole, scale)


def _refuse_missing(count: int, column: str) -> None:
    if count:
        raise InvalidInputError(
            "encode.label", f"{count} rows have no {column!r}", "drop those rows in the query"
        )
