"""Stratified sampling: a sample whose strata must be named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input
from stagecraft.operators.sample import SampleOperator


class StratifiedSampleOperator(SampleOperator):
    """A :class:`SampleOperator` that must name its strata; it takes all other arguments as well.

    :param dataset: the rows to sample
    :param key: the columns that name a row: which rows are taken depends on these and the seed alone
    :param strata: columns; each combination of their values is sampled by itself
    """

    stage_address = "stagecraft.stages.sample:StratifiedSample"

    def __init__(
        self, *, dataset: Input, key: str | Sequence[str], strata: str | Sequence[str], **kwargs: Any
    ) -> None:
        super().__init__(dataset=dataset, key=key, strata=strata, **kwargs)
