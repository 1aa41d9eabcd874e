"""Iterative proportional fitting by passes over a large table, which threads divide among them.

The steps are those of a plan (see `_ipf_plan`). Steps on blocks, which are small, run as elsewhere.
A step on the whole table is done in a fixed number of parts, runs of rows, each with sums of its
own that are added up in order: so the result does not depend on the number of threads.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin._threads import equal_parts, in_threads, num_cores
from loglin.hierarchical import _ipf_kernels as _kernels
from loglin.hierarchical._ipf_plan import (
    ADJUST,
    CELLS,
    COLLAPSE,
    COLLAPSE_CELLS,
    COLLAPSE_ROWS,
    KIND,
    ROWS,
    RUN,
    SPREAD,
    SPREAD_CELLS,
    SPREAD_ROWS,
    TABLE,
    TARGET,
    TARGET_CELLS,
    Plan,
)

Floats = NDArray[np.float64]
Segments = list[NDArray[np.int64]]
Rows = Callable[[int, int, int], None]
"""Does its work on some rows, given the number of the part, its first row and the row after it."""

FEWEST_CELLS = 2**19
"""Tables of as many cells are fitted here. On one thread the parts cost a quarter of a millisecond
more for half as many cells, and nothing for twice as many."""
_NUM_PARTS = 4


class _Buffers(NamedTuple):
    """What the compiled steps work on; see `_ipf_kernels.fit_each`."""

    work: Floats
    targets: Floats
    margin: Floats


def fit(
    counts: Floats, expected: Floats, plan: Plan, limit: float, max_iterations: int
) -> tuple[int, float]:
    """Fit a flat table, starting from the values in `expected`; write the result there.

    Returns
    -------
    iterations, deviation
        As in `ipf.Cycles`.
    """
    buffers = _Buffers(
        np.ones(plan.num_work), np.empty(plan.num_targets), np.empty(plan.num_margin)
    )
    segments = _segments(plan.steps)
    _collect(plan, segments, counts, buffers)
    buffers.work[:] = 1.0
    iterations, deviation = 0, np.inf
    while iterations < max_iterations and deviation > limit:
        iterations += 1
        deviation = _cycle(plan, segments, expected, buffers)
    last = plan.steps[-1]
    if last[KIND] != ADJUST:  # the last spread is left to the first pass of the next cycle
        _spread(plan, last, expected, buffers.work, _ratio_of(last, buffers.work))
    return iterations, deviation


def _collect(plan: Plan, segments: Segments, counts: Floats, buffers: _Buffers) -> None:
    """Write the margins of a table to the targets."""
    for steps in segments:
        step = steps[0]
        if step[TABLE] >= 0:
            _kernels.collect(steps, plan.rows, counts, buffers.work, buffers.targets)
        elif step[KIND] == ADJUST:
            target = slice(step[TARGET], step[TARGET] + step[TARGET_CELLS])
            _collapse(plan, step, step[ROWS], counts, buffers.targets[target])
        elif step[COLLAPSE_ROWS] >= 0:
            block = slice(step[COLLAPSE], step[COLLAPSE] + step[COLLAPSE_CELLS])
            _collapse(plan, step, step[COLLAPSE_ROWS], counts, buffers.work[block])


def _cycle(plan: Plan, segments: Segments, table: Floats, buffers: _Buffers) -> float:
    """Go through the steps once; return the largest deviation of a fitted margin, or NaN."""
    work, targets, margin = buffers
    deviations = [0.0]
    for steps in segments:
        step = steps[0]
        if step[TABLE] >= 0:
            deviations.append(_kernels.cycle(steps, plan.rows, table, work, margin, targets, False))
        elif step[KIND] == ADJUST:
            fitted = margin[: step[TARGET_CELLS]]
            _collapse(plan, step, step[ROWS], table, fitted)
            deviations.append(
                _kernels.compare(margin, targets, step[TARGET], step[TARGET_CELLS], 0.0)
            )
            _spread(plan, step, table, margin, 0)
        elif step[COLLAPSE_ROWS] >= 0:
            _pass(plan, step, table, work)
    return float(np.max(deviations))


def _segments(steps: NDArray[np.int64]) -> Segments:
    """Return each step on the whole table by itself, and all steps between two of them together."""
    whole = np.flatnonzero(steps[:, TABLE] < 0)
    cuts = np.unique(np.concatenate([whole, whole + 1]))
    return [part for part in np.split(steps, cuts) if len(part)]


def _ratio_of(step: NDArray[np.int64], work: Floats) -> int:
    """Turn the block that a step spreads into ratios; return where they begin."""
    return int(_kernels.to_ratios(work, step[SPREAD], step[SPREAD_CELLS]))


def _pass(plan: Plan, step: NDArray[np.int64], table: Floats, work: Floats) -> None:
    """Spread one block over the table and collapse the next in one pass."""
    ratio, run, cells = _ratio_of(step, work), step[RUN], step[COLLAPSE_CELLS]
    sums = np.zeros((_NUM_PARTS, cells))

    def some(part: int, first: int, last: int) -> None:
        _kernels.spread_and_collapse(
            table, first * run, plan.rows, step[SPREAD_ROWS] + first, step[COLLAPSE_ROWS] + first,
            last - first, run, work, ratio, sums[part], 0,
        )  # fmt: skip

    _by_rows(step, some)
    begin = step[COLLAPSE]
    work[begin : begin + cells] = sums.sum(axis=0)
    work[begin + cells : begin + 2 * cells] = work[begin : begin + cells]


def _collapse(
    plan: Plan, step: NDArray[np.int64], rows: int, table: Floats, margin: Floats
) -> None:
    """Write a margin of the table, by the map of rows that begins at `rows`."""
    sums = np.zeros((_NUM_PARTS, len(margin)))
    run = step[RUN]

    def some(part: int, first: int, last: int) -> None:
        _kernels.collapse(
            table, first * run, plan.rows, rows + first, last - first, run, sums[part], 0
        )

    _by_rows(step, some)
    margin[:] = sums.sum(axis=0)


def _spread(
    plan: Plan, step: NDArray[np.int64], table: Floats, ratios: Floats, first_ratio: int
) -> None:
    """Multiply the table by the ratios of one of its margins."""
    run = step[RUN]
    rows = step[ROWS] if step[KIND] == ADJUST else step[SPREAD_ROWS]

    def some(part: int, first: int, last: int) -> None:
        _kernels.spread(
            table, first * run, plan.rows, rows + first, last - first, run, ratios, first_ratio
        )

    _by_rows(step, some)


def _by_rows(step: NDArray[np.int64], work: Rows) -> None:
    """Do the work on all rows of the table of a step, in parts."""
    parts = equal_parts(int(step[CELLS] // step[RUN]), _NUM_PARTS)
    pieces = [(number, part.start, part.stop) for number, part in enumerate(parts)]
    in_threads(work, pieces, num_cores())
