"""Run a function on several pieces of the work at once; the pieces do not depend on each other."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

MANY_CELLS = 2**18
"""Tables of as many cells are divided among threads."""


def num_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def equal_parts(size: int, number: int) -> list[slice]:
    """Divide 0, ..., size - 1 into so many runs of about equal length; at least one."""
    if number <= 1:
        return [slice(0, size)]
    ends = [size * part // number for part in range(number + 1)]
    return [slice(begin, end) for begin, end in pairwise(ends)]


def in_threads(function: Callable[..., Any], pieces: Sequence[tuple[Any, ...]]) -> None:
    """Call function(*piece) for each piece, the first in this thread and the others beside it.

    This is faster only if the function releases Python's lock, as compiled kernels do.
    """
    others = [_threads(os.getpid()).submit(function, *piece) for piece in pieces[1:]]
    function(*pieces[0])
    for other in others:
        other.result()


@cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Return threads that wait for work: the system leaves each on a core of its own.

    Threads do not survive a fork, so each process has its own.
    """
    return ThreadPoolExecutor(max(1, num_cores() - 1), thread_name_prefix="loglin")
