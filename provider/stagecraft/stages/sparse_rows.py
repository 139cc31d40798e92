"""Sparse rows: the features of each row alone, as training reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.dataset import Dataset
from stagecraft.artifacts.model import Model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Stage, Workbench

if TYPE_CHECKING:
    from stagecraft.artifacts.store import Draft


class SparseRows(Stage):
    """Writes each encoded row as its features alone: packed bits where all are 1, else numbers and values.

    The parameter server trains on the result as on the encoded rows, and reads it several times as fast. See
    :class:`stagecraft.transforms.sparse.SparseRows` for the columns.

    :param keep: columns to keep beside the features, such as the label and the weight

    >>> SparseRows(keep=["late", "weight"]).keep
    ['late', 'weight']
    """

    name = "sparse_rows"
    version = 3
    inputs = {"dataset": Kind.DATASET}
    outputs = {"dataset": Kind.DATASET}

    keep: list[str] = Field(default_factory=list)

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        from stagecraft.transforms.sparse import SparseRows as SparseMap

        dataset: Dataset = inputs["dataset"]
        where = "sparse_rows.dataset"
        if dataset.model is None:
            raise InvalidInputError(where, "the rows are not encoded", "the output of an encode stage")
        if dataset.is_sparse:
            raise InvalidInputError(where, "the rows are sparse already", "the output of an encode stage")
        encoder = bench.store.open(dataset.model)
        assert isinstance(encoder, Model)
        layout = encoder.chain.layout
        dataset.require(where, *layout.columns)
        dataset.require("sparse_rows.keep", *self.keep)
        rows = bench.engine.scan(dataset)
        made = bench.engine.map_batches(rows, SparseMap(layout, tuple(self.keep)))
        bench.engine.write(made, drafts["dataset"])
        drafts["dataset"].meta.update(model=dataset.model.model_dump(mode="json"), sparse=True)
