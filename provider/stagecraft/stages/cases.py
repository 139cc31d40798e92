"""What goes by the stratum, said without a join: wide rows are costly to join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stagecraft.stages.quoting import literal, quoted

FEW = 32


def are_few(strata: Sequence[Mapping[str, Any]]) -> bool:
    """Whether strata can be said as cases: few, of texts, integers or booleans."""
    values = [value for stratum in strata for value in stratum.values()]
    return len(strata) <= FEW and all(isinstance(value, str | bool | int) for value in values)


def by_case(strata: Sequence[Mapping[str, Any]], values: Sequence[str]) -> str:
    """Return the SQL of a value that goes by the stratum; NULL in any other.

    :param strata: column → value; a single one without columns is of all rows
    :param values: SQL, one a stratum

    >>> print(by_case([{"s0": "a"}, {"s0": "b"}], ["1", "2"]))
    CASE WHEN "s0" = 'a' THEN 1 WHEN "s0" = 'b' THEN 2 END
    """
    if len(strata) == 1 and not strata[0]:
        return values[0]
    cases = [
        f"WHEN {' AND '.join(f'{quoted(name)} = {literal(value)}' for name, value in stratum.items())} "
        f"THEN {sql}"
        for stratum, sql in zip(strata, values, strict=True)
    ]
    return f"CASE {' '.join(cases)} END"
