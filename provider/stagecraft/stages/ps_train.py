"""PS training: a linear model over sparse features, on the parameter server."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.models import LinearRegression, LogisticRegression
from stagecraft.parameter_server.optimizer import FTRL
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.labels import binary_label, numeric_label, original_labels, row_weights
from stagecraft.stages.validation import Validation

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.artifacts.store import Draft
    from stagecraft.parameter_server.ledger import Ledger
    from stagecraft.parameter_server.train import Progress
    from stagecraft.transforms.chain import Chain

__all__ = ["AnyModel", "LinearRegression", "LogisticRegression", "PSTrain"]

log = logging.getLogger(__name__)

HISTORY_POINTS = 1000


AnyModel = Annotated[LogisticRegression | LinearRegression, Field(discriminator="type")]


class PSTrain(Stage):
    """Trains a linear model over encoded and leaf features on Ray: shards hold it, workers compute gradients.

    Every step waits for all workers, so the same rows and parameters give the same bits, also where a process
    was killed and the training resumed. Tracks ``loss`` (progressive: each row's loss before the model
    learned from it), ``rows_per_second``, ``progress``; with validation rows, ``validation_loss`` and ``auc``
    after each epoch.

    :param label: the label's column. For logistic regression two values, which become 0 and 1 as they sort:
        0 before 1, False before True, "no" before "yes"
    :param weight: the column of the rows' weights, or None
    :param model: :class:`LogisticRegression` or :class:`LinearRegression`
    :param optimizer: :class:`FTRL` and its parameters
    :param epochs: passes over the rows, each in an order drawn from ``seed``
    :param batch_rows: rows a step, over all workers together: these are in flight at a time
    :param workers: actors that read rows and compute gradients
    :param shards: actors that hold the model
    :param checkpoint_seconds: time between checkpoints; the result does not depend on it

    >>> PSTrain(label="late", optimizer=FTRL(l1=1.0), epochs=2).model
    LogisticRegression(type='logistic')
    """

    name = "ps_train"
    inputs = {"dataset": Kind.DATASET, "validation?": Kind.DATASET}
    outputs = {"model": Kind.MODEL}
    engines = ("ray",)

    label: str = Field(min_length=1)
    weight: str | None = None
    model: AnyModel = LogisticRegression()
    optimizer: FTRL = FTRL()
    epochs: int = Field(default=3, ge=1, le=1000)
    batch_rows: int = Field(default=1024, ge=1, le=16384)
    workers: int = Field(default=2, ge=1, le=256)
    shards: int = Field(default=2, ge=1, le=256)
    checkpoint_seconds: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0, lt=2**32)

    def parameters(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"checkpoint_seconds"})

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.jobs.ray_session import ray_session

        dataset: Dataset = inputs["dataset"]
        if dataset.model is None:
            raise InvalidInputError(
                "ps_train.dataset", "the rows are not encoded", "the dataset of an encode stage"
            )
        encoder = bench.store.open(dataset.model)
        assert isinstance(encoder, Model)
        labels = self._check(dataset, encoder.chain)
        originals = original_labels(f"{self.name}.label", encoder, self.label, labels)
        validation = Validation.of(inputs.get("validation"), encoder.chain, self.label, originals)
        address = "auto" if os.environ.get("RAY_ADDRESS") else None
        with ray_session(num_cpus=self.workers + self.shards, address=address):
            self._train(bench, drafts["model"], dataset, encoder, labels, originals, validation)

    def _check(self, dataset: Dataset, chain: Chain) -> list[Any] | None:
        """Refuse bad labels and weights; return the two labels, or None for a number."""
        where = f"{self.name}.label"
        layout = chain.layout
        dataset.require(where, self.label)
        dataset.require(f"{self.name}.dataset", *([] if dataset.is_sparse else layout.columns))
        if not dataset.rows:
            raise InvalidInputError(f"{self.name}.dataset", "it has no rows", "a dataset with rows")
        if self.weight is not None:
            dataset.require(f"{self.name}.weight", self.weight)
        dataset.verify()
        if self.weight is not None:
            weights = row_weights(f"{self.name}.weight", dataset.table([self.weight])[self.weight])
            if not weights.any():
                raise InvalidInputError(f"{self.name}.weight", "every weight is 0", "weights above 0")
        column = dataset.table([self.label])[self.label]
        if isinstance(self.model, LogisticRegression):
            return binary_label(where, column)[1]
        numeric_label(where, column)
        return None

    def _train(
        self,
        bench: Workbench,
        draft: Draft,
        dataset: Dataset,
        encoder: Model,
        labels: list[Any] | None,
        originals: list[Any] | None,
        validation: Validation | None,
    ) -> None:
        from stagecraft.parameter_server.checkpoint import Checkpoints
        from stagecraft.parameter_server.crew import Plan
        from stagecraft.parameter_server.rows import Columns
        from stagecraft.parameter_server.train import train
        from stagecraft.parameter_server.units import row_groups
        from stagecraft.transforms.linear import Linear

        layout = encoder.chain.layout
        link: Literal["logistic", "identity"] = "logistic" if labels else "identity"
        metrics: dict[str, float] = {}

        def on_round(progress: Progress) -> None:
            bench.tracker.log(
                progress.step,
                loss=progress.loss,
                rows_per_second=progress.rows_per_second,
                progress=progress.fraction,
            )

        def on_epoch(ledger: Ledger, weights: np.ndarray) -> None:
            if validation is not None:
                metrics.update(validation.metrics(Linear.of(layout, weights, link)))
                bench.tracker.log(ledger.step, **metrics)
            known = {"loss": ledger.history[-1].loss, **metrics}
            shown = ", ".join(f"{name} {value:.4f}" for name, value in known.items())
            log.info("Epoch %d of %d: %s", ledger.epoch, self.epochs, shown)

        plan = Plan(
            store=dataset.store,
            columns=Columns(layout, self.label, labels, self.weight, dataset.is_sparse),
            groups=row_groups(dataset),
            loss="logistic" if labels else "squared",
            optimizer=self.optimizer,
            epochs=self.epochs,
            batch_rows=self.batch_rows,
            workers=self.workers,
            shards=self.shards,
            seed=self.seed,
        )
        checkpoints = Checkpoints(bench.store, draft.fingerprint)
        trained = train(
            plan,
            checkpoints,
            checkpoint_seconds=self.checkpoint_seconds,
            on_round=on_round,
            on_epoch=on_epoch,
        )
        history = trained.ledger.history
        stride = -(-len(history) // HISTORY_POINTS)
        fill_model(
            draft,
            encoder.chain.then(Linear.of(layout, trained.weights, link)),
            encoder.golden(),
            metrics={"loss": history[-1].loss, **metrics},
            history=[point.model_dump() for point in history[::-stride][::-1]],
            **({"labels": originals} if originals else {}),
        )
        checkpoints.remove()
