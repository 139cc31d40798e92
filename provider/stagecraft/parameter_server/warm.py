"""A warm start from weights alone: a state of the optimizer that has these weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from stagecraft.parameter_server.kernels.coordinate import Settings
    from stagecraft.parameter_server.kernels.table import Table


def state_of(table: Table, weights: np.ndarray, root: float) -> np.ndarray:
    """Return the states whose weights these are, float32[keys, width, 2].

    A weight of exactly 0 stays one that no gradient has reached.

    :param weights: float32[keys, width]
    :param root: the √n of each weight
    """
    state = np.zeros((*weights.shape, 2), np.float32)
    parts = ((table.settings, slice(0, table.head)), (table.vector_settings, slice(table.head, None)))
    for settings, part in parts:
        state[:, part, 0] = _first(settings, weights[:, part].astype(np.float64), root)
    state[:, :, 1] = np.where(weights != 0, np.float32(root), np.float32(0))
    return state


def _first(settings: Settings, weights: np.ndarray, root: float) -> np.ndarray:
    """Invert :func:`~stagecraft.parameter_server.kernels.coordinate.weight_of`."""
    if not settings.ftrl:
        return weights
    curve = (settings.smooth + root) * settings.inverse + settings.l2
    first: np.ndarray = -(weights * curve + np.sign(weights) * settings.l1)
    return first
