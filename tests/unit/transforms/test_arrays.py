"""Arrow's memory as NumPy's and back, as Arrow's own ways have it; and without pandas."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stagecraft.transforms.arrays import missing, to_arrow, to_numpy
from stagecraft.transforms.encodings import float64

NAN = float("nan")
COLUMNS = {
    "ints": pa.array([1, 2, 3, 4, 5], pa.int8()),
    "ints with a missing one": pa.array([1, None, 3, 4, 5], pa.int64()),
    "floats": pa.array([0.5, NAN, 1e300, -0.0, 2.0]),
    "floats with missing ones": pa.array([0.5, None, NAN, None, 2.0], pa.float32()),
    "Booleans": pa.array([True, False, None, True, False]),
    "nothing": pa.nulls(5),
    "nothing of floats": pa.nulls(5, pa.float64()),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_slices_are_what_arrow_makes_of_them(column: pa.Array) -> None:
    for part in (column, column.slice(1, 3), column.slice(5), column.slice(3)):
        expected = [NAN if value is None else float(value) for value in part.to_pylist()]
        assert np.array_equal(float64(part), expected, equal_nan=True)
        assert (
            missing(part).tolist() == [value is None for value in part.to_pylist()] or part.type == pa.null()
        )
        if part.type not in (pa.null(), pa.bool_()):
            expected = part.to_numpy(zero_copy_only=False)
            for found in (to_numpy(part), to_numpy(pa.chunked_array([part[:1], part[1:]], part.type))):
                assert np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize("kind", ["int8", "int32", "int64", "uint8", "float32", "float64"])
def test_numbers_become_arrows(kind: Any) -> None:
    values = np.arange(12).astype(kind)
    for part in (values, values[::2], values[:0]):
        assert to_arrow(part).equals(pa.array(part))


def test_rows_are_encoded_and_scored_without_pandas() -> None:
    process = """
import sys
import numpy as np, pyarrow as pa
from stagecraft.transforms.categorical import FittedHash
from stagecraft.transforms.chain import Chain
from stagecraft.transforms.encode import Encode
from stagecraft.transforms.encodings import NumericEncoding, SlotEncoding
from stagecraft.transforms.linear import Linear
from stagecraft.transforms.numeric import FittedFill
chain = Chain((Encode(encodings=[
    NumericEncoding(column="x", maps=[FittedFill(value=0.0)]),
    SlotEncoding(columns=["tail"], output="tail", map=FittedHash(bits=4, salt="tail")),
]),))
chain = chain.then(Linear.of(chain.layout, np.ones(chain.layout.dimension, np.float32), "identity"))
x = pa.Array.from_buffers(pa.float64(), 3, [None, pa.py_buffer(np.array([0.5, 1.0, 2.0]))])
batch = pa.RecordBatch.from_arrays([x, x.cast(pa.string())], names=["x", "tail"])
print(chain.predict(batch), "pandas" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", process], capture_output=True, text=True, check=False)
    assert told.stderr == ""
    assert told.stdout == "[2.5 3.  4. ] False\n"
