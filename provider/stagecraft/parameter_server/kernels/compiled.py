"""How the kernels are compiled, and what their arrays look like to the compiler."""

from __future__ import annotations

import numba
import numpy as np

# Sums may be reordered, so that they fill vector registers. NaN and infinity stay what they are.
compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz", "contract"})


def frozen(array: np.ndarray) -> np.ndarray:
    """Return a view that cannot be written, so that arrays of Arrow and of NumPy share a compilation."""
    view = array.view()
    view.flags.writeable = False
    return view
