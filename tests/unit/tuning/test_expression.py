"""Expressions: Python's own answers to what is allowed, and refusal of all else."""

from __future__ import annotations

from typing import Any

import pytest

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.expression import Expression

VALUES: dict[str, Any] = {"a": 3, "b": 0.5, "name": "gbtree", "none": None}


@pytest.mark.parametrize(
    "text",
    [
        "a * 2 + b <= 6.5",
        "1 < a < 4 and not b > 1",
        "a if name == 'gbtree' else b",
        "name in ('gbtree', 'dart') or a == 7",
        "name not in ['dart']",
        "max(a, b, 2) - min(a, b) // 1 + abs(-a) + round(b * 5) % 2",
        "2 ** a == 8.0",
        "none == None",
        "-a < +b != True",
    ],
)
def test_it_has_the_value_that_python_gives_it(text: str) -> None:
    assert Expression(text).of(VALUES) == eval(text, {}, VALUES)


def test_names_may_hold_dots_and_are_known() -> None:
    rule = Expression("boosting.rounds * log(boosting.depth) < limit")
    assert rule.names == {"boosting.rounds", "boosting.depth", "limit"}
    assert rule.of({"boosting.rounds": 3, "boosting.depth": 1, "limit": 1}) is True


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "open('x')",
        "(lambda: 1)()",
        "[x for x in (1, 2)]",
        "a.b()",
        "a[0]",
        "f'{a}'",
        "a := 1",
        "max(a, key=b)",
        "(1).real",
        "a @ b",
        "a << 9",
        "b''",
        "",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="expression"):
        Expression(text)


@pytest.mark.parametrize("text", ["a / (a - 3)", "name * 9", "c + 1", "9.0 ** 9 ** 9", "log(0)", "a < name"])
def test_an_expression_without_a_value_says_so(text: str) -> None:
    with pytest.raises(InvalidInputError, match="has no value"):
        Expression(text).of(VALUES)
