"""Losses and their slopes, against NumPy's in double precision."""

from __future__ import annotations

import numpy as np
import pytest

from stagecraft.parameter_server.kernels.losses import LOSSES, loss_and_slope

MARGINS = np.float32([0, 1e-20, 1e-3, 0.7, 2.5, 10, 17, 40, 90, 800])


@pytest.mark.parametrize("margin", [*MARGINS, *-MARGINS])
@pytest.mark.parametrize("label", [0, 1])
def test_the_logistic_loss_is_that_of_numpy_to_nine_digits(margin, label):
    sign = 1.0 - 2.0 * label
    wanted = np.logaddexp(0.0, sign * np.float64(margin))
    slope = sign * np.exp(-np.logaddexp(0.0, -sign * np.float64(margin)))
    found = loss_and_slope(LOSSES["logistic"], margin, np.float32(label))
    assert found[0] == pytest.approx(wanted, rel=1e-9, abs=1e-13)
    assert found[1] == pytest.approx(slope, rel=1e-9, abs=1e-13)
