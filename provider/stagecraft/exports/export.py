"""Models as files of other programs, for those who want to compare or to score elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, get_args

from stagecraft.errors import InvalidInputError, UnwritableStoreError
from stagecraft.exports import libffm, libfm, onnx, vw

if TYPE_CHECKING:
    from stagecraft.artifacts.model import Model
    from stagecraft.transforms.predictor import SparsePredictor

Format = Literal["vw", "libfm", "libffm", "onnx"]
WRITERS: dict[Format, Callable[[SparsePredictor], Iterator[bytes]]] = {
    "vw": vw.lines,
    "libfm": libfm.lines,
    "libffm": libffm.lines,
    "onnx": onnx.content,
}


def export_model(
    model: Model, format: Format, uri: str, *, storage_options: dict[str, Any] | None = None
) -> None:
    """Write what a model predicts with, from the numbers of its features on, into one file.

    - ``vw``: a linear model as Vowpal Wabbit's ``--readable_model`` ends: a line ``index:weight`` for each
      weight that is not zero. Index 0 is the bias
    - ``libfm``: a linear model or a factorization machine as libFM's ``-save_model`` writes it
    - ``libffm``: a field-aware factorization machine as libffm 1's ``ffm-train`` writes it, with two more
      fields for the weights and the bias, which libffm has not
    - ``onnx``: a linear model, softmax regression, a factorization machine or DeepFM as a graph from
      ``indices`` (int64) and ``values`` (float32), rows × features of a row, to ``score`` or ``scores``,
      double

    :param uri: the file, anywhere that fsspec reaches
    :param storage_options: credentials and options for fsspec
    :raises InvalidInputError: the format is unknown, or does not hold a model of this kind
    :raises UnwritableStoreError: the file cannot be written

    >>> export_model(Model.load("s3://bucket/store/artifacts/0123…"), "vw", "model.txt")  # doctest: +SKIP
    """
    import fsspec

    from stagecraft.transforms.predictor import SparsePredictor

    if format not in WRITERS:
        raise InvalidInputError("export_model.format", repr(format), f"one of {get_args(Format)}")
    predictor = model.chain.transforms[-1] if model.chain.transforms else None
    if not isinstance(predictor, SparsePredictor):
        raise InvalidInputError(
            "export_model.model",
            f"the model {model.fingerprint} of stage {model.manifest.lineage.get('stage')!r}",
            "the model of ps_train",
        )
    pieces = WRITERS[format](predictor)
    first = next(pieces)  # Refuses what it does not hold, before there is a file.
    try:
        with fsspec.open(uri, "wb", **(storage_options or {})) as file:
            file.write(first)
            for piece in pieces:
                file.write(piece)
    except OSError as error:
        raise UnwritableStoreError(f"export_model: cannot write {uri} ({error})") from error
