"""Models in ONNX that were trained elsewhere, as models that score raw rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from stagecraft.artifacts.artifact import Kind
from stagecraft.artifacts.model import GOLDEN_TOLERANCE, Model, fill_model
from stagecraft.errors import InvalidInputError
from stagecraft.stages.base import Workbench
from stagecraft.stages.imported import Imported
from stagecraft.stages.raw_rows import RawRows
from stagecraft.transforms.predictor import Link
from stagecraft.transforms.scored import Label

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from stagecraft.artifacts.dataset import Dataset
    from stagecraft.artifacts.store import Draft
    from stagecraft.transforms.chain import Chain
    from stagecraft.transforms.onnx_model import Tensor


class OnnxImport(Imported):
    """Takes an ONNX file as a model that predicts, in batch and in a server, through ONNX Runtime.

    Each input becomes one column or several; each output row one score, a label's probability, or several
    labels' probabilities. Exports may be wrong without a word, so give ``scores``: a column with what the
    trainer's own library said of the rows.

    :param onnx: URI of the file. Its content, not its place, decides the result
    :param columns: the columns that the only input is made of, in its order; or input → its columns. None:
        each input is a column of its own name
    :param output: the output that holds scores, where there are several of floats
    :param labels: the label's values in the order of the output's probabilities; of two, the negative one
        first. None where it predicts a number, or names the labels itself (skl2onnx's maps)
    :param link: ``logistic`` where the output is a margin, and ``log`` where it is a logarithm
    :param scores: a column of the dataset with the scores that are expected of some of its rows: for several
        classes, lists

    >>> OnnxImport(onnx="s3://models/clicks.onnx", columns=["age", "income"], labels=[False, True]).link
    'identity'
    """

    name = "onnx_import"
    inputs = {"dataset": Kind.DATASET}
    outputs = {"model": Kind.MODEL}
    file: ClassVar[str] = "onnx"

    onnx: str = Field(min_length=1)
    columns: list[str] | dict[str, list[str]] | None = Field(default=None, min_length=1)
    output: str | None = None
    labels: list[Label] | None = Field(default=None, min_length=2)
    link: Link = "identity"
    scores: str | None = None

    @field_validator("labels")
    @classmethod
    def _distinct(cls, labels: list[Label] | None) -> list[Label] | None:
        if labels and len(set(map(repr, labels))) < len(labels):
            raise ValueError("each label once")
        return labels

    def execute(self, bench: Workbench, drafts: dict[str, Draft], inputs: dict[str, Any]) -> None:
        import pyarrow as pa

        from stagecraft.transforms.onnx_model import OnnxModel, open_session

        dataset: Dataset = inputs["dataset"]
        content = self.content(drafts["model"], dataset)
        session = open_session(content)
        model = OnnxModel(tensors=self._tensors(session), output=self._output(session)).holding(content)
        dataset.require(f"{self.name}.columns", *model.input_columns())
        encoder, raw = self._raw(bench, dataset, model.input_columns())
        rows = raw.golden.select(encoder.then(model).input_columns()).combine_chunks().to_batches()[0]
        encoded = encoder.apply(rows)
        model.output_schema(encoded.schema)  # Refuses columns of other types than the tensors.
        found = model.put_out(model.feeds(encoded))
        labels = self._labels(found)
        classes = len(labels) if labels else 2
        chain = encoder.then(model.model_copy(update={"classes": classes, "link": self.link}))
        expected = self._expected(chain.predict(rows), raw.golden)
        known: dict[str, Any] = {"labels": labels} if labels else {}
        fill_model(drafts["model"], chain, pa.Table.from_batches([rows]), expected, raw.reference, **known)

    def _tensors(self, session: Any) -> list[Tensor]:
        """The model's inputs, and the columns of each."""
        from stagecraft.transforms.onnx_model import DTYPES, Tensor

        where, found = f"{self.name}.columns", session.get_inputs()
        names = [entry.name for entry in found]
        if isinstance(self.columns, dict):
            columns = self.columns
            if sorted(columns) != sorted(names):
                raise InvalidInputError(where, f"inputs {sorted(columns)}", f"the model's: {names}")
        elif self.columns is None:
            columns = {name: [name] for name in names}
        elif len(names) == 1:
            columns = {names[0]: self.columns}
        else:
            raise InvalidInputError(
                where, f"a list for {len(names)} inputs", f"the columns of each of {names}"
            )
        tensors = []
        for entry in found:
            element = entry.type.removeprefix("tensor(").removesuffix(")")
            shape, given = entry.shape, columns[entry.name]
            if element not in DTYPES or len(shape) not in (1, 2):
                raise InvalidInputError(
                    self.where,
                    f"the input {entry.name!r} is a {entry.type} of shape {shape}",
                    f"tensors of rows, or of rows × columns, of {', '.join(DTYPES)}",
                )
            if isinstance(shape[0], int) and len(shape) == 2:
                raise InvalidInputError(
                    self.where,
                    f"the input {entry.name!r} takes {shape[0]} rows at a time",
                    "an export whose first dimension is open",
                )
            width = shape[1] if len(shape) == 2 else 1
            if isinstance(width, int) and width != len(given):
                raise InvalidInputError(
                    where, f"{len(given)} columns for the input {entry.name!r}", f"{width}, in its order"
                )
            tensors.append(Tensor(name=entry.name, element=element, columns=given, rank=len(shape)))
        return tensors

    def _output(self, session: Any) -> str:
        """The output that holds scores."""
        kinds: dict[str, str] = {entry.name: entry.type for entry in session.get_outputs()}
        fitting = [name for name, kind in kinds.items() if "float" in kind or "double" in kind]
        if self.output is None and len(fitting) == 1:
            return fitting[0]
        if self.output is None or self.output not in fitting:
            raise InvalidInputError(
                f"{self.name}.output", f"{self.output!r} among {kinds}", f"one of {fitting}"
            )
        return self.output

    def _raw(self, bench: Workbench, dataset: Dataset, columns: list[str]) -> tuple[Chain, RawRows]:
        """What encodes raw rows for the model, and raw rows, with their expected scores if any."""
        from stagecraft.transforms.chain import Chain

        asked = [self.scores] if self.scores else []
        dataset.require(f"{self.name}.scores", *asked)
        if dataset.model is None:
            return Chain(()), RawRows.of(dataset, [*columns, *asked])
        if asked:
            raise InvalidInputError(
                f"{self.name}.scores", "the rows are encoded, and raw ones are kept", "None, or raw rows"
            )
        encoder = bench.store.open(dataset.model)
        assert isinstance(encoder, Model)
        plain = [name for name in columns if name not in encoder.chain.layout.columns]
        raw = RawRows.kept_by(encoder)
        return encoder.chain, raw.beside(RawRows.of(dataset, plain)) if plain else raw

    def _labels(self, found: Any) -> list[Label] | None:
        """The labels, in the order of the output's numbers; None where it is a number that is predicted.

        :param found: the output
        """
        from stagecraft.transforms.onnx_model import as_matrix

        where, labels = f"{self.name}.labels", self.labels
        if isinstance(found, list):
            own = sorted(found[0])
            if labels not in (None, own):
                raise InvalidInputError(where, f"{labels} for a model of {own}", "None: the model names them")
            labels = own
        width = as_matrix(found).shape[1]
        if labels is None and width > 1:
            raise InvalidInputError(
                where, f"None for {width} numbers a row", "the labels, in the output's order"
            )
        if labels is not None and len(labels) != max(width, 2):
            raise InvalidInputError(
                where, f"{len(labels)} labels for {width} numbers a row", f"{max(width, 2)} labels"
            )
        if width > 2 and self.link != "identity":
            raise InvalidInputError(f"{self.name}.link", f"{self.link!r} of several classes", "'identity'")
        return labels

    def _expected(self, scores: np.ndarray, golden: pa.Table) -> np.ndarray | None:
        """Return the scores that are expected of the golden rows, which ``scores`` must come near."""
        import numpy as np

        from stagecraft.transforms.predictor import score_matrix

        if self.scores is None:
            return None
        expected, where = score_matrix(golden[self.scores]).astype(np.float64), f"{self.name}.scores"
        if expected.shape != scores.shape:
            found = f"the column has scores of shape {expected.shape}, the model {scores.shape}"
            raise InvalidInputError(where, found, "scores of the model's own kind")
        apart = np.abs(scores - expected)
        if not (apart <= GOLDEN_TOLERANCE).all():
            raise InvalidInputError(
                where,
                f"ONNX Runtime's scores lie up to {apart.max():.3g} away from the column's",
                f"an export that scores as the trainer did, within {GOLDEN_TOLERANCE}",
            )
        return expected
