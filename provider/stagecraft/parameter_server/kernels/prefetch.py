"""Rows and states on their way from memory before their turn: hints to the processor, from compiled code."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from stagecraft.parameter_server.kernels.compiled import part

WRITE, KEEP, DATA = 1, 3, 1

LINE = 16
"""Numbers of four bytes in a cache line."""

AHEAD = 6
"""Rows ahead whose states are on their way; the rows themselves are twice as far."""


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(context: Any, array: types.Array, at: types.Integer) -> Any:
    """Start to load the cache line of element ``at`` of a flat array, for writing; never faults.

    Source: the LLVM language reference, ``llvm.prefetch``.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
        flags = [ir.Constant(ir.IntType(32), flag) for flag in (WRITE, KEEP, DATA)]
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, *[flag.type for flag in flags]])
        hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(hint, [pointer, *flags])
        return context.get_dummy_value()

    return types.void(array, at), generate


@part  # type: ignore[untyped-decorator]
def prefetch_span(array: np.ndarray, start: int, stop: int) -> None:
    """Start to load the elements ``start`` … ``stop`` - 1 of a flat array."""
    at = start
    while at < stop:  # A range with a step would divide.
        prefetch(array, at)
        at += LINE


@part  # type: ignore[untyped-decorator]
def prefetch_row(
    indptr: np.ndarray, indices: np.ndarray, values: np.ndarray, order: np.ndarray, position: int
) -> None:
    """Start to load the features of a row that comes after the one at ``position``."""
    far = position + 2 * AHEAD
    if far < order.shape[0]:
        start, stop = indptr[order[far]], indptr[order[far] + 1]
        prefetch_span(indices, start, stop)
        prefetch_span(values, start, stop)


@part  # type: ignore[untyped-decorator]
def prefetch_states(
    indptr: np.ndarray, indices: np.ndarray, order: np.ndarray, position: int, state: np.ndarray, span: int
) -> None:
    """Start to load the states of a row's features, ``span`` numbers each of a flat ``state``."""
    near = position + AHEAD
    if near < order.shape[0]:
        for at in range(indptr[order[near]], indptr[order[near] + 1]):
            base = span * np.int64(indices[np.uint64(at)])
            prefetch_span(state, base, base + span)
