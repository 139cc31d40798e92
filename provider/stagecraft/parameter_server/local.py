"""Training in this process: what the parameter server does with one worker and one shard, without Ray."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.parameter_server.optimizer import FTRL
    from stagecraft.transforms.layout import CSR


def fit(
    csr: CSR,
    label: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    dimension: int,
    optimizer: FTRL,
    epochs: int = 1,
    batch_rows: int = 1024,
    seed: int = 0,
    loss: Literal["logistic", "squared"] = "logistic",
    on_epoch: Callable[[int, float, np.ndarray], bool | None] | None = None,
) -> np.ndarray:
    """Train a generalized linear model; return its weights, float32, one a feature.

    :param csr: the rows; feature numbers below ``dimension``
    :param label: one a row; 0 or 1 for the logistic loss
    :param weight: one a row, not negative; 1 where None
    :param epochs: passes over the rows, each in an order drawn from ``seed``
    :param batch_rows: rows a step
    :param on_epoch: called after each pass with its number from 1, its mean progressive loss (each row's
        loss before the model learned from it), and the weights; True ends the training

    >>> import numpy as np
    >>> from stagecraft.parameter_server.optimizer import FTRL
    >>> from stagecraft.transforms.layout import CSR
    >>> csr = CSR(np.array([0, 1, 2]), np.array([0, 1], np.int32), np.ones(2, np.float32))
    >>> weights = fit(csr, np.array([0, 1]), dimension=2, optimizer=FTRL(), epochs=5)
    >>> bool(weights[0] < 0 < weights[1])
    True
    """
    import numpy as np

    from stagecraft.parameter_server import kernel

    rows = len(csr.indptr) - 1
    label = np.asarray(label, dtype=np.float32)
    weight = np.ones(rows, np.float32) if weight is None else np.asarray(weight, dtype=np.float32)
    if not len(label) == len(weight) == rows:
        raise ValueError(f"{rows} rows, but {len(label)} labels and {len(weight)} weights")
    if len(csr.indices) and not 0 <= csr.indices.min() <= csr.indices.max() < dimension:
        raise ValueError(f"feature numbers reach {csr.indices.max()}, beyond the dimension {dimension}")
    settings = (optimizer.alpha, optimizer.beta, optimizer.l1, optimizer.l2)
    code = kernel.LOGISTIC if loss == "logistic" else kernel.SQUARED
    state = np.zeros((dimension, 2), dtype=np.float32)
    weights = np.zeros(dimension, dtype=np.float32)
    gradient = np.zeros(dimension, dtype=np.float64)
    mark = np.zeros(dimension, dtype=np.int32)
    stamp, mass = 0, float(weight.sum(dtype=np.float64))
    for epoch in range(1, epochs + 1):
        order = np.random.default_rng([seed, epoch]).permutation(rows)
        total = 0.0
        for start in range(0, rows, batch_rows):
            batch = order[start : start + batch_rows]
            stamp += 1
            keys = kernel.touched(csr.indptr, csr.indices, batch, mark, stamp)
            total += kernel.gradients(*csr, label, weight, batch, weights, gradient, code)
            kernel.push(state, keys, gradient, *settings)
            weights[keys] = kernel.pull(state, keys, *settings)
        if on_epoch is not None and on_epoch(epoch, total / mass if mass else 0.0, weights.copy()):
            break
    return weights
