"""How the kernels are compiled, and what their arrays look like to the compiler."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys


class MachineCode(FunctionCache):  # type: ignore[misc]
    """Numba's cache of machine code, without the compiler.

    Numba's own makes all that a compilation may need ready before it looks, SciPy's linear algebra among it:
    a quarter of a second. Memory is all that the kernels ask of its runtime.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was compiled for a signature; None where nothing was."""
        rtsys.initialize(target_context)
        return self._load_overload(sig, target_context)


def compiled(function, **options):  # type: ignore[no-untyped-def]
    """Compile a function when it is first called, or take its machine code from the cache."""
    # Sums may be reordered, so that they fill vector registers. NaN and infinity stay what they are.
    fast = {"reassoc", "nsz", "contract"}
    made = numba.njit(nogil=True, error_model="numpy", fastmath=fast, **options)(function)
    made._cache = MachineCode(function)
    return made


def part(function):  # type: ignore[no-untyped-def]
    """Compile a function that compiled ones call, and that makes no arrays, which the compiler would refuse.

    So references to arrays need not be counted: that costs two atomic operations an array and call, and took
    a fifth of a row's time where rows are prefetched.
    """
    return compiled(function, _nrt=False)  # type: ignore[no-untyped-call]


def frozen(array: np.ndarray) -> np.ndarray:
    """Return a view that cannot be written, so that arrays of Arrow and of NumPy share a compilation."""
    view = array.view()
    view.flags.writeable = False
    return view
