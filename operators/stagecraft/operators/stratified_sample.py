"""Stratified sampling: exact, reproducible, weighted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class StratifiedSampleOperator(StageOperator):
    """Takes the same fraction of every stratum, and gives each row the weight that undoes it.

    :param dataset: the rows to sample
    :param strata: one column, or several
    :param fraction: in (0, 1]
    :param key: the columns that name a row: which rows are taken depends on these and the seed alone
    :param seed: another seed takes other rows
    :param weight: the name of the weight column to add
    """

    stage_address = "stagecraft.stages.sample:StratifiedSample"

    def __init__(
        self,
        *,
        dataset: Input,
        strata: str | Sequence[str],
        fraction: float | str,
        key: str | Sequence[str],
        seed: int | str = 0,
        weight: str = "weight",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={"strata": strata, "fraction": fraction, "key": key, "seed": seed, "weight": weight},
            **kwargs,
        )

    @property
    def dataset(self) -> Output:
        """The sampled rows, with their weight."""
        return self.artifact("dataset")
