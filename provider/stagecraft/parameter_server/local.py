"""Training in this process, without Ray: row after row, in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from stagecraft.errors import InvalidInputError
from stagecraft.parameter_server.models import AnyModel, LogisticRegression

if TYPE_CHECKING:
    import numpy as np

    from stagecraft.parameter_server.optimizer import AnyOptimizer
    from stagecraft.transforms.layout import CSR


def fit(
    csr: CSR,
    label: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    dimension: int,
    optimizer: AnyOptimizer,
    model: AnyModel | None = None,
    classes: int = 2,
    fields: np.ndarray | None = None,
    epochs: int = 1,
    seed: int = 0,
    on_epoch: Callable[[int, float, np.ndarray], bool | None] | None = None,
) -> np.ndarray:
    """Train a model; return its weights, float32, one a feature.

    The same rows and parameters give the same bits.

    :param csr: the rows; feature numbers below ``dimension``
    :param label: one a row; 0 or 1 for a logistic loss, not negative for a Poisson loss, and the number of
        the class for softmax regression
    :param weight: one a row, not negative; 1 where None
    :param model: :class:`LogisticRegression` where None
    :param classes: the number of labels, for softmax regression
    :param fields: the bounds of the fields, the last of them ``dimension``, as
        :func:`~stagecraft.parameter_server.kernels.objective.objective_of` takes them
    :param epochs: passes over the rows, each in an order drawn from ``seed``
    :param on_epoch: called after each pass with its number from 1, its mean progressive loss (each row's
        loss before the model learned from it), and the weights; True ends the training
    :return: a second axis holds the weights of a feature where the model has several; a network's numbers
        come after all features
    :raises ValueError: lengths differ, or a feature number lies outside the dimension
    :raises InvalidInputError: the training diverged

    >>> import numpy as np
    >>> from stagecraft.parameter_server.optimizer import FTRL
    >>> from stagecraft.transforms.layout import CSR
    >>> csr = CSR(np.array([0, 1, 2]), np.array([0, 1], np.int32), np.ones(2, np.float32))
    >>> weights = fit(csr, np.array([0, 1]), dimension=2, optimizer=FTRL(), epochs=5)
    >>> bool(weights[0] < 0 < weights[1])
    True
    """
    import numpy as np

    from stagecraft.parameter_server.kernels.objective import objective_of
    from stagecraft.parameter_server.rows import Rows

    count = len(csr.indptr) - 1
    label = np.asarray(label, dtype=np.float32)
    weight = np.ones(count, np.float32) if weight is None else np.asarray(weight, dtype=np.float32)
    if not len(label) == len(weight) == count:
        raise ValueError(f"{count} rows, but {len(label)} labels and {len(weight)} weights")
    if len(csr.indices) and not 0 <= csr.indices.min() <= csr.indices.max() < dimension:
        raise ValueError(f"feature numbers reach {csr.indices.max()}, beyond the dimension {dimension}")
    objective = objective_of(
        LogisticRegression() if model is None else model, optimizer, classes=classes, fields=fields, seed=seed
    )
    rows, keys = Rows(csr, label, weight), np.arange(dimension + objective.common)
    # np.zeros would take the memory page by page, at the first touch of each.
    state = np.full((len(keys), objective.width, 2), 0, dtype=np.float32)
    begun, states = objective.start()
    state[begun] = states
    mass = float(weight.sum(dtype=np.float64))

    def weights() -> np.ndarray:
        found = objective.weights(state, keys)
        return found[:, 0] if objective.width == 1 else found

    for epoch in range(1, epochs + 1):
        total = objective.train(rows, np.random.default_rng([seed, epoch]).permutation(count), state)
        if not np.isfinite(total):
            raise InvalidInputError(
                "fit", f"training diverged in epoch {epoch}", "a smaller learning rate, or scaled values"
            )
        if on_epoch is not None and on_epoch(epoch, total / mass if mass else 0.0, weights()):
            break
    return weights()
