"""Compiled iterative proportional fitting of many small tables side by side.

A vector instruction works on the same cell of several tables. The operations on each table are
those of `_ipf_kernels.fit_each` in the same order, so the results are the same bits.
"""

import numpy as np

from loglin._numba import compiled
from loglin.hierarchical._ipf_plan import CELLS, ROWS, RUN, TARGET, TARGET_CELLS

SIDE_BY_SIDE = 32
"""Number of tables in a batch; they stay in the fastest cache."""


@compiled
def fit_batches(
    steps, rows, num_targets, num_margin, counts, expected, limits, most, iterations, left
):
    """Fit every table of `counts`, from ones, by a plan that has only ADJUST steps.

    For the parameters see `_ipf_kernels.fit_each`.
    """
    num_tables, cells = counts.shape
    places = _places(steps, rows, cells)
    observed, fitted = np.empty((cells, SIDE_BY_SIDE)), np.empty((cells, SIDE_BY_SIDE))
    targets, margin = np.empty((num_targets, SIDE_BY_SIDE)), np.empty((num_margin, SIDE_BY_SIDE))
    deviation, running = np.empty(SIDE_BY_SIDE), np.empty(SIDE_BY_SIDE)
    for begin in range(0, num_tables, SIDE_BY_SIDE):
        number = min(SIDE_BY_SIDE, num_tables - begin)
        observed[:], fitted[:] = 0.0, 1.0
        running[:] = 0.0
        for t in range(number):
            running[t] = 1.0
            iterations[begin + t], left[begin + t] = 0, np.inf
            for cell in range(cells):
                observed[cell, t] = counts[begin + t, cell]
        for s in range(len(steps)):
            first, size = steps[s, TARGET], steps[s, TARGET_CELLS]
            _collapse(observed, places[s], targets[first : first + size])
        num_running = number
        for _ in range(most):
            if num_running == 0:
                break
            deviation[:] = 0.0
            for s in range(len(steps)):
                first, size = steps[s, TARGET], steps[s, TARGET_CELLS]
                of_step = margin[:size]
                _collapse(fitted, places[s], of_step)
                _compare(of_step, targets[first : first + size], running, deviation)
                _spread(fitted, places[s], of_step)
            for t in range(number):
                if running[t] == 0.0:
                    continue
                iterations[begin + t] += 1
                left[begin + t] = deviation[t]
                if not deviation[t] > limits[begin + t]:
                    running[t] = 0.0
                    num_running -= 1
        for t in range(number):
            for cell in range(cells):
                expected[begin + t, cell] = fitted[cell, t]


@compiled
def _places(steps, rows, cells):
    """Return where in the margin of each step each cell is added, (steps, cells)."""
    places = np.empty((len(steps), cells), np.int64)
    for s in range(len(steps)):
        run = steps[s, RUN]
        for cell in range(steps[s, CELLS]):
            places[s, cell] = np.int64(rows[steps[s, ROWS] + cell // run]) + cell % run
    return places


@compiled
def _collapse(tables, places, sums):
    """Add the cells of all tables to a margin of each."""
    sums[:] = 0.0
    for cell in range(len(places)):
        of_cell, total = tables[cell], sums[places[cell]]
        for k in range(np.uint64(SIDE_BY_SIDE)):
            total[k] += of_cell[k]


@compiled
def _spread(tables, places, ratios):
    """Multiply all tables by the ratios of a margin of each."""
    for cell in range(len(places)):
        of_cell, ratio = tables[cell], ratios[places[cell]]
        for k in range(np.uint64(SIDE_BY_SIDE)):
            of_cell[k] *= ratio[k]


@compiled
def _compare(margin, targets, running, deviation):
    """Turn fitted margins into ratios; raise `deviation` to the largest deviation of each table.

    Tables that are finished get ratios of 1.
    """
    for m in range(len(margin)):
        fitted, target = margin[m], targets[m]
        for k in range(np.uint64(SIDE_BY_SIDE)):
            difference = abs(target[k] - fitted[k])
            if difference > deviation[k] or np.isnan(difference):  # NaN is kept
                deviation[k] = difference
            # 0/0 is 0, as in `_ipf_kernels`.
            ratio = target[k] / (fitted[k] if fitted[k] > 0.0 else 1.0)
            fitted[k] = ratio if running[k] > 0.0 else 1.0
