"""Names in SQL."""

from __future__ import annotations


def quoted(name: str) -> str:
    """Return a column's name as SQL, whatever it holds.

    >>> print(quoted('a "big" one'))
    "a ""big"" one"
    """
    return '"' + name.replace('"', '""') + '"'
