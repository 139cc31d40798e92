"""Whether sparse rows are what the kernels take them for."""

from __future__ import annotations

import numpy as np

from stagecraft.parameter_server.kernels.compiled import compiled

SOUND, OUTSIDE, TWICE, UNSORTED, NOT_FINITE = range(5)


@compiled
def is_sound(indptr, indices, values, dimension):  # type: ignore[no-untyped-def]
    """Return whether each row's features ascend from 0 to below the dimension, and all values are finite.

    They do where all rows' features in a row descend nowhere but from one row to the next.
    """
    descents = 0
    for at in range(1, len(indices)):
        descents += indices[at] <= indices[at - 1]
    bad = False
    for row in range(len(indptr) - 1):
        start, end = indptr[row], indptr[row + 1]
        if start == end:
            continue
        bad |= indices[start] < 0 or indices[end - 1] >= dimension
        if start > 0:
            descents -= indices[start] <= indices[start - 1]
    for value in values:
        bad |= not np.isfinite(value)
    return descents == 0 and not bad


@compiled
def classify(indptr, indices, values, dimension):  # type: ignore[no-untyped-def]
    """Return each row's first fault, uint8, and the position of the feature that has it."""
    rows = len(indptr) - 1
    codes, places = np.zeros(rows, np.uint8), np.zeros(rows, np.int64)
    for row in range(rows):
        for at in range(indptr[row], indptr[row + 1]):
            code = SOUND
            if indices[at] < 0 or indices[at] >= dimension:
                code = OUTSIDE
            elif at > indptr[row] and indices[at] == indices[at - 1]:
                code = TWICE
            elif at > indptr[row] and indices[at] < indices[at - 1]:
                code = UNSORTED
            elif len(values) and not np.isfinite(values[at]):
                code = NOT_FINITE
            if code:
                codes[row], places[row] = code, at
                break
    return codes, places
