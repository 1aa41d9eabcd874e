"""Run a function on several pieces of the work at once; the pieces do not depend on each other."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

MANY_CELLS = 2**18
"""Tables of as many cells are divided among threads; see `threads_for`."""
_PARTS_OF_A_THREAD = 4
"""With more, a thread that begins late finds more left to do."""


def num_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(num_cells: int) -> int:
    """Return how many threads look at a table of so many cells."""
    return num_cores() if num_cells >= MANY_CELLS else 1


def equal_parts(size: int, number: int) -> list[slice]:
    """Divide 0, ..., size - 1 into so many runs of about equal length; at least one."""
    if number <= 1:
        return [slice(0, size)]
    ends = [size * part // number for part in range(number + 1)]
    return [slice(begin, end) for begin, end in pairwise(ends)]


def in_threads(
    function: Callable[..., Any], pieces: Sequence[tuple[Any, ...]], num_threads: int | None = None
) -> None:
    """Call function(*piece) for each piece, in this thread and others; by default one a piece.

    A thread that has done a piece takes the next one that waits. To wake a thread takes longer than
    small pieces do: so nobody waits for one that has not begun when all pieces are taken.

    This is faster only if the function releases Python's lock, as compiled kernels do.
    """
    waiting = iter(pieces)

    def take() -> None:
        for piece in waiting:
            function(*piece)

    number = len(pieces) if num_threads is None else min(num_threads, len(pieces))
    others = [_threads(os.getpid()).submit(take) for _ in range(number - 1)]
    take()
    for other in others:
        if not other.cancel():
            other.result()


def by_parts(function: Callable[[slice], None], size: int, num_threads: int) -> None:
    """Call a function with parts of 0, ..., size - 1, of which each thread takes several."""
    number = min(size, _PARTS_OF_A_THREAD * num_threads) if num_threads > 1 else 1
    in_threads(function, [(part,) for part in equal_parts(size, number)], num_threads)


@cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Return threads that wait for work: the system leaves each on a core of its own.

    Threads do not survive a fork, so each process has its own.
    """
    return ThreadPoolExecutor(max(1, num_cores() - 1), thread_name_prefix="loglin")
