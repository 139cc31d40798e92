"""Cross-validation: one of k folds tests, the others train."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.stages.key_split import KeySplit


class KFoldSplit(KeySplit):
    """Gives one fold of k as test and the others as train, by a hash of the key.

    Over fold = 0 … k - 1 each key tests once. All rows of a key are in one fold, the same on every engine and
    machine.

    :param key: the columns whose values stay together, of integers, strings or dates
    :param strata: columns. Where given, the folds of a stratum of n keys have n/k keys each, rounded up or
        down; a key must lie in one stratum. Without strata folds have n/k keys on average
    :param folds: k, 2 or more
    :param fold: the one that tests, from 0
    :param seed: another seed folds otherwise

    >>> KFoldSplit(key="id", folds=4, fold=1).cuts(10)
    (3, 5)
    """

    name = "k_fold_split"
    outputs = {"train": Kind.DATASET, "test": Kind.DATASET}
    pieces = {"train": (0, 2), "test": (1,)}

    folds: int = Field(default=5, ge=2)
    fold: int = Field(ge=0)

    @field_validator("fold")
    @classmethod
    def _one_of_them(cls, fold: int, info: ValidationInfo) -> int:
        if fold >= info.data.get("folds", fold + 1):
            raise ValueError(f"a fold is one of 0 … {info.data['folds'] - 1}")
        return fold

    def cuts(self, size: int) -> tuple[int, int]:
        first, second = (
            (2 * size * fold + self.folds) // (2 * self.folds) for fold in (self.fold, self.fold + 1)
        )
        return first, second
