"""Models as libFM saves them: bias, a weight an attribute, a vector an attribute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stagecraft.exports.refused import refused
from stagecraft.transforms.factorization import FactorizationMachine
from stagecraft.transforms.linear import Linear

if TYPE_CHECKING:
    from stagecraft.transforms.predictor import SparsePredictor

BLOCK = 1 << 16


def lines(predictor: SparsePredictor) -> Iterator[bytes]:
    """Yield the text of a factorization machine, or of a linear model, which has vectors of length 0.

    An attribute is a feature by its number. Feature 0 is the bias: libFM has that apart, so attribute 0 has
    weights of zero.

    :raises InvalidInputError: the model is another, or has too many features for a line each
    """
    import numpy as np

    if not isinstance(predictor, Linear | FactorizationMachine):
        raise refused("libfm", predictor, "linear models and factorization machines")
    predictor.layout.check_held("export_model.format", "'vw', which holds the features that have a weight")
    table, dimension = predictor.table, predictor.layout.dimension

    def section(columns: slice) -> Iterator[bytes]:
        for start in range(0, dimension, BLOCK):
            weights = table[np.arange(start, min(start + BLOCK, dimension))][:, columns]
            weights[:1] *= start > 0
            rows = (" ".join(f"{weight:.9g}" for weight in row) for row in weights.tolist())
            yield "".join(f"{row}\n" for row in rows).encode()

    yield f"#global bias W0\n{table[np.zeros(1, np.int64)][0, 0]:.9g}\n#unary interactions Wj\n".encode()
    yield from section(slice(0, 1))
    yield b"#pairwise interactions Vj,f\n"
    yield from section(slice(1, None))
