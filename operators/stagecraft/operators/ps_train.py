"""Parameter-server training on Ray."""

from __future__ import annotations

from typing import Any

from stagecraft.operators.base import Input, StageOperator
from stagecraft.operators.output import Output
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.stages.ps_train import LinearRegression, LogisticRegression


class PSTrainOperator(StageOperator):
    """Trains a linear model over encoded and leaf features: its shards and workers are Ray actors.

    The loss curve shows live in the task's tab. A try that is killed is resumed by the next one at its last
    checkpoint, and ends with the same bits.

    :param dataset: encoded rows
    :param label: the label's column
    :param weight: the column of the rows' weights, or None
    :param validation: raw held-out rows; the model is judged on them after each epoch
    :param model: ``LogisticRegression()`` or ``LinearRegression()``
    :param optimizer: ``FTRL(alpha=…, l1=…)``, its parameters as a mapping, or a sweep's ``optimizer``
    :param epochs: passes over the rows
    :param batch_rows: rows a step, over all workers together
    :param workers: actors that read rows and compute gradients
    :param shards: actors that hold the model
    :param checkpoint_seconds: time between checkpoints
    :param seed: decides the order of the rows
    """

    stage_address = "stagecraft.stages.ps_train:PSTrain"

    def __init__(
        self,
        *,
        dataset: Input,
        label: str,
        weight: str | None = None,
        validation: Input | None = None,
        model: LogisticRegression | LinearRegression | None = None,
        optimizer: FTRL | Input | None = None,
        epochs: int | str = 3,
        batch_rows: int | str = 1024,
        workers: int | str = 2,
        shards: int | str = 2,
        checkpoint_seconds: float | str = 10.0,
        seed: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            inputs={"dataset": dataset, "validation": validation},
            parameters={
                "label": label,
                "weight": weight,
                "model": LogisticRegression() if model is None else model,
                "optimizer": FTRL() if optimizer is None else optimizer,
                "epochs": epochs,
                "batch_rows": batch_rows,
                "workers": workers,
                "shards": shards,
                "checkpoint_seconds": checkpoint_seconds,
                "seed": seed,
            },
            **kwargs,
        )

    @property
    def model(self) -> Output:
        """The trained model, from raw rows to scores."""
        return self.artifact("model")
