"""Search spaces: named dimensions, what they ask of each other, and the unit cube that searchers work in."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from stagecraft.errors import InvalidInputError
from stagecraft.tuning.dimensions import WHERE, Choice, Dimension, Integer, LogUniform, Uniform, Value
from stagecraft.tuning.expression import Expression

Parameters = dict[str, Value]

DRAWS = 10_000
INACTIVE = 0.5


@dataclass(frozen=True)
class Space:
    """Named dimensions, in an order that does not depend on how they were written down.

    :param dimensions: name → dimension. One whose ``when`` does not hold is left out of the parameters
    :param constraints: name → :class:`Expression` over parameters that must hold; it holds where a parameter
        that it asks for is left out
    :raises InvalidInputError: the space is empty, a condition or a constraint asks for what there is not, or
        nothing in it satisfies the constraints

    >>> Space({"depth": Integer(2, 6), "alpha": Uniform(0.0, 1.0)}).from_unit([0.5, 0.0])
    {'alpha': 0.5, 'depth': 2}
    >>> trees = {"booster": Choice(["trees", "linear"]), "depth": Integer(2, 6, when={"booster": ["trees"]})}
    >>> Space(trees).from_unit([0.9, 0.5])
    {'booster': 'linear'}
    """

    dimensions: Mapping[str, Dimension]
    constraints: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.dimensions:
            raise InvalidInputError(WHERE, "it is empty", "one dimension or more, as Uniform(0, 1)")
        object.__setattr__(self, "dimensions", dict(sorted(self.dimensions.items())))
        for name in self.dimensions:
            self._check_condition(name)
        for name, expression in self._rules.items():
            self._check_known(f"{WHERE}.constraints.{name}", expression.names)
        if self.constraints:
            self.sample(random.Random(0))

    def __len__(self) -> int:
        return len(self.dimensions)

    @property
    def conditional(self) -> bool:
        """Whether a parameter may be left out."""
        return any(dimension.when for dimension in self.dimensions.values())

    def from_unit(self, point: Sequence[float]) -> Parameters:
        """Return the parameters at a point of the unit cube."""
        return self.active(
            {
                name: dimension.from_unit(unit)
                for (name, dimension), unit in zip(self.dimensions.items(), point, strict=True)
            }
        )

    def to_unit(self, parameters: Mapping[str, Value]) -> list[float]:
        """Return the point of the unit cube that :meth:`from_unit` maps to these parameters.

        A parameter that is left out lies in the middle.
        """
        return [
            dimension.to_unit(parameters[name]) if name in parameters else INACTIVE
            for name, dimension in self.dimensions.items()
        ]

    def choose(self, value: Callable[[str, Dimension], Value]) -> Parameters:
        """Return parameters chosen one by one, each after those that its condition asks for."""
        chosen: Parameters = {}
        for name in self._parents_first:
            if self._used(name, chosen):
                chosen[name] = value(name, self.dimensions[name])
        return dict(sorted(chosen.items()))

    def active(self, values: Mapping[str, Value]) -> Parameters:
        """Return the values without those whose conditions do not hold."""
        if not self.conditional:
            return dict(values)
        return self.choose(lambda name, _: values[name])

    def feasible(self, parameters: Mapping[str, Value]) -> bool:
        """Whether all constraints hold."""
        return all(
            rule.of(parameters) for rule in self._rules.values() if rule.names.issubset(parameters.keys())
        )

    def sample(self, source: random.Random) -> Parameters:
        """Draw parameters uniformly from those that the constraints allow.

        :raises InvalidInputError: no draw of many was allowed
        """
        for _ in range(DRAWS):
            parameters = self.from_unit([source.random() for _ in self.dimensions])
            if self.feasible(parameters):
                return parameters
        raise InvalidInputError(
            f"{WHERE}.constraints",
            f"none of {DRAWS} random draws satisfies {' and '.join(map(repr, self.constraints.values()))}",
            "weaker constraints, or dimensions that fit them",
        )

    def check(self, parameters: Mapping[str, Any], where: str = WHERE) -> Parameters:
        """Return parameters that lie in the space.

        :raises InvalidInputError: one is unknown, missing, out of bounds, or a constraint does not hold
        """
        self._check_known(where, parameters.keys())
        for name, value in parameters.items():
            if not self.dimensions[name].contains(value):
                raise InvalidInputError(
                    f"{where}.{name}", f"{value!r} is out of bounds", str(self.dimensions[name])
                )
        wanted = self.active({name: parameters.get(name, None) for name in self.dimensions})
        if wanted.keys() != parameters.keys():
            found = f"the parameters are {sorted(parameters)}"
            raise InvalidInputError(where, found, f"exactly {sorted(wanted)}")
        if not self.feasible(parameters):
            raise InvalidInputError(where, f"{dict(parameters)} breaks a constraint", str(self.constraints))
        return dict(sorted(parameters.items()))

    def _used(self, name: str, chosen: Mapping[str, Value]) -> bool:
        when = self.dimensions[name].when
        return all(parent in chosen and chosen[parent] in options for parent, options in when.items())

    @cached_property
    def _rules(self) -> dict[str, Expression]:
        return {
            name: Expression(text, f"{WHERE}.constraints.{name}") for name, text in self.constraints.items()
        }

    @cached_property
    def _parents_first(self) -> list[str]:
        """The dimensions' names, each after those that its condition asks for."""
        ordered: list[str] = []
        left = list(self.dimensions)
        while left:
            ready = [name for name in left if set(self.dimensions[name].when) <= set(ordered)]
            if not ready:
                raise InvalidInputError(
                    WHERE, f"the conditions of {', '.join(left)} go in a circle", "conditions without one"
                )
            ordered += ready
            left = [name for name in left if name not in ready]
        return ordered

    def _check_condition(self, name: str) -> None:
        for parent, options in self.dimensions[name].when.items():
            self._check_known(f"{WHERE}.{name}.when", [parent])
            for option in options:
                if not self.dimensions[parent].contains(option):
                    raise InvalidInputError(
                        f"{WHERE}.{name}.when",
                        f"{parent} is never {option!r}",
                        f"values of {self.dimensions[parent]}",
                    )
        _ = self._parents_first

    def _check_known(self, where: str, names: Any) -> None:
        for name in names:
            if name not in self.dimensions:
                raise InvalidInputError(
                    where, f"no parameter {name!r}", f"one of {', '.join(self.dimensions)}"
                )


__all__ = ["Choice", "Dimension", "Integer", "LogUniform", "Parameters", "Space", "Uniform", "Value"]
