"""The decorator that compiles all kernels, and functions on bits that several of them use."""

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit, types
from numba.extending import intrinsic


def compiled(function: Callable[..., Any] | None = None, *, fused: bool = False) -> Any:
    """Compile a function on its first call, and cache the machine code on disk if possible.

    Python's lock is released while it runs, so that several threads can. If `fused`, a product that
    is added to something may be one instruction with it, which rounds once.
    """
    if function is None:
        return partial(compiled, fused=fused)
    options = {"error_model": "numpy", "nogil": True, "fastmath": {"contract"} if fused else False}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no writable folder for its cache
        return njit(**options)(function)


@intrinsic
def popcount(typing_context, word):
    """Count the ones in a 64-bit word, with one machine instruction."""

    def codegen(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), codegen


@intrinsic
def to_bits(typing_context, number):
    """Return the 64 bits of a float as an integer."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), codegen


@intrinsic
def from_bits(typing_context, bits):
    """Return the float that consists of these 64 bits."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(types.float64))

    return types.float64(types.int64), codegen
