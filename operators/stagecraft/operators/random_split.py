"""Splitting at random, by key: train, validation, test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class RandomSplitOperator(StageOperator):
    """Splits a dataset by a hash of its key, so that all rows of a key are in one part.

    :param dataset: the rows to split
    :param key: the columns whose values stay together: a row's own, or, say, the customer
    :param test: the share of the keys that tests, in (0, 1)
    :param validation: the share of the keys that validates; 0 leaves that output without rows
    :param strata: columns; where given, the parts have exactly their share of each stratum's keys
    :param seed: another seed splits otherwise
    """

    stage_address = "stagecraft.stages.random_split:RandomSplit"

    def __init__(
        self,
        *,
        dataset: Input,
        key: str | Sequence[str],
        test: float | str = 0.2,
        validation: float | str = 0,
        strata: str | Sequence[str] | None = None,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={"key": key, "test": test, "validation": validation, "strata": strata, "seed": seed},
            **kwargs,
        )

    @property
    def train(self) -> Output:
        """The rows of the keys that are in neither other part."""
        return self.artifact("train")

    @property
    def validation(self) -> Output:
        """The rows that validate."""
        return self.artifact("validation")

    @property
    def test(self) -> Output:
        """The rows that test."""
        return self.artifact("test")
