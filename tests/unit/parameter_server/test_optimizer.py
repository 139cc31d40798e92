"""Which parameters the optimizers take."""

from __future__ import annotations

import itertools

import pytest

from stagecraft.parameter_server.optimizer import FTRL, AdaGrad

FIELDS = [(FTRL, "alpha"), (FTRL, "beta"), (AdaGrad, "learning_rate"), (AdaGrad, "initial")]
FIELDS += itertools.product((FTRL, AdaGrad), ("l1", "l2"))


@pytest.mark.parametrize(("optimizer", "field"), FIELDS)
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_numbers_out_of_bounds_are_refused(optimizer, field, value):
    with pytest.raises(ValueError, match=field):
        optimizer(**{field: value})
