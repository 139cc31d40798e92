"""What was compiled once is loaded by later processes, without the compiler."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numba.core.errors import NumbaError

from stagecraft.parameter_server.kernels.compiled import frozen, part
from stagecraft.parameter_server.kernels.soundness import classify

CALL = """
import sys
import numpy as np
from stagecraft.parameter_server.kernels.compiled import frozen
from stagecraft.parameter_server.kernels.soundness import classify
rows = map(frozen, (np.array([0, 2, 3]), np.array([0, 1, 9], np.int32), np.ones(3, np.float32)))
print(classify(*rows, 9), len(classify.stats.cache_hits), "scipy.linalg" in sys.modules)
print(classify(*map(frozen, (np.array([0, 1]), np.array([9]), np.ones(1))), 9), "scipy.linalg" in sys.modules)
"""


def test_a_later_process_takes_the_machine_code_without_the_compiler():
    rows = map(frozen, (np.array([0, 2, 3]), np.array([0, 1, 9], np.int32), np.ones(3, np.float32)))
    here = classify(*rows, 9)
    told = subprocess.run([sys.executable, "-c", CALL], capture_output=True, text=True, check=True).stdout
    loaded, compiled = told.splitlines()
    assert loaded == f"{here} 1 False"
    assert compiled.startswith("(array([1], dtype=uint8), array([0]))"), "other types are compiled as before"


@part
def made(count):
    return np.zeros(count).sum()


def test_a_part_counts_no_references_so_it_makes_no_arrays():
    with pytest.raises(NumbaError, match="array passed into the function"):
        made(3)
