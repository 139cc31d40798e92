"""Held-out rows that a trainer judges its model on while it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stagecraft.errors import InvalidInputError
from stagecraft.stages.labels import binary_label, numeric_label

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.transforms.chain import Chain
    from stagecraft.transforms.linear import Linear

VALIDATION_ROWS = 50_000


class Validation:
    """Held-out raw rows, encoded once, to judge the model after each epoch."""

    def __init__(self, batch: pa.Table, label: np.ndarray) -> None:
        self._batch, self._label = batch, label

    @classmethod
    def of(
        cls, dataset: Dataset | None, chain: Chain, label: str, labels: list[Any] | None
    ) -> Validation | None:
        """Read at most :data:`VALIDATION_ROWS` rows, evenly spaced.

        :raises InvalidInputError: a column is missing, or a label is not one of ``labels``
        :raises CorruptArtifactError: a file is missing or differs from its checksum
        """
        import numpy as np

        if dataset is None:
            return None
        where = "ps_train.validation"
        columns = chain.encoder.input_columns()
        dataset.require(where, label, *columns)
        if not dataset.rows:
            raise InvalidInputError(where, "it has no rows", "a dataset with rows, or none")
        dataset.verify()
        table = dataset.table(list(dict.fromkeys([*columns, label])))
        if table.num_rows > VALIDATION_ROWS:
            table = table.take(np.linspace(0, table.num_rows - 1, VALIDATION_ROWS).astype(np.int64))
        if labels is None:
            target = numeric_label(where, table[label])
        else:
            target, _ = binary_label(where, table[label], labels)
            if target.min() == target.max():
                raise InvalidInputError(where, "its label has one class", "rows of both classes, or none")
        batch = table.select(columns).combine_chunks().to_batches()[0]
        return cls(chain.encoder.apply(batch), target)

    def metrics(self, linear: Linear) -> dict[str, float]:
        """Return ``auc`` and ``validation_loss``; for numbers the loss alone, half the mean squared error."""
        import numpy as np

        from stagecraft.stages.metrics import ranking

        scores = linear.means(self._batch)
        if linear.link == "identity":
            return {"validation_loss": float(np.mean((scores - self._label) ** 2) / 2)}
        found = ranking(self._label > 0, scores)
        return {"auc": found["auc"], "validation_loss": found["log_loss"]}
