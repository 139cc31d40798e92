"""Splitting at random, by key: train, validation, test."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.stages.key_split import KeySplit
from stagecraft.stages.keyed import rounded


class RandomSplit(KeySplit):
    """Splits a dataset by a hash of its key, so that all rows of a key are in one part.

    Which part a key is in depends on the key and the seed alone: not on the other rows, their order, the
    engine or the machine; so it stays there when rows are added, unless there are strata.

    :param key: the columns whose values stay together, of integers, strings or dates: a row's own, or, say,
        the customer whose rows must not be in both train and test
    :param strata: columns. Where given, exactly floor(test · n + ½) of a stratum's n keys test, as many as
        that of ``validation`` validate, the rest train; a key must lie in one stratum. Without strata the
        parts have their shares on average
    :param test: the share of the keys that tests, in (0, 1)
    :param validation: the share of the keys that validates; 0 leaves that output without rows
    :param seed: another seed splits otherwise

    >>> RandomSplit(key="id", test=0.2, validation=0.1).cuts(1000)
    (700, 800)
    """

    name = "random_split"
    outputs = {"train": Kind.DATASET, "validation": Kind.DATASET, "test": Kind.DATASET}
    pieces = {"train": (0,), "validation": (1,), "test": (2,)}

    test: float = Field(default=0.2, gt=0, lt=1)
    validation: float = Field(default=0, ge=0, lt=1)

    @model_validator(mode="after")
    def _some_train(self) -> Self:
        if self.test + self.validation >= 1:
            raise ValueError("test and validation are together below 1, the rest trains")
        return self

    def cuts(self, size: int) -> tuple[int, int]:
        test, validation = rounded(self.test, size), rounded(self.validation, size)
        return size - test - validation, size - test

    def may_be_empty(self, part: str) -> bool:
        return part == "validation" and self.validation == 0
