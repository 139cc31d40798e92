"""Encoding: numbers filled and scaled, categories indexed, hashed, counted, crossed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output
from stagecraft.stages.encoding import encodings
from stagecraft.stages.encodings import Column, Step

Chain = Step | tuple[Step, ...]


class EncodeOperator(StageOperator):
    """Fits an encoding on a dataset and encodes it; the ``model`` encodes any other rows the same way.

    :param fit: the rows to fit on
    :param columns: column, ``Cross("a", "b")``, or tuple of these → what is done to each:
        ``Fill("median") | Standardize()`` for numbers, ``Index()`` or ``Hash(bits=14)`` for categories; a
        list of such makes several columns
    :param label: the label's column: its classes become 0, 1 … as they sort, and predictions give them back
    :param classes: whether the label's values are classes; None: they are where they are strings or booleans
    """

    stage_address = "stagecraft.stages.encode:EncodeColumns"

    def __init__(
        self,
        *,
        fit: Input,
        columns: Mapping[Column | tuple[Column, ...], Chain | list[Chain]],
        label: str | None = None,
        classes: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": fit},
            parameters={"columns": encodings(columns), "label": label, "classes": classes},
            **kwargs,
        )

    @property
    def dataset(self) -> Output:
        """The encoded rows."""
        return self.artifact("dataset")

    @property
    def model(self) -> Output:
        """The fitted encoding."""
        return self.artifact("model")
