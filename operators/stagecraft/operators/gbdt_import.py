"""Leaves of trained trees: a model file of XGBoost or LightGBM encodes rows."""

from __future__ import annotations

from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output


class GBDTImportOperator(StageOperator):
    """Adds to each row its leaves in the trees of a trained XGBoost or LightGBM model.

    :param dataset: raw rows, or encoded ones
    :param booster: URI of the model file: XGBoost's JSON or UBJSON, or LightGBM's text
    :param columns: the columns that are the model's features, in its order; None: as the file names them
    """

    stage_address = "stagecraft.stages.gbdt_import:GBDTImport"

    def __init__(
        self,
        *,
        dataset: Input,
        booster: str,
        columns: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset},
            parameters={"booster": booster, "columns": columns},
            **kwargs,
        )

    @property
    def dataset(self) -> Output:
        """The rows with their leaves."""
        return self.artifact("dataset")

    @property
    def model(self) -> Output:
        """The trees, after the encoding where the rows are encoded."""
        return self.artifact("model")
