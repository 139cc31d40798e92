"""Rows through a network and back, by PyTorch."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from stagecraft.transforms.network import Network


class Dropout:
    """Which hidden units each row leaves out in training: a function of the seed and of a step's rows.

    Source: Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting, JMLR 2014.

    :param share: of the units that are left out; the others count for as much more
    :param order: int64, the rows' positions
    """

    def __init__(self, share: float, seed: int, order: np.ndarray) -> None:
        self._share = share
        self._draw = np.random.default_rng([seed, zlib.crc32(order.tobytes())])

    def factors(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return what the next layer's units are multiplied by, float32."""
        kept = self._draw.random(shape, np.float32) >= self._share
        return kept / np.float32(1 - self._share)


class Pass:
    """One pass of rows through a network, from which the way back begins.

    One thread, and memory that is aligned alike each time: the same numbers give the same bits.

    :param numbers: float32, the network's, and perhaps more
    :param inputs: float32[rows, inputs]
    """

    def __init__(
        self, network: Network, numbers: np.ndarray, inputs: np.ndarray, dropout: Dropout | None = None
    ) -> None:
        import torch

        torch.set_num_threads(1)
        self._numbers = torch.tensor(numbers[: sum(network.sizes)], requires_grad=True)
        self._inputs = torch.tensor(inputs, requires_grad=True)
        split = torch.split(self._numbers, network.sizes)
        *layers, last = [part.view(shape) for part, shape in zip(split, network.shapes, strict=True)]
        units = self._inputs
        for weights, bias in zip(layers[::2], layers[1::2], strict=True):
            units = torch.relu(torch.nn.functional.linear(units, weights, bias))
            if dropout is not None:
                units = units * torch.tensor(dropout.factors(units.shape))
        self._outputs = torch.nn.functional.linear(units, last)[:, 0]

    @property
    def outputs(self) -> np.ndarray:
        """float32, one a row."""
        found: np.ndarray = self._outputs.detach().numpy()
        return found

    def slopes(self, step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a loss's derivatives by the inputs and by the numbers, float32.

        :param step: float32, its derivatives by the outputs
        """
        import torch

        found = torch.autograd.grad(self._outputs, [self._inputs, self._numbers], torch.tensor(step))
        by_inputs, by_numbers = (slope.numpy() for slope in found)
        return by_inputs, by_numbers
