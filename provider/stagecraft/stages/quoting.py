"""Names in SQL."""

from __future__ import annotations


def quoted(name: str) -> str:
    """Return a column's name as SQL, whatever it holds.

    >>> quoted('select "x" y')
    '"select ""x"" y"'
    """
    return '"' + name.replace('"', '""') + '"'
