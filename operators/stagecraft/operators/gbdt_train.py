"""Boosted trees as a model: from raw rows to scores."""

from __future__ import annotations

from stagecraft.operators.boosted import BoostedOperator


class GBDTTrainOperator(BoostedOperator):
    """Trains XGBoost on encoded rows; its model evaluates, predicts and is deployed as every other."""

    stage_address = "stagecraft.stages.gbdt_train:GBDTTrain"
