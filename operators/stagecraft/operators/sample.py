"""Sampling: random, weighted or stratified; exact, reproducible, weighted back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class SampleOperator(StageOperator):
    """Takes exactly so many rows, by a hash of their key, and gives each the weight that undoes it.

    The size is one of ``fraction``, ``count`` and ``sizes``.

    :param dataset: the rows to sample
    :param key: the columns that name a row: which rows are taken depends on these and the seed alone
    :param strata: columns; each combination of their values is sampled by itself. All rows are one where None
    :param fraction: part of each stratum, above 0; above 1 with replacement alone
    :param count: rows of each stratum
    :param sizes: stratum → count (int) or fraction (float), as ``{"A": 200, "B": 0.3}``; 0 leaves it out.
        Where the strata are of several columns: ``[{"stratum": {"city": "A", "late": 1}, "size": 200}, …]``
    :param replacement: whether a row may be taken more than once
    :param weight_by: a column of weights of 0 or more: rows are taken with a probability that grows with it
    :param seed: another seed takes other rows
    :param weight: the name of the weight column to add
    :param shuffle: whether the rows come out in an order drawn by the seed, so that what is trained in that
        order is reproducible
    """

    stage_address = "stagecraft.stages.sample:Sample"

    def __init__(
        self,
        *,
        dataset: Input,
        key: str | Sequence[str],
        strata: str | Sequence[str] | None = None,
        fraction: float | str | None = None,
        count: int | str | None = None,
        sizes: Mapping[Any, float] | Sequence[Mapping[str, Any]] | str | None = None,
        replacement: bool | str = False,
        weight_by: str | None = None,
        seed: int | str = 0,
        weight: str = "weight",
        shuffle: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={
                "key": key,
                "strata": strata,
                "fraction": fraction,
                "count": count,
                "sizes": sizes,
                "replacement": replacement,
                "weight_by": weight_by,
                "seed": seed,
                "weight": weight,
                "shuffle": shuffle,
            },
            **kwargs,
        )

    @property
    def dataset(self) -> Output:
        """The sampled rows, with their weight."""
        return self.artifact("dataset")
