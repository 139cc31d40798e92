"""Held-out rows that a trainer judges its model on while it trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError
from stagecraft.stages.labels import class_label, numeric_label
from stagecraft.stages.ps_model import Shape, loss_of
from stagecraft.stages.spaced_rows import spaced_rows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.transforms.chain import Chain

VALIDATION_ROWS = 50_000


class Validation:
    """Held-out raw rows, encoded once, to judge a model as often as one likes.

    :param batch: encoded rows
    :param label: float64; the number of the class for a classifier
    """

    def __init__(self, shape: Shape, batch: pa.RecordBatch, label: np.ndarray) -> None:
        import numpy as np

        self._shape, self._label = shape, label
        csr = shape.layout.csr(batch)
        rows = (batch.num_rows, shape.layout.width)
        keys, places = np.unique(csr.indices, return_inverse=True)
        common = np.arange(shape.layout.dimension, shape.predictor.dimension)
        self._keys = np.concatenate([keys, common])  # As the table has them: what all rows share comes last.
        self._places, self._values = places.reshape(rows), csr.values.reshape(rows)

    @classmethod
    def of(
        cls, dataset: Dataset | None, chain: Chain, label: str, labels: list[Any] | None, shape: Shape
    ) -> Validation | None:
        """Read at most :data:`VALIDATION_ROWS` rows, evenly spaced.

        :raises InvalidInputError: a column is missing, or a label is not one of ``labels``
        :raises CorruptArtifactError: a file is missing, or damaged
        """
        import numpy as np

        if dataset is None:
            return None
        where = "ps_train.validation"
        columns = chain.encoder.input_columns()
        dataset.require(where, label, *columns)
        if not dataset.rows:
            raise InvalidInputError(where, "it has no rows", "a dataset with rows, or none")
        table = spaced_rows(dataset, list(dict.fromkeys([*columns, label])), VALIDATION_ROWS)
        if labels is None:
            target = numeric_label(
                where, table[label], low=0.0 if loss_of(shape.model) == "poisson" else None
            )
        else:
            target = class_label(where, table[label], labels)[0].astype(np.float64)
            if target.min() == target.max():
                raise InvalidInputError(where, "its label has one class", "rows of both classes, or none")
        batch = table.select(columns).combine_chunks().to_batches()[0]
        return cls(shape, chain.encoder.apply(batch), target)

    def live(self, pull: Callable[[np.ndarray], np.ndarray]) -> dict[str, float]:
        """Judge a model in training.

        :param pull: keys, int64, to their weights, float32[keys, width]
        """
        import numpy as np

        return self._metrics(pull(self._keys.astype(np.int64)))

    def of_model(self, keys: np.ndarray, weights: np.ndarray) -> dict[str, float]:
        """Judge a model.

        :param keys: int64, ascending; what it does not hold has weights of zero
        :param weights: float32[keys, width], as they were trained
        """
        import numpy as np

        found = np.zeros((len(self._keys), weights.shape[1]), np.float32)
        place = np.searchsorted(keys, self._keys)
        held = np.flatnonzero(np.append(keys, -1)[place] == self._keys)
        found[held] = weights[place[held]]
        return self._metrics(found)

    def _metrics(self, weights: np.ndarray) -> dict[str, float]:
        """Return ``validation_loss``, in the terms of the training's; and ``auc`` or ``accuracy``."""
        import numpy as np

        from stagecraft.stages.class_and_number_metrics import of_classes
        from stagecraft.stages.metrics import ranking

        scores = self._shape.predictor.scored(self._shape.served(weights), self._places, self._values)
        loss, label = loss_of(self._shape.model), self._label
        if loss == "squared":
            return {"validation_loss": float(np.mean((scores - label) ** 2) / 2)}
        if loss == "poisson":
            logs = np.log(np.maximum(scores, np.finfo(np.float64).tiny))
            return {"validation_loss": float(np.mean(scores - label * logs))}
        if scores.ndim == 2:
            of = of_classes(label.astype(np.int64), scores)
            return {"accuracy": of["accuracy"], "validation_loss": of["log_loss"]}
        found = ranking(label > 0, scores)
        return {"auc": found["auc"], "validation_loss": found["log_loss"]}
