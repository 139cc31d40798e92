"""Hashes of rows in SQL, by which samples and splits choose."""

from __future__ import annotations

from collections.abc import Mapping

from stagecraft.errors import InvalidInputError
from stagecraft.stages.quoting import quoted
from stagecraft.transforms.types import INTEGERS

TEXTS = frozenset({"string", "large_string", "string_view", "date32[day]", "date64[ms]"})


def stable_hash(seed: int, columns: Mapping[str, str], *, where: str = "key") -> str:
    """Return the SQL of a row's hash: the same BIGINT on every engine and machine.

    It is XXH64 of the seed, then of each column: integers as eight bytes, strings and dates as text. A
    missing value leaves the hash as it is.

    :param columns: column → its Arrow type as text
    :param where: the stage and field that name the columns, for the message
    :raises InvalidInputError: a column is of another type, whose text or bytes differ from engine to engine

    >>> stable_hash(7, {"id": "int64", "name": "string"})
    'hash_text(hash_long(hash_long(42, 7), "id"), "name")'
    """
    chain = f"hash_long(42, {seed})"
    for name, kind in columns.items():
        column = quoted(name)
        if kind in INTEGERS:
            chain = f"hash_long({chain}, {column})"
        elif kind in TEXTS:
            text = column if "string" in kind else f"CAST({column} AS VARCHAR)"
            chain = f"hash_text({chain}, {text})"
        else:
            raise InvalidInputError(where, f"{name!r} is of type {kind}", "integers, strings or dates")
    return chain
