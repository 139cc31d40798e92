"""Models: a chain of transforms, from raw rows to encoded ones or to scores."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from stagecraft.artifacts.artifact import Artifact, Kind
from stagecraft.errors import CorruptArtifactError, InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.transforms.chain import Chain

GOLDEN_FILE, REFERENCE_FILE = "golden.parquet", "reference.parquet"
GOLDEN_TOLERANCE = 1e-5
"""How far a golden row's score may lie from the trainer's."""
SPARK_REMEDIES = {
    "als": "FactorizationMachine() of users and items in PSTrain",
    "bisecting_kmeans": "SparkKMeans",
    "gaussian_mixture": "SparkKMeans",
}
"""Algorithm of Spark ML that Spark alone runs → what would do."""


class Model(Artifact):
    """A fitted chain with what a server must know of it.

    ``meta`` holds ``input`` (raw column → Arrow type as text), ``labels`` (the label's values as they sort;
    of two, the negative one first), ``label`` (its column, where an encoding mapped it), ``threshold`` where
    it is not 0.5, ``metrics``, and ``history`` of the training where there was one. A model of Spark ML has
    Spark's own files too; where Spark alone can run it, it has no chain.
    """

    kind = Kind.MODEL

    @cached_property
    def chain(self) -> Chain:
        """The fitted transforms, their files checked.

        :raises CorruptArtifactError: a file is missing or differs from its checksum
        :raises InvalidInputError: it is a model that Spark ML alone can run
        """
        from stagecraft.transforms.chain import CHAIN_FILE, Chain

        if "spark" in self.meta and CHAIN_FILE not in self.manifest.files:
            kind = self.meta["spark"].get("algorithm", {}).get("type", "als")
            raise InvalidInputError(
                f"model {self.fingerprint}",
                f"stage {self.manifest.lineage.get('stage')!r} trained it with Spark ML's {kind}, which runs "
                "on Spark alone",
                "SparkPredict for its predictions; for a model that Evaluate and servers can run, "
                f"{SPARK_REMEDIES.get(kind, 'train it again: newer models need no Spark')}",
            )
        if CHAIN_FILE not in self.manifest.files:
            raise InvalidInputError(
                f"model {self.fingerprint}",
                f"it is the files that a trainer of the user's own left: {', '.join(self.manifest.files)}",
                "that trainer's own code to run it, or a stage that imports its format",
            )
        return Chain.read(self.read_json(CHAIN_FILE), self.read)

    @property
    def threshold(self) -> float:
        """The score from which on a row is predicted positive."""
        return float(self.meta.get("threshold", 0.5))

    @cached_property
    def input_schema(self) -> pa.Schema:
        """The raw columns that the chain reads, with their types."""
        import pyarrow as pa

        golden = self.golden().schema
        return pa.schema([(name, golden.field(name).type) for name in self.meta["input"]])

    def check_input(self, where: str, dataset: Dataset) -> None:
        """Refuse rows that the chain cannot read: a raw column is missing, or of another type.

        :param where: the stage and field that ask, for the message
        :raises InvalidInputError: names the column, the type expected and the type found
        """
        dataset.require(where, *self.meta["input"])
        for name, expected in self.meta["input"].items():
            if (found := dataset.columns[name]) != expected:
                raise InvalidInputError(
                    where,
                    f"column {name!r} is of type {found}, and the model was fitted on {expected}",
                    "the raw rows as the model's own training data were made, "
                    f"or a query that casts {name!r} to {expected}",
                )

    def golden(self) -> pa.Table:
        """A few raw rows; with the scores that the trainer computed for them where the chain scores.

        :raises CorruptArtifactError: the model has none
        """
        return self._golden

    def training_rows(self) -> pa.Table:
        """Raw rows of the training's kind, to see by how far others have drifted: two thousand, or the golden
        ones of a model that has no more.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if REFERENCE_FILE in self.manifest.files:
            return pq.ParquetFile(pa.BufferReader(self.read(REFERENCE_FILE))).read()
        return self.golden().select(self.input_schema.names)

    @cached_property
    def _golden(self) -> pa.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if GOLDEN_FILE not in self.manifest.files:
            raise CorruptArtifactError(f"{self.uri}: the model has no golden rows, so it cannot be checked")
        return pq.ParquetFile(pa.BufferReader(self.read(GOLDEN_FILE))).read()


def fill_model(
    draft: Draft,
    chain: Chain,
    golden: pa.Table,
    scores: np.ndarray | None = None,
    reference: pa.Table | None = None,
    **meta: Any,
) -> None:
    """Write a chain and its golden rows into a draft of a Model.

    :param golden: raw rows, of which the columns that the chain reads are kept; their types become the
        model's input schema
    :param scores: what whoever trained the model says of them; the chain's own where None
    :param reference: more raw rows, which later ones are compared with; the golden ones where None
    :param meta: what else the model knows of itself: ``labels``, ``metrics``, ``history`` …
    """
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    from stagecraft.transforms.predictor import score_array

    rows = golden.select(chain.input_columns()).combine_chunks()
    draft.meta.update(meta, input={field.name: str(field.type) for field in rows.schema})
    if chain.scores:
        batch = pa.RecordBatch.from_arrays(
            [rows[name].combine_chunks() for name in rows.column_names], schema=rows.schema
        )
        made = chain.predict(batch) if scores is None else scores
        rows = rows.append_column(chain.score_column, score_array(made))
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd")
    draft.write(GOLDEN_FILE, sink.getvalue())
    if reference is not None:
        sink = io.BytesIO()
        pq.write_table(reference.select(chain.input_columns()), sink, compression="zstd")
        draft.write(REFERENCE_FILE, sink.getvalue())
    chain.write(draft.write, draft.write_json)
