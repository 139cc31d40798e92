"""Field-aware factorization machines as libffm saves them as text: a vector a feature and field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stagecraft.exports.refused import refused
from stagecraft.transforms.field_aware import FieldAware

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.transforms.predictor import SparsePredictor

BLOCK = 1 << 12


def lines(predictor: SparsePredictor) -> Iterator[bytes]:
    """Yield the text of a field-aware factorization machine, in pieces.

    A field is a column, by its place in the layout. libffm has no weights and no bias, but interactions that
    come to them: a row has feature 0 with the value 1, in a field after those of the columns, and a last
    feature, numbered by the layout's dimension, with the value 1, in a field of its own after that. The
    vector of each feature for feature 0's field begins with its weight, and that of feature 0 for each field
    is (1, 0 …).

    :raises InvalidInputError: the model is another, or has too many features for a line each
    """
    import numpy as np

    if not isinstance(predictor, FieldAware):
        raise refused("libffm", predictor, "field-aware factorization machines")
    predictor.layout.check_held("export_model.format", "fewer features")
    dimension, columns, factors = predictor.layout.dimension, len(predictor.layout.blocks), predictor.factors
    fields = columns + 2
    yield f"n {dimension + 1}\nm {fields}\nk {factors}\nnormalization 0\n".encode()
    for start in range(0, dimension, BLOCK):
        features = np.arange(start, min(start + BLOCK, dimension))
        weights = predictor.table[features]
        vectors = np.zeros((len(features), fields, factors), np.float32)
        vectors[:, :columns] = weights[:, 1:].reshape(len(features), columns, factors)
        vectors[:, columns, 0] = weights[:, 0]
        if start == 0:
            vectors[0] = 0
            vectors[0, :, 0] = 1
        yield _text(features, vectors)
    last = np.zeros((1, fields, factors), np.float32)
    last[0, columns, 0] = predictor.table[np.zeros(1, np.int64)][0, 0]
    yield _text(np.array([dimension]), last)


def _text(features: np.ndarray, vectors: np.ndarray) -> bytes:
    """Return a line for each feature and field.

    :param vectors: float32, features × fields × factors
    """
    return "".join(
        f"w{feature},{field} {' '.join(f'{number:.9g}' for number in vector)} \n"
        for feature, by_field in zip(features.tolist(), vectors.tolist(), strict=True)
        for field, vector in enumerate(by_field)
    ).encode()
