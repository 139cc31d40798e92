"""Parameter-server training on Ray."""

from __future__ import annotations

from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output
from stagecraft.parameter_server.consistency import BSP, SSP, Async
from stagecraft.parameter_server.models import (
    DeepFM,
    FactorizationMachine,
    FieldAwareFactorizationMachine,
    LinearRegression,
    LogisticRegression,
    PoissonRegression,
    SoftmaxRegression,
)
from stagecraft.parameter_server.monitor import EarlyStopping
from stagecraft.parameter_server.optimizer import FTRL, AdaGrad

__all__ = [
    "BSP",
    "FTRL",
    "SSP",
    "AdaGrad",
    "Async",
    "DeepFM",
    "EarlyStopping",
    "FactorizationMachine",
    "FieldAwareFactorizationMachine",
    "LinearRegression",
    "LogisticRegression",
    "PSTrainOperator",
    "PoissonRegression",
    "SoftmaxRegression",
]

Model = (
    LogisticRegression
    | LinearRegression
    | PoissonRegression
    | SoftmaxRegression
    | FactorizationMachine
    | FieldAwareFactorizationMachine
    | DeepFM
)


class PSTrainOperator(StageOperator):
    """Trains a model over encoded and leaf features: its shards and workers are Ray actors.

    The loss curve shows live in the task's tab. A try that is killed is resumed by the next one at its last
    checkpoint; where the training is deterministic it ends with the same bits. Model, optimizer, consistency
    and early stopping may be mappings with their ``type`` as well, whose values may be templates.

    :param dataset: encoded rows
    :param label: the label's column
    :param weight: the column of the rows' weights, or None
    :param validation: raw held-out rows; the model is judged on them while it trains
    :param warm_start: an earlier model over the same features, to go on from
    :param model: ``LogisticRegression()`` (default), ``LinearRegression()``, ``PoissonRegression()``,
        ``SoftmaxRegression()``, ``FactorizationMachine(…)``, ``FieldAwareFactorizationMachine(…)`` or
        ``DeepFM(…)``
    :param optimizer: ``FTRL(alpha=…, l1=…)`` (default), ``AdaGrad(learning_rate=…)``, or a sweep's
        ``optimizer``
    :param epochs: passes over the rows
    :param batch_rows: rows in flight, over all workers together; None goes by the number of rows
    :param workers: actors that read rows and compute gradients
    :param shards: actors that hold the model; with 0 workers update it in place, on one machine
    :param dimension: ``fixed`` (default): the model has memory for every feature from the beginning;
        ``growing``: for a feature when its first row comes, so there can be any number of them
    :param consistency: ``BSP()`` (default, deterministic), ``SSP(bound=…)`` or ``Async(rows_in_flight=…)``
    :param checkpoint_seconds: time between checkpoints
    :param seed: decides the order of the rows, and the first vectors and networks of models that have them
    :param early_stopping: ``EarlyStopping(metric="validation_loss", patience=…)``, or None
    :param bad_rows: ``refuse`` (default), or ``skip`` rows that cannot be learned from, and count them
    :param keep_state: whether the optimizer's state is kept with the model, for a later ``warm_start``
    """

    stage_address = "stagecraft.stages.ps_train:PSTrain"

    def __init__(
        self,
        *,
        dataset: Input,
        label: str,
        weight: str | None = None,
        validation: Input | None = None,
        warm_start: Input | None = None,
        model: Model | Input | None = None,
        optimizer: FTRL | AdaGrad | Input | None = None,
        epochs: int | str = 3,
        batch_rows: int | str | None = None,
        workers: int | str = 2,
        shards: int | str = 2,
        consistency: BSP | SSP | Async | Input | None = None,
        checkpoint_seconds: float | str = 10.0,
        seed: int | str = 0,
        early_stopping: EarlyStopping | Input | None = None,
        bad_rows: str = "refuse",
        keep_state: bool | str = False,
        dimension: str = "fixed",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset, "validation": validation, "warm_start": warm_start},
            parameters={
                "label": label,
                "weight": weight,
                "model": LogisticRegression() if model is None else model,
                "optimizer": FTRL() if optimizer is None else optimizer,
                "epochs": epochs,
                "batch_rows": batch_rows,
                "workers": workers,
                "shards": shards,
                "consistency": BSP() if consistency is None else consistency,
                "checkpoint_seconds": checkpoint_seconds,
                "seed": seed,
                "early_stopping": early_stopping,
                "bad_rows": bad_rows,
                "keep_state": keep_state,
                "dimension": dimension,
            },
            **kwargs,
        )

    @property
    def model(self) -> Output:
        """The trained model, from raw rows to scores."""
        return self.artifact("model")
