"""What a trial of a sweep does: trees, leaves, linear model, judgement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stagecraft.artifacts.model import fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.boosting import grow
from stagecraft.stages.labels import binary_label, handed_on, original_labels, row_weights
from stagecraft.stages.metrics import ranking
from stagecraft.transforms.leaf_encode import LeafEncode, feature_matrix
from stagecraft.transforms.linear import Linear

if TYPE_CHECKING:
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.model import Model
    from stagecraft.artifacts.store import Draft
    from stagecraft.stages.leaf_regression import LeafRegression
    from stagecraft.transforms.chain import Chain
    from stagecraft.tuning.attempt import Attempt
    from stagecraft.tuning.space import Parameters


@dataclass(frozen=True)
class LeafTrial:
    """Encoded training and validation rows, and one trial over them.

    :param train: encoded rows
    :param label: float32, 0 or 1
    :param validation: encoded rows, as ``truth`` is their label
    :param golden: a few raw rows
    :param meta: what the model knows of its label
    """

    trainer: LeafRegression
    chain: Chain
    train: pa.RecordBatch
    label: np.ndarray
    weight: np.ndarray | None
    validation: pa.RecordBatch
    truth: np.ndarray
    golden: pa.Table
    meta: dict[str, Any]

    @classmethod
    def of(cls, trainer: LeafRegression, train: Dataset, validation: Dataset, encoder: Model) -> LeafTrial:
        """Read the rows, and encode the validation rows once.

        :raises InvalidInputError: a column is missing, a label has not two classes, or the training rows
            hold leaves already
        """
        chain = encoder.chain.encoder
        if any(isinstance(transform, LeafEncode) for transform in chain.transforms):
            raise InvalidInputError(
                "sweep.train", "the rows hold leaves already", "the dataset of the encode stage before"
            )
        columns = chain.layout.columns
        chain.layout.check_held("sweep.train", "Hash() of fewer bits in the encode stage")
        train.require("sweep.trainer.label", trainer.label)
        train.require("sweep.trainer.weight", *([trainer.weight] if trainer.weight else []))
        train.require("sweep.train", *columns)
        rows = _rows(train, [*columns, trainer.label, *([trainer.weight] if trainer.weight else [])], trainer)
        label, labels = binary_label("sweep.trainer.label", rows[trainer.label])
        encoder.check_input("sweep.validation", validation)
        validation.require("sweep.trainer.label", trainer.label)
        held_out = _rows(validation, [*chain.input_columns(), trainer.label], trainer)
        originals = original_labels("sweep.trainer.label", encoder, trainer.label, labels)
        truth, _ = binary_label("sweep.validation", held_out[trainer.label], originals)
        if truth.min() == truth.max():
            raise InvalidInputError("sweep.validation", "its label has one class", "rows of both classes")
        return cls(
            trainer=trainer,
            chain=chain,
            train=_batch(rows.select(columns)),
            label=label,
            weight=row_weights("sweep.trainer.weight", rows[trainer.weight]) if trainer.weight else None,
            validation=chain.apply(_batch(held_out.select(chain.input_columns()))).select(columns),
            truth=truth,
            golden=encoder.golden().select(chain.input_columns()),
            meta={**handed_on(encoder), "labels": originals},
        )

    def __call__(self, parameters: Parameters, attempt: Attempt) -> dict[str, float]:
        """Run one trial; return ``log_loss``, ``auc`` and the other metrics of the validation rows."""
        return self._judged(*self._fitted(parameters))

    def finish(self, parameters: Parameters, attempt: Attempt, draft: Draft) -> dict[str, float]:
        leaves, linear = self._fitted(parameters)
        metrics = self._judged(leaves, linear)
        fill_model(draft, self.chain.then(leaves, linear), self.golden, **self.meta, metrics=metrics)
        return metrics

    def _fitted(self, parameters: Parameters) -> tuple[LeafEncode, Linear]:
        from stagecraft.parameter_server.local import fit

        boosting, optimizer = self.trainer.settled(parameters)
        columns = self.chain.layout.columns
        # Ray hands out arrays that cannot be written, which numba would compile once more for.
        label, weight = self.label.copy(), None if self.weight is None else self.weight.copy()
        _, trees = grow(feature_matrix(self.train, columns), label, weight, boosting, threads=1)
        leaves = LeafEncode.of(trees, columns)
        layout = self.chain.then(leaves).layout
        weights = fit(
            layout.csr(leaves.apply(self.train)),
            label,
            weight,
            dimension=layout.dimension,
            optimizer=optimizer,
            epochs=self.trainer.epochs,
            seed=self.trainer.seed,
        )
        return leaves, Linear.of(layout, weights)

    def _judged(self, leaves: LeafEncode, linear: Linear) -> dict[str, float]:
        return ranking(self.truth > 0, linear.means(leaves.apply(self.validation)))


def _rows(dataset: Dataset, columns: list[str], trainer: LeafRegression) -> pa.Table:
    """Read at most ``max_rows`` rows, evenly spaced."""
    if not dataset.rows:
        raise InvalidInputError("sweep", f"the dataset {dataset.uri} has no rows", "a dataset with rows")
    dataset.verify()
    table = dataset.table(list(dict.fromkeys(columns)))
    if table.num_rows > trainer.max_rows:
        table = table.take(np.linspace(0, table.num_rows - 1, trainer.max_rows).astype(np.int64))
    return table


def _batch(table: pa.Table) -> Any:
    return table.combine_chunks().to_batches()[0]
