"""Anomalies, found by an isolation forest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class IsolationForestOperator(StageOperator):
    """Finds anomalies without labels: rows that few random cuts set apart from the others.

    :param dataset: the rows, raw or encoded
    :param key: the columns that name a row: which rows the trees see depends on these and the seed alone
    :param columns: numbers and booleans to look at; of encoded rows, the encoded columns where None
    :param trees: number of trees
    :param sample_size: rows that a tree is grown from
    :param contamination: the part of the rows that is anomalous; a score of 0.5 divides where None
    :param seed: decides the samples and the cuts
    """

    stage_address = "stagecraft.stages.isolation_forest:IsolationForest"

    def __init__(
        self,
        *,
        dataset: Input,
        key: str | Sequence[str],
        columns: Sequence[str] | None = None,
        trees: int | str = 100,
        sample_size: int | str = 256,
        contamination: float | str | None = None,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={
                "key": key,
                "columns": columns,
                "trees": trees,
                "sample_size": sample_size,
                "contamination": contamination,
                "seed": seed,
            },
            **kwargs,
        )

    @property
    def dataset(self) -> Output:
        """The rows with ``score`` and ``prediction``."""
        return self.artifact("dataset")

    @property
    def model(self) -> Output:
        """The trees, after the encoding where the rows were encoded."""
        return self.artifact("model")
