"""A hint to the processor, from compiled code."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types  # noqa: TID253
from numba.extending import intrinsic  # noqa: TID253

WRITE, KEEP, DATA = 1, 3, 1


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
