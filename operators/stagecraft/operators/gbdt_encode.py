"""GBDT feature encoding: trees are grown, and every row becomes its leaves."""

from __future__ import annotations

from stagecraft.operators.boosted import BoostedOperator
from stagecraft.operators.output import Output


class GBDTEncodeOperator(BoostedOperator):
    """Trains XGBoost on encoded rows, keeps the trees' details, and adds each row's leaves."""

    stage_address = "stagecraft.stages.gbdt_encode:GBDTEncode"

    @property
    def dataset(self) -> Output:
        """The rows with their leaves."""
        return self.artifact("dataset")
