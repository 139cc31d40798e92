"""Sparse rows: the features of each row alone, as training reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class SparseRowsOperator(StageOperator):
    """Writes each encoded row as its features alone: packed bits where all are 1, else numbers and values.

    :param dataset: encoded rows
    :param keep: columns to keep beside the features, such as the label and the weight
    """

    stage_address = "stagecraft.stages.sparse_rows:SparseRows"

    def __init__(self, *, dataset: Input, keep: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(inputs={"dataset": dataset}, parameters={"keep": list(keep)}, **kwargs)

    @property
    def dataset(self) -> Output:
        """The sparse rows."""
        return self.artifact("dataset")
