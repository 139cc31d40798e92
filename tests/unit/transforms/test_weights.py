"""Tables of weights, dense and not, whose features are few or any number."""

from __future__ import annotations

import numpy as np
import pytest

from stagecraft.transforms.weights import Weights


@pytest.mark.parametrize("dimension", [100, 2**30, 2**62])
def test_a_feature_without_weights_has_zeros(dimension: int) -> None:
    keys = np.array([dimension - 1, 7, 8, 0])
    values = np.array([[3, 1], [1, 0], [0, 0], [2, 2]], np.float32)
    made = Weights.of(dimension, keys, values)
    assert (made.keys is None) == (dimension == 100)
    asked = np.array([[7, 9], [dimension - 1, dimension - 2]])
    assert made[asked].tolist() == [[[1, 0], [0, 0]], [[3, 1], [0, 0]]]
    touched, weights = made.touched()
    assert touched.tolist() == [0, 7, dimension - 1]
    assert weights.tolist() == [[2, 2], [1, 0], [3, 1]]
    again = Weights.read(made.write(), dimension, 2)
    assert again[keys].tolist() == values.tolist()
