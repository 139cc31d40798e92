"""Encoding: numbers filled and scaled, categories indexed or hashed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output
from stagecraft.stages.encode import encodings
from stagecraft.stages.encodings import Step


class EncodeOperator(StageOperator):
    """Fits an encoding on a dataset and encodes it; the ``model`` encodes any other rows the same way.

    :param fit: the rows to fit on
    :param columns: column, or tuple of columns → what is done to each: ``Fill("median") | Standardize()`` for
        numbers, ``Index()`` or ``Hash(bits=14)`` for categories
    """

    stage_address = "stagecraft.stages.encode:EncodeColumns"

    def __init__(
        self, *, fit: Input, columns: Mapping[str | tuple[str, ...], Step | tuple[Step, ...]], **kwargs: Any
    ) -> None:
        super().__init__(inputs={"dataset": fit}, parameters={"columns": encodings(columns)}, **kwargs)

    @property
    def dataset(self) -> Output:
        """The encoded rows."""
        return self.artifact("dataset")

    @property
    def model(self) -> Output:
        """The fitted encoding."""
        return self.artifact("model")
