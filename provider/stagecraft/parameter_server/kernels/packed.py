"""Packed rows become the numbers of their features."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic

from stagecraft.parameter_server.kernels.compiled import compiled
from stagecraft.transforms.packed import Packing


@intrinsic  # type: ignore[untyped-decorator]
def word(context: Any, array: types.Array, at: types.Integer) -> Any:
    """Return the 8 bytes from ``at`` on of a flat array of bytes as a number: all of them must be there."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1)

    return types.uint64(array, at), generate


@compiled  # type: ignore[untyped-decorator]
def unpack(rows: np.ndarray, packing: Packing, indices: np.ndarray) -> bool:
    """Fill in the numbers of the features of packed rows; return whether each lies within its column.

    :param rows: uint8, as :class:`~stagecraft.transforms.packed.Packing` lays them out
    :param indices: what is filled: as many a row as the packing has
    """
    each, outside = len(packing.at), False
    for row in range(len(indices) // each):
        for i in range(each):
            held = word(rows, row * packing.width + packing.at[i])
            number = (held >> packing.shift[i]) & packing.mask[i]
            outside |= number >= packing.size[i]
            indices[row * each + i] = np.int64(number + packing.offset[i])
    return not outside
