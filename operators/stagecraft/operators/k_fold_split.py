"""Cross-validation: one of k folds tests, the others train."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class KFoldSplitOperator(StageOperator):
    """Gives one fold of k as test and the others as train: a task for each fold, made in a loop.

    :param dataset: the rows to split
    :param key: the columns whose values stay together: a row's own, or, say, the customer
    :param fold: the one that tests, from 0
    :param folds: k, 2 or more
    :param strata: columns; where given, the folds have equally many of each stratum's keys
    :param seed: another seed folds otherwise
    """

    stage_address = "stagecraft.stages.k_fold_split:KFoldSplit"

    def __init__(
        self,
        *,
        dataset: Input,
        key: str | Sequence[str],
        fold: int | str,
        folds: int | str = 5,
        strata: str | Sequence[str] | None = None,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={"key": key, "fold": fold, "folds": folds, "strata": strata, "seed": seed},
            **kwargs,
        )

    @property
    def train(self) -> Output:
        """The rows of the other folds."""
        return self.artifact("train")

    @property
    def test(self) -> Output:
        """The rows of the fold."""
        return self.artifact("test")
