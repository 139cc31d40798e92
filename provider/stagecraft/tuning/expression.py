"""Expressions over parameters, evaluated without Python's own evaluation."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from stagecraft.errors import InvalidInputError

NUMBERS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,  # A power of whole numbers could fill the memory.
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "log": math.log,
    "max": max,
    "min": min,
    "round": round,
    "sqrt": math.sqrt,
}
KNOWN = (
    "numbers, strings, parameters, + - * / // % **, comparisons, in, and, or, not, if … else, "
    + ", ".join(f"{name}()" for name in FUNCTIONS)
)


class Expression:
    """A Python expression over named values: arithmetic, comparisons, and a few functions, and nothing else.

    A parameter whose name holds a dot is written as it is: ``boosting.rounds * 2``.

    :param text: the expression
    :param where: what holds it, to name in errors
    :raises InvalidInputError: it is no such expression

    >>> Expression("rounds * 2 ** depth <= 4000").of({"rounds": 50, "depth": 6})
    True
    """

    def __init__(self, text: str, where: str = "expression") -> None:
        self.text, self.where = text, where
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError) as error:
            raise self._refusal(f"{text!r} is no expression ({error})") from None
        self._check(self._tree)

    @cached_property
    def names(self) -> set[str]:
        """The values that it asks for."""
        found: set[str] = set()

        def visit(node: ast.AST) -> None:
            match node:
                case ast.Name() | ast.Attribute():
                    found.add(_dotted(node))
                case ast.Call(args=arguments):
                    for argument in arguments:
                        visit(argument)
                case _:
                    for child in ast.iter_child_nodes(node):
                        visit(child)

        visit(self._tree)
        return found

    def of(self, values: Mapping[str, Any]) -> Any:
        """Return the expression's value.

        :raises InvalidInputError: a value is missing or of the wrong kind, or the result has no value
        """
        try:
            return self._value(self._tree, values)
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise self._refusal(f"{self.text!r} has no value with {dict(values)} ({error})") from None

    def _refusal(self, found: str) -> InvalidInputError:
        return InvalidInputError(self.where, found, KNOWN)

    def _check(self, node: ast.AST) -> None:
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None):
                return
            case ast.Name() | ast.Attribute():
                _dotted(node, self._refusal)
                return
            case ast.BinOp(op=op) | ast.UnaryOp(op=op) if type(op) in NUMBERS or isinstance(op, ast.Not):
                pass
            case ast.Compare(ops=ops) if all(type(op) in COMPARISONS for op in ops):
                pass
            case ast.Call(func=ast.Name(id=name), keywords=[]) if name in FUNCTIONS:
                for argument in node.args:
                    self._check(argument)
                return
            case ast.BoolOp() | ast.IfExp() | ast.Tuple() | ast.List():
                pass
            case _:
                raise self._refusal(f"{ast.unparse(node)!r} is not allowed in {self.text!r}")
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._check(child)

    def _value(self, node: ast.AST, values: Mapping[str, Any]) -> Any:
        def of(child: ast.AST) -> Any:
            return self._value(child, values)

        match node:
            case ast.Constant():
                return node.value
            case ast.Name() | ast.Attribute():
                return values[_dotted(node)]
            case ast.UnaryOp(op=ast.Not()):
                return not of(node.operand)
            case ast.UnaryOp():
                return NUMBERS[type(node.op)](_number(of(node.operand)))
            case ast.BinOp():
                return NUMBERS[type(node.op)](_number(of(node.left)), _number(of(node.right)))
            case ast.BoolOp(op=ast.And()):
                return all(of(child) for child in node.values)
            case ast.BoolOp():
                return any(of(child) for child in node.values)
            case ast.IfExp():
                return of(node.body) if of(node.test) else of(node.orelse)
            case ast.Call(func=ast.Name(id=name)):
                return FUNCTIONS[name](*map(of, node.args))
            case ast.Tuple() | ast.List():
                return [of(child) for child in node.elts]
            case ast.Compare():
                operands = [of(child) for child in (node.left, *node.comparators)]
                pairs = zip(node.ops, operands, operands[1:], strict=False)
                return all(COMPARISONS[type(op)](left, right) for op, left, right in pairs)
        raise self._refusal(f"{ast.unparse(node)!r} is not allowed in {self.text!r}")


def _dotted(node: ast.AST, refusal: Callable[[str], Exception] = ValueError) -> str:
    """Return the name that a node spells, as ``boosting.rounds``."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value, refusal)}.{name}"
    raise refusal(f"{ast.unparse(node)!r} is no parameter's name")


def _number(value: Any) -> int | float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return value
