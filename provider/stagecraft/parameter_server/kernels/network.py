"""Rows through a network and back, by PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from stagecraft.transforms.network import Network


class Pass:
    """One pass of rows through a network, from which the way back begins.

    One thread, and memory that is aligned alike each time: the same numbers give the same bits.

    :param numbers: float32, the network's, and perhaps more
    :param inputs: float32[rows, inputs]
    :param dropout: the share of hidden units that are left out of each row; the others count for more
    :param draw: decides which
    """

    def __init__(
        self,
        network: Network,
        numbers: np.ndarray,
        inputs: np.ndarray,
        dropout: float,
        draw: np.random.Generator,
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
            if dropout:
                kept = draw.random(units.shape, np.float32) >= dropout
                units = units * torch.tensor(kept / np.float32(1 - dropout))
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
