"""A network of fully connected layers: how its numbers lie in memory, how they begin, and its output."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Network(NamedTuple):
    """Layers with rectified linear units, and an output that is one number.

    Its numbers are one vector: of each hidden layer the weights (outputs × inputs) and a bias a unit, then
    the weights of the output, which has no bias.

    :param inputs: the numbers that go in
    :param hidden: the units of each hidden layer

    >>> Network(inputs=3, hidden=(4, 2)).shapes
    [(4, 3), (4,), (2, 4), (2,), (1, 2)]
    """

    inputs: int
    hidden: tuple[int, ...]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of weights and biases, one after another."""
        made: list[tuple[int, ...]] = []
        inputs = self.inputs
        for units in self.hidden:
            made += [(units, inputs), (units,)]
            inputs = units
        return [*made, (1, inputs)]

    @property
    def sizes(self) -> list[int]:
        return [math.prod(shape) for shape in self.shapes]

    def rows(self, width: int) -> int:
        """Return how many rows of a table of ``width`` columns hold the numbers."""
        return -(-sum(self.sizes) // width)

    def initial(self, seed: int) -> np.ndarray:
        """Return the numbers that training begins with, float32: weights drawn uniformly, biases of zero.

        Source: He et al., Delving Deep into Rectifiers, ICCV 2015.
        """
        import numpy as np

        draw = np.random.default_rng([seed, len(self.hidden)])
        parts = [
            draw.uniform(-1, 1, math.prod(shape)) * math.sqrt(6 / shape[1])
            if len(shape) == 2
            else np.zeros(shape)
            for shape in self.shapes
        ]
        return np.concatenate(parts).astype(np.float32)

    def parts(self, numbers: np.ndarray) -> list[np.ndarray]:
        """Return weights and biases as views of the numbers; what comes after them is left out."""
        import numpy as np

        split = np.split(numbers, np.cumsum(self.sizes))
        return [part.reshape(shape) for part, shape in zip(split, self.shapes, strict=False)]

    def outputs(self, numbers: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """Return the output of each row, float64.

        Each unit is a dot product of its own, so a row's output has the same bits alone and in any batch; a
        product of matrices would not promise that.

        :param numbers: float32
        :param inputs: float64, rows × inputs
        """
        import numpy as np

        *layers, last = self.parts(numbers.astype(np.float64))
        for weights, bias in zip(layers[::2], layers[1::2], strict=True):
            inputs = np.maximum(np.vecdot(inputs[:, None, :], weights) + bias, 0)
        found: np.ndarray = np.vecdot(inputs, last[0])
        return found
