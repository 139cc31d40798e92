"""A model in ONNX that was trained elsewhere: it scores rows as our own do, in batch and in a server."""

from __future__ import annotations

from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class OnnxImportOperator(StageOperator):
    """Takes an ONNX file as a model that predicts, through ONNX Runtime.

    :param dataset: rows as the model reads them, raw or encoded: a few become its golden rows
    :param onnx: URI of the file
    :param columns: the columns that the only input is made of, in its order; or input → its columns; None:
        each input is a column of its own name
    :param onnx_output: the output that holds scores, where there are several of floats
    :param labels: the label's values in the order of the output's probabilities; None for a number, and for a
        model that names them itself
    :param link: ``logistic`` where the output is a margin, ``log`` where it is a logarithm
    :param scores: a column with the scores that the trainer's own library gave the rows: the file is refused
        where ONNX Runtime's differ by more than 1e-5
    """

    stage_address = "stagecraft.stages.onnx_import:OnnxImport"

    def __init__(
        self,
        *,
        dataset: Input,
        onnx: str,
        columns: list[str] | dict[str, list[str]] | None = None,
        onnx_output: str | None = None,
        labels: list[bool | int | float | str] | None = None,
        link: str = "identity",
        scores: str | None = None,
        **kwargs: Any,
    ) -> None:
        parameters = {"onnx": onnx, "columns": columns, "output": onnx_output}
        super().__init__(
            inputs={"dataset": dataset},
            parameters={**parameters, "labels": labels, "link": link, "scores": scores},
            **kwargs,
        )

    @property
    def model(self) -> Output:
        """The model, after the encoding where the rows are encoded."""
        return self.artifact("model")
