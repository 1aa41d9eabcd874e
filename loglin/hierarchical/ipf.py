"""Iterative proportional fitting: plans and buffers for the compiled cycles of `_ipf_kernels`."""

from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.hierarchical import _ipf_kernels, _ipf_plan
from loglin.hierarchical.generators import Generators, junction_of

Floats = NDArray[np.float64]


class Plan(NamedTuple):
    """The steps of a cycle of one model, for all tables of one shape (see `_ipf_plan`)."""

    steps: NDArray[np.int64]
    rows: NDArray[np.uint32]
    num_work: int
    """Number of cells of all blocks and their ratios."""
    num_targets: int
    """Number of cells of all margins that are fitted."""
    num_margin: int
    """Number of cells of the largest of these margins."""


class Cycles(NamedTuple):
    """Number of cycles and remaining deviation of each table."""

    iterations: NDArray[np.int64]
    """Cycles over the generators, including the last one, which confirms convergence."""
    deviation: Floats
    """Largest |table margin - fitted margin| before each adjustment of the last cycle."""


@lru_cache(maxsize=8)
def plan(generators: Generators, levels: tuple[int, ...]) -> Plan:
    """Return the plan of a cycle of a model on tables with these levels."""
    tree = junction_of(generators)
    # One cycle fits a decomposable model if its generators are in running-intersection order.
    ordered = generators if tree is None else tree.cliques
    axes = np.array(list(chain.from_iterable(ordered)), np.int64)
    ends = np.cumsum([len(generator) for generator in ordered], dtype=np.int64)
    if ordered:
        first = np.concatenate([[0], ends[:-1]])
        masks = np.bitwise_or.reduceat(np.uint64(1) << axes.astype(np.uint64), first)
        sizes = np.multiply.reduceat(np.array(levels)[axes], first)
    else:  # a model without generators still fits the total
        masks, sizes = np.zeros(1, np.uint64), np.ones(1, np.int64)
    steps, rows, num_work = _ipf_plan.make_plan(
        masks, np.cumsum(sizes) - sizes, np.array(levels, np.int64)
    )
    return Plan(steps, rows, num_work, int(sizes.sum()), int(sizes.max()))


def cycle(
    counts: Floats,
    expected: Floats,
    generators: Generators,
    limits: Any,
    max_iterations: int,
    *,
    from_ones: bool = False,
) -> Cycles:
    """Fit a model to tables; write the expected frequencies to `expected`.

    Parameters
    ----------
    counts, expected : (n, *shape) contiguous arrays
        The fit of each table starts from the values in `expected`.
    generators : Generators
    limits : (n,) array or number
        A table is finished when its largest deviation is at most this.
    max_iterations : int
    from_ones : bool
        Start from ones instead; `expected` may then be uninitialised.
    """
    num_tables, levels = len(counts), counts.shape[1:]
    cycles = Cycles(np.zeros(num_tables, np.int64), np.zeros(num_tables))
    _ipf_kernels.fit_each(
        *plan(generators, levels),
        counts.reshape(num_tables, -1), expected.reshape(num_tables, -1), from_ones,
        np.broadcast_to(limits, num_tables).astype(np.float64), max_iterations, *cycles,
    )  # fmt: skip
    return cycles
