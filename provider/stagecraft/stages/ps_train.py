"""PS training: models over sparse features, on the parameter server."""

from __future__ import annotations

import logging
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model, fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.consistency import BSP, SSP, AnyConsistency
from stagecraft.parameter_server.models import AnyModel, LogisticRegression
from stagecraft.parameter_server.monitor import EarlyStopping
from stagecraft.parameter_server.optimizer import FTRL, AnyOptimizer
from stagecraft.stages.base import Stage, Workbench
from stagecraft.stages.labels import original_labels
from stagecraft.stages.ps_model import Shape, check_installed, loss_of
from stagecraft.stages.ps_rows import check_rows
from stagecraft.stages.validation import Validation

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft
    from stagecraft.parameter_server.fitted import Fitted
    from stagecraft.parameter_server.ledger import Ledger
    from stagecraft.parameter_server.monitor import Progress
    from stagecraft.parameter_server.plan import Plan
    from stagecraft.parameter_server.train import Trained

log = logging.getLogger(__name__)


class PSTrain(Stage):
    """Trains a model over encoded and leaf features on Ray: shards hold it, workers compute gradients.

    Tracks ``loss`` (progressive: each row's loss before the model learned from it), ``rows_per_second``,
    ``progress``, ``keys``, ``staleness`` and ``shard_memory``; with validation rows ``validation_loss`` and,
    of two labels, ``auc``: after each epoch, and in between as often as a hundredth of the time allows.

    The input ``warm_start`` is an earlier model over the same features, which the training goes on from: from
    its optimizer's state where it kept that and the optimizer is the same, else from its weights.

    :param label: the label's column: for a classifier two values, of softmax regression up to 1000, which
        become 0, 1 … as they sort: 0 before 1, False before True, "no" before "yes". Else numbers
    :param weight: the column of the rows' weights, or None
    :param model: one of :mod:`stagecraft.parameter_server.models`
    :param optimizer: :class:`FTRL` or :class:`AdaGrad`, and its parameters
    :param epochs: passes over the rows, each in an order drawn from ``seed``
    :param batch_rows: rows in flight, over all workers together, at most 16384. None takes a 512th of the
        rows, between 256 and 16384
    :param workers: actors that read rows and compute gradients
    :param shards: actors that hold the model. With 0 one actor holds it, and its ``workers`` threads update
        it in place, row by row: the least CPU, where one machine is enough
    :param dimension: ``fixed``: the model has memory for every feature from the beginning; ``growing``: a
        feature takes it when its first row comes, so there can be any number of them, as ``Hash(bits=56)``
        makes. The model is the same
    :param consistency: :class:`BSP` (the same bits each time), :class:`SSP` or :class:`Async`
    :param checkpoint_seconds: time between checkpoints; the result does not depend on it where it is
        deterministic
    :param seed: decides the order of the rows, and the first vectors and networks of models that have them
    :param early_stopping: ends the training after epochs without progress; None trains them all
    :param bad_rows: what is done with rows that cannot be learned from, as with a missing label, a weight
        below zero or a value that is no finite number: ``refuse`` the dataset, or ``skip`` and count them
    :param keep_state: whether the optimizer's state is kept with the model, for a later ``warm_start``

    >>> PSTrain(label="late", optimizer=FTRL(l1=1.0), epochs=2).model
    LogisticRegression(type='logistic')
    """

    name = "ps_train"
    version = 2
    inputs = {"dataset": Kind.DATASET, "validation?": Kind.DATASET, "warm_start?": Kind.MODEL}
    outputs = {"model": Kind.MODEL}
    engines = ("ray",)

    label: str = Field(min_length=1)
    weight: str | None = None
    model: AnyModel = LogisticRegression()
    optimizer: AnyOptimizer = FTRL()
    epochs: int = Field(default=3, ge=1, le=1000)
    batch_rows: int | None = Field(default=None, ge=1, le=16384)
    workers: int = Field(default=2, ge=1, le=256)
    shards: int = Field(default=2, ge=0, le=256)
    consistency: AnyConsistency = Field(default=BSP(), validate_default=True)
    checkpoint_seconds: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0, lt=2**32)
    early_stopping: EarlyStopping | None = None
    bad_rows: Literal["refuse", "skip"] = "refuse"
    keep_state: bool = False
    dimension: Literal["fixed", "growing"] = "fixed"

    @field_validator("optimizer", mode="before")
    @classmethod
    def _named(cls, optimizer: Any) -> Any:
        """Take parameters without a type for FTRL's, as sweeps and earlier jobs give them."""
        return {"type": "ftrl", **optimizer} if isinstance(optimizer, dict) else optimizer

    @field_validator("consistency")
    @classmethod
    def _possible(cls, consistency: Any, info: ValidationInfo) -> Any:
        workers, shards = (info.data.get(name) for name in ("workers", "shards"))
        if shards == 0 and isinstance(consistency, SSP):
            raise ValueError("shards=0 has no steps to bound; BSP() with one worker, Async(), or shards")
        if shards == 0 and isinstance(consistency, BSP) and workers is not None and workers > 1:
            raise ValueError(
                f"shards=0 lets {workers} workers update one model as they go, not in common steps; "
                "consistency=Async(), workers=1, or shards=1 and more"
            )
        return consistency

    @field_validator("early_stopping")
    @classmethod
    def _measured(cls, early_stopping: EarlyStopping | None, info: ValidationInfo) -> EarlyStopping | None:
        model = info.data.get("model")
        numbers = model is not None and loss_of(model) in ("squared", "poisson")
        if early_stopping is not None and early_stopping.metric == "auc" and numbers:
            raise ValueError("a model of numbers has no AUC; metric='validation_loss' or 'loss'")
        return early_stopping

    def parameters(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"checkpoint_seconds"})

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.jobs.ray_session import ray_session

        check_installed(self.model)
        dataset: Dataset = inputs["dataset"]
        if dataset.model is None:
            raise InvalidInputError(
                "ps_train.dataset", "the rows are not encoded", "the dataset of an encode stage"
            )
        encoder = bench.store.open(dataset.model)
        assert isinstance(encoder, Model)
        if self.dimension == "fixed":
            encoder.chain.layout.check_held("ps_train.dimension", '"growing", or Hash() of fewer bits')
        labels = check_rows(self, dataset, encoder.chain.layout)
        originals = original_labels("ps_train.label", encoder, self.label, labels)
        shape = Shape.of(self.model, encoder.chain.layout, labels)
        start = shape.warm_start(inputs.get("warm_start"), self.optimizer, originals)
        validation = Validation.of(inputs.get("validation"), encoder.chain, self.label, originals, shape)
        self._check_stopping(validation, labels)
        plan = self._plan(dataset, shape, labels, start)
        address = "auto" if os.environ.get("RAY_ADDRESS") else None
        # A training in place needs a Ray only for another machine: threads of this process do the same.
        alone = self.shards == 0 and address is None
        ray = nullcontext() if alone else ray_session(num_cpus=self.workers + self.shards, address=address)
        with ray:
            self._train(bench, drafts["model"], plan, shape, encoder, originals, validation)

    def _check_stopping(self, validation: Validation | None, labels: list[Any] | None) -> None:
        where, stopping = "ps_train.early_stopping", self.early_stopping
        if stopping is None or stopping.metric == "loss":
            return
        if validation is None:
            raise InvalidInputError(
                where, f"{stopping.metric!r} without validation rows", "wire them to 'validation', or 'loss'"
            )
        if stopping.metric == "auc" and labels is not None and len(labels) > 2:
            raise InvalidInputError(where, f"AUC of {len(labels)} labels", "'validation_loss' or 'loss'")

    def _plan(self, dataset: Dataset, shape: Shape, labels: list[Any] | None, start: Any) -> Plan:
        from stagecraft.parameter_server.plan import Plan, default_batch_rows
        from stagecraft.parameter_server.rows import Columns
        from stagecraft.parameter_server.units import row_groups

        return Plan(
            store=dataset.store,
            columns=Columns(
                shape.layout,
                self.label,
                labels,
                self.weight,
                dataset.is_sparse,
                lowest=0.0 if loss_of(self.model) == "poisson" else None,
            ),
            groups=row_groups(dataset),
            model=self.model,
            optimizer=self.optimizer,
            epochs=self.epochs,
            batch_rows=self.batch_rows or default_batch_rows(dataset.rows),
            workers=self.workers,
            shards=self.shards,
            classes=len(labels or []) or 2,
            fields=shape.fields,
            consistency=self.consistency,
            seed=self.seed,
            bad_rows=self.bad_rows,
            warm_start=start,
            grows=self.dimension == "growing",
        )

    def _train(
        self,
        bench: Workbench,
        draft: Draft,
        plan: Plan,
        shape: Shape,
        encoder: Model,
        originals: list[Any] | None,
        validation: Validation | None,
    ) -> None:
        from stagecraft.parameter_server.checkpoint import Checkpoints
        from stagecraft.parameter_server.train import train

        def on_round(progress: Progress) -> None:
            bench.tracker.log(progress.step, **progress.values)

        def on_epoch(ledger: Ledger, fitted: Fitted) -> dict[str, float]:
            metrics = validation.of_model(fitted.keys, fitted.weights) if validation else {}
            bench.tracker.log(ledger.step, **metrics)
            known = {"loss": ledger.history[-1].loss, **metrics}
            shown = ", ".join(f"{name} {value:.4f}" for name, value in known.items())
            log.info("Epoch %d of %d: %s", ledger.epoch + 1, self.epochs, shown)
            return metrics

        checkpoints = Checkpoints(bench.store, draft.fingerprint)
        trained = train(
            plan,
            checkpoints,
            checkpoint_seconds=self.checkpoint_seconds,
            on_round=on_round,
            on_epoch=on_epoch,
            validate=validation.live if validation else None,
            early_stopping=self.early_stopping,
        )
        if trained.ledger.skipped_rows == plan.rows:
            raise InvalidInputError(
                "ps_train.dataset", "every row was skipped", 'bad_rows="refuse" names one'
            )
        self._hand_on(draft, trained, shape, encoder, originals)
        checkpoints.remove()

    def _hand_on(
        self, draft: Draft, trained: Trained, shape: Shape, encoder: Model, originals: list[Any] | None
    ) -> None:
        ledger, fitted = trained.ledger, trained.fitted
        skipped = {"skipped_rows": float(ledger.skipped_rows)} if self.bad_rows == "skip" else {}
        labels: dict[str, Any] = {"labels": originals} if originals else {}
        fill_model(
            draft,
            encoder.chain.then(shape.predictor_of(fitted.keys, fitted.weights)),
            encoder.golden(),
            reference=encoder.training_rows(),
            metrics={**ledger.epochs[-1], **skipped},
            epochs=ledger.epochs,
            history=[point.model_dump() for point in ledger.history],
            training={
                "model": self.model.model_dump(mode="json"),
                "optimizer": self.optimizer.model_dump(mode="json"),
            },
            **labels,
        )
        if self.keep_state:
            shape.write_state(draft, fitted.keys, fitted.state)
