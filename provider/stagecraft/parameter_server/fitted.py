"""What a training leaves: the weights of the keys that it touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Fitted(NamedTuple):
    """A model: the keys that gradients have reached, and what is known of each.

    :param keys: int64, ascending
    :param weights: float32[keys, width]
    :param state: float32[keys, width, 2], the optimizer's
    """

    keys: np.ndarray
    weights: np.ndarray
    state: np.ndarray
