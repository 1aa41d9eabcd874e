"""How all kernels are compiled, and what several of them use."""

from collections.abc import Callable
from typing import Any

from numba import njit, types
from numba.extending import intrinsic


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function when it is first called; keep the code on disk where that is possible."""
    try:
        return njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # numba finds no folder that it may write to
        return njit(error_model="numpy")(function)


@intrinsic
def popcount(typing_context, word):
    """Count the ones in a 64-bit word, with one machine instruction."""

    def codegen(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), codegen
