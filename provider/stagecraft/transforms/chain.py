"""A chain of transforms: from raw rows to encoded ones, or to scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stagecraft.transforms.base import Transform
from stagecraft.transforms.centres import Centres
from stagecraft.transforms.deep import DeepFM
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.factorization import FactorizationMachine
from stagecraft.transforms.field_aware import FieldAware
from stagecraft.transforms.isolation_forest import IsolationForest
from stagecraft.transforms.layout import Layout
from stagecraft.transforms.leaf_encode import LeafEncode
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.onnx_model import OnnxModel
from stagecraft.transforms.predictor import score_matrix
from stagecraft.transforms.softmax import Softmax
from stagecraft.transforms.tree_ensemble import TreeEnsemble

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

CHAIN_FILE = "chain.json"
TYPES: dict[str, type[Transform]] = {
    kind.model_fields["type"].default: kind
    for kind in (
        Centres,
        DeepFM,
        Encode,
        FactorizationMachine,
        FieldAware,
        IsolationForest,
        LeafEncode,
        Linear,
        OnnxModel,
        Softmax,
        TreeEnsemble,
    )
}


@dataclass(frozen=True)
class Chain:
    """Transforms that run one after another."""

    transforms: tuple[Transform, ...]

    @property
    def scores(self) -> bool:
        """Whether the chain ends in a prediction."""
        return bool(self.transforms) and self.transforms[-1].scores

    @property
    def takes_dictionaries(self) -> bool:
        """Whether texts may come as Arrow's dictionaries."""
        return all(transform.takes_dictionaries for transform in self.transforms)

    @property
    def score_column(self) -> str:
        """The column that holds the prediction: ``score``, or ``scores`` of more than two classes."""
        return self.transforms[-1].output_columns()[0]

    @property
    def encoder(self) -> Chain:
        """The chain without its prediction."""
        return Chain(self.transforms[:-1]) if self.scores else self

    def then(self, *transforms: Transform) -> Chain:
        return Chain((*self.transforms, *transforms))

    @property
    def layout(self) -> Layout:
        """The sparse features that the transforms make, in their order."""
        return Layout.of(feature for transform in self.transforms for feature in transform.features())

    def input_columns(self) -> list[str]:
        """The raw columns that the chain reads, in the order of their first use."""
        made: set[str] = set()
        needed: dict[str, None] = {}
        for transform in self.transforms:
            needed.update(dict.fromkeys(name for name in transform.input_columns() if name not in made))
            made.update(transform.output_columns())
        return list(needed)

    def output_schema(self, schema: pa.Schema) -> pa.Schema:
        for transform in self.transforms:
            schema = transform.output_schema(schema)
        return schema

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        for transform in self.transforms:
            batch = transform.apply(batch)
        return batch

    def predict(self, batch: pa.RecordBatch) -> np.ndarray:
        """Return the score of each raw row, float64; of more than two classes, rows × classes."""
        return score_matrix(self.apply(batch).column(self.score_column))

    def write(self, write: Callable[[str, bytes], None], write_json: Callable[[str, Any], None]) -> None:
        """Write the chain as JSON, and the files of its transforms, through a draft's two methods."""
        for position, transform in enumerate(self.transforms):
            for name, data in transform.files().items():
                write(f"{position}-{transform.type}/{name}", data)
        write_json(CHAIN_FILE, [transform.model_dump(mode="json") for transform in self.transforms])

    @classmethod
    def read(cls, specs: Iterable[dict[str, Any]], read: Callable[[str], bytes]) -> Chain:
        """Read what :meth:`write` wrote."""

        def restore(position: int, spec: dict[str, Any]) -> Transform:
            kind = spec["type"]
            return TYPES[kind].restore(spec, lambda name: read(f"{position}-{kind}/{name}"))

        return cls(tuple(restore(position, spec) for position, spec in enumerate(specs)))
