"""The SQL of a row's hash."""

from __future__ import annotations

import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.stages.hashing import stable_hash


def test_names_are_quoted_and_dates_go_as_text() -> None:
    found = stable_hash(-3, {'a "b"': "int32", "order": "large_string", "day": "date32[day]"})
    assert found == (
        'hash_text(hash_text(hash_long(hash_long(42, -3), "a ""b"""), "order"), CAST("day" AS VARCHAR))'
    )


def test_a_float_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"sample\.key.*'x' is of type double"):
        stable_hash(0, {"x": "double"}, where="sample.key")
