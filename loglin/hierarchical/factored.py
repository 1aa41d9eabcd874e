"""Tables that are the product of three factors: fits without passes over the table.

See `_factored_kernels` for the method. It applies where the axes, in their order, can be divided in
three groups such that each generator lies in two of them: to all models of pairs, to chains, and to
most models of few interactions whose axes are near each other.
"""

from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin._threads import MANY_CELLS, by_parts, threads_for
from loglin.hierarchical import _factored_kernels as _kernels
from loglin.hierarchical.generators import Generators, as_masks

Floats = NDArray[np.float64]
Three = tuple[Floats, Floats, Floats]
"""A matrix for each of the blocks PQ, PR and QR."""

_FEWEST_CELLS = 1024
"""Smaller tables stay in the fastest cache, and passes over them cost little."""
_SMALLEST_SHARE = 4
"""The blocks must have at most the table's cells divided by this together."""
_SHORTEST_RUN = 8
"""Smallest number of cells of R: inner loops run over it."""
_NUM_PARTS = 8
"""Parts in which the margins of a large table are summed, whatever the number of threads."""
_LARGEST_FACTOR = 1e100
"""A factor beyond this or its inverse might leave the range of floats, though the table does not.
"""


class Factored(NamedTuple):
    """A model on tables of one shape, divided in three blocks."""

    shape: tuple[int, int, int]
    """Number of cells of the groups P, Q and R."""
    axes: tuple[int, int]
    """First axis of Q, and of R."""
    steps: tuple[NDArray[np.int64], ...]
    rows: tuple[NDArray[np.uint32], ...]
    sizes: NDArray[np.int64]

    def members(self, generators: Generators, block: int) -> Generators:
        """Return the generators that are fitted in a block, 0 to 2 for PQ, PR and QR."""
        q, r = self.axes

        def block_of(axes: tuple[int, ...]) -> int:
            if max(axes, default=0) < r:
                return _kernels.PQ
            return _kernels.PR if axes[0] < q else _kernels.QR

        return tuple(axes for axes in generators if block_of(axes) == block)


@lru_cache(maxsize=64)
def divide(generators: Generators, levels: tuple[int, ...]) -> Factored | None:
    """Divide the axes in three groups; None if there are none that would make fits faster.

    The generators are fitted in this order within each block.
    """
    cells = prod(levels)
    if len(levels) < 3 or cells < _FEWEST_CELLS:
        return None
    masks, numbers = as_masks(generators), np.array(levels, np.int64)
    first, second, shape = _kernels.split(masks, numbers, _SHORTEST_RUN)
    p, q, r = shape.tolist()
    if p == 0 or (p * q + p * r + q * r) * _SMALLEST_SHARE > cells:
        return None
    return Factored(
        (p, q, r), (first, second), *_kernels.plan_blocks(masks, numbers, first, second)
    )


def margins(counts: Floats, shape: tuple[int, int, int]) -> Three:
    """Return the margins of the blocks of a table in C order, in one pass."""
    p, q, r = shape
    num_parts = min(_NUM_PARTS, p) if counts.size >= MANY_CELLS else 1
    ends = np.arange(num_parts + 1) * p // num_parts
    pq, pr, qr = np.empty((p, q)), np.empty((p, r)), np.empty((num_parts, q, r))
    table = counts.reshape(-1)
    by_parts(
        lambda parts: _kernels.margins(table, ends, parts.start, parts.stop, pq, pr, qr),
        num_parts, threads_for(counts.size),
    )  # fmt: skip
    return pq, pr, qr[0] if num_parts == 1 else qr.sum(axis=0)


def write(factors: Three, table: Floats) -> None:
    """Write the product of factors to a table in C order."""
    whole = table.reshape(-1)
    by_parts(
        lambda part: _kernels.write(factors, part.start, part.stop, whole),
        len(factors[0]), threads_for(table.size),
    )  # fmt: skip


def fit(
    counts: Floats, expected: Floats, model: Factored, limit: float, max_iterations: int
) -> tuple[int, float] | None:
    """Fit a model to a table by IPF from ones; write the expected frequencies to `expected`.

    Returns
    -------
    (iterations, deviation), or None
        As in `ipf.Cycles`. None if a factor comes near the ends of the range of floats: `expected`
        is then unchanged.
    """
    p, q, r = model.shape
    factors = np.empty((p, q)), np.empty((p, r)), np.empty((q, r))
    iterations, deviation, smallest, largest = _kernels.fit_factors(
        model.steps, model.rows, model.sizes, margins(counts, model.shape), factors,
        limit, max_iterations,
    )  # fmt: skip
    if smallest < 1 / _LARGEST_FACTOR or not largest <= _LARGEST_FACTOR:
        return None
    write(factors, expected)
    return iterations, deviation
