"""Names and values in SQL."""

from __future__ import annotations

from collections.abc import Iterable


def quoted(name: str) -> str:
    """Return a column's name as SQL, whatever it holds.

    >>> print(quoted('a "big" one'))
    "a ""big"" one"
    """
    return '"' + name.replace('"', '""') + '"'


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """Return a name that no column has, case ignored: ``wanted``, or that with underscores before it.

    >>> free_name("fold", ["Fold", "_FOLD"])
    '__fold'
    """
    names = {name.lower() for name in taken}
    while wanted.lower() in names:
        wanted = f"_{wanted}"
    return wanted


def literal(value: str | bool | int | float) -> str:
    """Return a value as SQL.

    >>> print(literal("it's"), literal(True), literal(0.5))
    'it''s' TRUE 0.5
    """
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).upper() if isinstance(value, bool) else repr(value)
