"""Iterative proportional fitting: plans and buffers for the compiled cycles of `_ipf_kernels`."""

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.hierarchical import _batch_kernels, _ipf_kernels, _ipf_plan, factored, large_tables
from loglin.hierarchical._ipf_plan import ADJUST, KIND, TARGET, Plan
from loglin.hierarchical.generators import Generators, as_masks
from loglin.hierarchical.graphs import exact_in_order, junction_of

Floats = NDArray[np.float64]
_MANY_TABLES = 16
"""As many small tables are fitted side by side."""


class Cycles(NamedTuple):
    """Number of cycles and remaining deviation of each table."""

    iterations: NDArray[np.int64]
    """Cycles over the generators, including the last one, which confirms convergence."""
    deviation: Floats
    """Largest distance of a fitted margin from the table's, before each adjustment of the last
    cycle."""


def in_order(generators: Generators) -> Generators:
    """Return the generators in the order in which they are fitted.

    One cycle fits a decomposable model if its generators are in running-intersection order.
    """
    tree = junction_of(generators)
    return generators if tree is None else tree.cliques


@lru_cache(maxsize=64)
def plan(generators: Generators, levels: tuple[int, ...]) -> Plan:
    """Return the plan of a cycle of a model on tables with these levels."""
    ordered = in_order(generators) or ((),)
    sizes = np.array([prod(levels[axis] for axis in axes) for axes in ordered])
    steps, rows, num_work = _ipf_plan.make_plan(
        as_masks(ordered), np.cumsum(sizes) - sizes, np.array(levels, np.int64)
    )
    return Plan(steps, rows, num_work, int(sizes.sum()), int(sizes.max()))


@lru_cache(maxsize=64)
def closed_in_one_cycle(generators: Generators, levels: tuple[int, ...]) -> bool:
    """Tell whether the first cycle from ones is the closed form of a decomposable model."""
    ordered = in_order(generators)
    model = factored.divide(ordered, levels)
    if model is None:
        order = _order_of(ordered, plan(generators, levels).steps, levels)
    else:
        order = [
            axes
            for block, steps in enumerate(model.steps)
            for axes in _order_of(model.members(ordered, block), steps, levels)
        ]
    return exact_in_order(order)


def _order_of(
    members: Generators, steps: NDArray[np.int64], levels: tuple[int, ...]
) -> list[tuple[int, ...]]:
    """Return generators in the order of their steps; their targets begin one after the other."""
    if not members:
        return []
    ends = np.cumsum([prod(levels[axis] for axis in axes) for axes in members])
    targets = steps[steps[:, KIND] == ADJUST, TARGET]
    return [members[i] for i in np.searchsorted(ends, targets, side="right")]


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
    num_tables = len(counts)
    cycles = Cycles(np.zeros(num_tables, np.int64), np.zeros(num_tables))
    limits = np.full(num_tables, limits, np.float64)
    model = factored.divide(in_order(generators), counts.shape[1:]) if from_ones else None
    if model is None:
        _on_tables(counts, expected, generators, limits, max_iterations, from_ones, cycles)
        return cycles
    for t in range(num_tables):
        answer = factored.fit(counts[t], expected[t], model, float(limits[t]), max_iterations)
        if answer is None:
            one = slice(t, t + 1)
            own = Cycles(cycles.iterations[one], cycles.deviation[one])
            tables = counts[one], expected[one]
            _on_tables(*tables, generators, limits[one], max_iterations, from_ones, own)
        else:
            cycles.iterations[t], cycles.deviation[t] = answer
    return cycles


def _on_tables(
    counts: Floats,
    expected: Floats,
    generators: Generators,
    limits: Floats,
    max_iterations: int,
    from_ones: bool,
    cycles: Cycles,
) -> None:
    """Do the same by passes over the tables; write to `expected` and `cycles`."""
    cycle_plan = plan(generators, counts.shape[1:])
    tables = counts.reshape(len(counts), -1), expected.reshape(len(counts), -1)
    if tables[0].shape[1] >= large_tables.FEWEST_CELLS:
        for t, (table, fitted) in enumerate(zip(*tables, strict=True)):
            if from_ones:
                fitted[:] = 1.0
            cycles.iterations[t], cycles.deviation[t] = large_tables.fit(
                table, fitted, cycle_plan, float(limits[t]), max_iterations
            )
    elif from_ones and len(counts) >= _MANY_TABLES and (cycle_plan.steps[:, KIND] == ADJUST).all():
        steps, rows, _, num_targets, num_margin = cycle_plan
        _batch_kernels.fit_batches(
            steps, rows, num_targets, num_margin, *tables, limits, max_iterations, *cycles
        )
    else:
        _ipf_kernels.fit_each(*cycle_plan, *tables, from_ones, limits, max_iterations, *cycles)
