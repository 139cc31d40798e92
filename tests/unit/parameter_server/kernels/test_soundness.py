from __future__ import annotations

import numpy as np
import pytest

from stagecraft.parameter_server.kernels.soundness import classify, is_sound

DIMENSION = 6


@pytest.mark.parametrize("seed", range(200))
def test_rows_are_sound_where_each_ascends_within_the_dimension(seed):
    random = np.random.default_rng(seed)
    rows = [
        np.sort(random.choice(np.arange(-1, DIMENSION + 1), size, replace=bool(random.integers(2))))
        for size in random.integers(0, 4, 3)
    ]
    if random.integers(2):
        rows = [row[::-1] for row in rows]
    indptr = np.cumsum([0, *map(len, rows)])
    indices = np.concatenate(rows).astype(np.int32)
    values = np.where(random.random(len(indices)) < 0.02, np.nan, 1).astype(np.float32)
    ascend = all((np.diff(row) > 0).all() for row in rows)
    within = bool(((indices >= 0) & (indices < DIMENSION)).all())
    expected = ascend and within and not np.isnan(values).any()
    assert is_sound(indptr, indices, values, DIMENSION) == expected
    assert (not classify(indptr, indices, values, DIMENSION)[0].any()) == expected
