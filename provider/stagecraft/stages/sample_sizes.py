"""How many rows of each stratum a sample takes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, FiniteFloat, StrictInt


def stratum_text(value: Any) -> str:
    """A stratum's value as sizes name it: JSON has no other keys than text.

    >>> stratum_text(True), stratum_text(3.0), stratum_text(datetime.date(2013, 1, 2))
    ('true', '3', '2013-01-02')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


StratumText = Annotated[str, BeforeValidator(stratum_text)]
Size = Annotated[StrictInt, Field(ge=0)] | Annotated[FiniteFloat, Field(ge=0, strict=True)]
"""A whole number is a count of rows, a float a fraction of the stratum; 0 leaves the stratum out."""


class StratumSize(BaseModel, frozen=True, extra="forbid"):
    """How many rows of one stratum are taken.

    :param stratum: column → value
    :param size: a count of rows (int) or a fraction of them (float)
    """

    stratum: dict[str, StratumText]
    size: Size


Sizes = dict[StratumText, Size] | list[StratumSize]
"""By the value of the one column of strata; or a list, where they are of several."""


def check_sizes(sizes: Sizes, strata: Sequence[str], *, replacement: bool) -> None:
    """Refuse sizes that do not fit the columns of the strata.

    :raises ValueError: there are no strata; a stratum does not name each column once, or is there twice; a
        fraction above 1 without replacement
    """
    if not strata:
        raise ValueError("sizes are those of strata: name their columns")
    if isinstance(sizes, dict):
        if len(strata) > 1:
            example = {"stratum": dict.fromkeys(strata, "…"), "size": 200}
            raise ValueError(f"the strata are of {len(strata)} columns: give a list, as [{example}, …]")
    else:
        for entry in sizes:
            if set(entry.stratum) != set(strata):
                raise ValueError(f"the stratum {entry.stratum} does not name the columns {list(strata)}")
        if len(sizes_by_stratum(sizes, strata)) < len(sizes):
            raise ValueError("a stratum is there twice: name it once")
    given = sizes.values() if isinstance(sizes, dict) else [entry.size for entry in sizes]
    if not replacement and any(isinstance(size, float) and size > 1 for size in given):
        raise ValueError("a fraction above 1 needs replacement=True (a count is a whole number)")


def sizes_by_stratum(sizes: Sizes, strata: Sequence[str]) -> dict[tuple[str, ...], int | float]:
    """The sizes by the texts of their stratum's values, in the order of ``strata``."""
    if isinstance(sizes, dict):
        return {(value,): size for value, size in sizes.items()}
    return {tuple(entry.stratum[name] for name in strata): entry.size for entry in sizes}


def stratum_key(stratum: Mapping[str, Any], strata: Sequence[str]) -> tuple[str, ...]:
    """The key of a stratum, column → value, in :func:`sizes_by_stratum`."""
    return tuple(stratum_text(stratum[name]) for name in strata)
