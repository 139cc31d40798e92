"""Generalized linear models over sparse features, as the last transform of a chain."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import PrivateAttr

from stagecraft.transforms.base import Transform
from stagecraft.transforms.layout import Layout
from stagecraft.transforms.types import check_absent

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

WEIGHTS_FILE = "weights.npz"
SCORE = "score"


class Linear(Transform):
    """Adds the column ``score``: the mean that the model predicts, float64.

    :param layout: how columns become features
    :param link: ``logistic`` (a probability) or ``identity``
    """

    scores: ClassVar[bool] = True

    type: Literal["linear"] = "linear"
    layout: Layout
    link: Literal["logistic", "identity"]
    _weights: Any = PrivateAttr()

    @classmethod
    def of(
        cls, layout: Layout, weights: np.ndarray, link: Literal["logistic", "identity"] = "logistic"
    ) -> Linear:
        """Build from weights, float32, one a feature of ``layout``."""
        if weights.shape != (layout.dimension,):
            raise ValueError(f"{weights.shape} weights for {layout.dimension} features")
        made = cls(layout=layout, link=link)
        made._weights = weights
        return made

    @property
    def weights(self) -> np.ndarray:
        """float32, one a feature."""
        weights: np.ndarray = self._weights
        return weights

    def input_columns(self) -> list[str]:
        return self.layout.columns

    def output_columns(self) -> list[str]:
        return [SCORE]

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        check_absent("linear.score", schema, SCORE)
        return schema.append(pa.field(SCORE, pa.float64()))

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        scores = pa.array(self.means(batch), pa.float64())
        return pa.RecordBatch.from_arrays([*batch.columns, scores], schema=self.output_schema(batch.schema))

    def means(self, batch: pa.RecordBatch | pa.Table) -> np.ndarray:
        """Return the predicted means, float64, one a row."""
        import numpy as np

        indptr, indices, values = self.layout.csr(batch)
        products = self._weights[indices].astype(np.float64) * values
        margins = np.add.reduceat(products, indptr[:-1]) if len(indptr) > 1 else np.empty(0)
        if self.link == "identity":
            return margins
        with np.errstate(over="ignore"):  # exp's infinity is the score 0
            return 1 / (1 + np.exp(-margins))

    def files(self) -> dict[str, bytes]:
        import numpy as np

        touched = np.flatnonzero(self._weights)
        sink = io.BytesIO()
        np.savez_compressed(sink, indices=touched.astype(np.int32), values=self._weights[touched])
        return {WEIGHTS_FILE: sink.getvalue()}

    @classmethod
    def restore(cls, fields: dict[str, object], read: Callable[[str], bytes]) -> Self:
        import numpy as np

        made = cls.model_validate(fields)
        with np.load(io.BytesIO(read(WEIGHTS_FILE)), allow_pickle=False) as stored:
            weights = np.zeros(made.layout.dimension, dtype=np.float32)
            weights[stored["indices"]] = stored["values"]
        made._weights = weights
        return made
