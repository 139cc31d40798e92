"""Weights as Vowpal Wabbit prints them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stagecraft.exports.refused import refused
from stagecraft.transforms.linear import Linear

if TYPE_CHECKING:
    from stagecraft.transforms.predictor import SparsePredictor

BLOCK = 1 << 16


def lines(predictor: SparsePredictor) -> Iterator[bytes]:
    """Yield a line ``index:weight`` for each weight of a linear model that is not zero, in pieces.

    :raises InvalidInputError: the model is not linear
    """
    if not isinstance(predictor, Linear):
        raise refused("vw", predictor, "a linear model")
    keys, weights = predictor.table.touched()
    yield b""
    for start in range(0, len(keys), BLOCK):
        part = slice(start, start + BLOCK)
        pairs = zip(keys[part].tolist(), weights[part, 0].tolist(), strict=True)
        yield "".join(f"{key}:{weight:.9g}\n" for key, weight in pairs).encode()
