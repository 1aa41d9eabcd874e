"""Compiled iterative proportional fitting: cycles through the steps of a plan (see `_ipf_plan`).

Inner loops run over a row, with unsigned indices: numba does not vectorise over signed ones.
"""

import numpy as np

from loglin._ipf_plan import (
    BLOCK,
    BLOCK_CELLS,
    CELLS,
    CLOSE,
    COLLAPSE_ROWS,
    KIND,
    OPEN,
    PASS,
    RATIO,
    ROWS,
    RUN,
    SPREAD_ROWS,
    TABLE,
    TARGET,
    TARGET_CELLS,
)
from loglin._kernels import compiled

COLLECT, FRESH, ADJUSTED = range(3)
"""Stages of a fit: no table is changed and the margins are written to `targets`; the whole table
is still to be written and counts as ones; it holds the fit so far."""


@compiled
def fit_each(
    steps, rows, num_work, num_targets, counts, expected, from_ones, limits, most, iterations, left
):
    """Fit every table of `counts` in place of `expected`, both (n, cells).

    With `from_ones` `expected` need not be set, else it is where the fit starts. A table is done
    when no fitted margin is off by more than its limit, each measured just before its adjustment,
    or after `most` cycles. `iterations` and `left`, both (n,), take the number of cycles and the
    largest deviation of the last.
    """
    work, targets, margin = np.empty(num_work), np.empty(num_targets), np.empty(num_targets)
    last = steps[-1]
    num_passes = 0
    for s in range(len(steps)):
        num_passes += steps[s, KIND] == PASS and steps[s, TABLE] < 0
    for t in range(len(counts)):
        work[:] = 1.0
        targets[:] = 0.0
        _cycle(steps, rows, counts[t], work, margin, targets, COLLECT)
        # The second pass can write the table where there are two blocks and so three passes.
        stage = FRESH if from_ones and num_passes > 2 else ADJUSTED
        if from_ones and stage == ADJUSTED:
            expected[t] = 1.0
        iterations[t], left[t] = 0, np.inf
        while iterations[t] < most and left[t] > limits[t]:
            iterations[t] += 1
            left[t] = _cycle(steps, rows, expected[t], work, margin, targets, stage)
            stage = ADJUSTED
        if last[KIND] == PASS:
            _spread(
                expected[t], 0, rows, last[SPREAD_ROWS], last[CELLS] // last[RUN], last[RUN],
                work, last[RATIO],
            )  # fmt: skip


@compiled
def _cycle(steps, rows, whole, work, margin, targets, stage):
    """Go through the steps once; return the largest deviation of a fitted margin."""
    deviation = 0.0
    only_collapse = stage == COLLECT
    passes_before = 0 if stage == FRESH else 2
    for s in range(len(steps)):
        kind, start, cells, run = steps[s, KIND], steps[s, TABLE], steps[s, CELLS], steps[s, RUN]
        num_rows = cells // run
        # Every call stands twice, for the whole table and for a block in `work`: a name for
        # either would cost more than the call.
        if kind == PASS:
            spread, ratio = steps[s, SPREAD_ROWS], steps[s, RATIO]
            collapse, block = steps[s, COLLAPSE_ROWS], steps[s, BLOCK]
            if collapse < 0:
                if start >= 0 and not only_collapse:
                    _spread(work, start, rows, spread, num_rows, run, work, ratio)
                continue
            block_cells = steps[s, BLOCK_CELLS]
            _fill(work, block, block_cells, 0.0)
            if start >= 0:
                if only_collapse or spread < 0:
                    _collapse(work, start, rows, collapse, num_rows, run, work, block)
                else:
                    _pass(work, start, rows, spread, collapse, num_rows, run, work, ratio, block)
            elif only_collapse:
                _collapse(whole, 0, rows, collapse, num_rows, run, work, block)
            elif passes_before >= 2:
                _pass(whole, 0, rows, spread, collapse, num_rows, run, work, ratio, block)
            else:
                if passes_before == 0:
                    _fill(work, block, block_cells, np.float64(cells // block_cells))
                else:
                    _first_pass(whole, rows, spread, collapse, num_rows, run, work, ratio, block)
                passes_before += 1
        elif kind == OPEN:
            if not only_collapse:
                _copy(work, start, run, cells)
        elif kind == CLOSE:
            if not only_collapse:
                _divide(work, start, run, cells)
        else:
            first, target, size = steps[s, ROWS], steps[s, TARGET], steps[s, TARGET_CELLS]
            sums, first_sum = (targets, target) if only_collapse else (margin, 0)
            _fill(sums, first_sum, size, 0.0)
            if start < 0:
                _collapse(whole, 0, rows, first, num_rows, run, sums, first_sum)
            else:
                _collapse(work, start, rows, first, num_rows, run, sums, first_sum)
            if only_collapse:
                continue
            deviation = _compare(margin, targets, target, size, deviation)
            if start < 0:
                _spread(whole, 0, rows, first, num_rows, run, margin, 0)
            else:
                _spread(work, start, rows, first, num_rows, run, margin, 0)
    return deviation


@compiled
def _pass(table, start, rows, spread, collapse, num_rows, run, work, ratio, block):
    """Spread one block over a table and collapse the next in one pass."""
    cell, width = np.uint64(start), np.uint64(run)
    first_ratio, first_sum = np.uint64(ratio), np.uint64(block)
    for r in range(num_rows):
        factor = first_ratio + np.uint64(rows[spread + r])
        total = first_sum + np.uint64(rows[collapse + r])
        for k in range(width):
            value = table[cell + k] * work[factor + k]
            table[cell + k] = value
            work[total + k] += value
        cell += width


@compiled
def _first_pass(table, rows, spread, collapse, num_rows, run, work, ratio, block):
    """Do the same to a table of ones that was not written yet."""
    cell, width = np.uint64(0), np.uint64(run)
    first_ratio, first_sum = np.uint64(ratio), np.uint64(block)
    for r in range(num_rows):
        factor = first_ratio + np.uint64(rows[spread + r])
        total = first_sum + np.uint64(rows[collapse + r])
        for k in range(width):
            value = work[factor + k]
            table[cell + k] = value
            work[total + k] += value
        cell += width


@compiled
def _collapse(table, start, rows, first_row, num_rows, run, sums, first_sum):
    """Add a table up to one of its margins."""
    cell, width, first = np.uint64(start), np.uint64(run), np.uint64(first_sum)
    if run == 1:
        begin = np.uint64(first_row)
        for r in range(np.uint64(num_rows)):
            sums[first + rows[begin + r]] += table[cell + r]
        return
    for r in range(first_row, first_row + num_rows):
        total = first + np.uint64(rows[r])
        for k in range(width):
            sums[total + k] += table[cell + k]
        cell += width


@compiled
def _spread(table, start, rows, first_row, num_rows, run, ratios, first_ratio):
    """Multiply a table by the ratios of one of its margins."""
    cell, width, first = np.uint64(start), np.uint64(run), np.uint64(first_ratio)
    if run == 1:
        begin = np.uint64(first_row)
        for r in range(np.uint64(num_rows)):
            table[cell + r] *= ratios[first + rows[begin + r]]
        return
    for r in range(first_row, first_row + num_rows):
        factor = first + np.uint64(rows[r])
        for k in range(width):
            table[cell + k] *= ratios[factor + k]
        cell += width


@compiled
def _compare(margin, targets, target, cells, deviation):
    """Turn a fitted margin into ratios; return how far it was off, or `deviation` if larger."""
    first = np.uint64(target)
    for m in range(np.uint64(cells)):
        difference = abs(targets[first + m] - margin[m])
        if difference > deviation or np.isnan(difference):  # what is not a number stays so
            deviation = difference
        # 0/0 is 0: where a margin is zero so are its cells, whatever they are multiplied by.
        margin[m] = targets[first + m] / (margin[m] if margin[m] > 0.0 else 1.0)
    return deviation


@compiled
def _divide(work, block, ratio, cells):
    """Turn a block as it was collapsed into what its table is to be multiplied by."""
    now, before = np.uint64(block), np.uint64(ratio)
    for k in range(np.uint64(cells)):
        old = work[before + k]
        work[before + k] = work[now + k] / (old if old > 0.0 else 1.0)


@compiled
def _copy(work, source, target, cells):
    first, second = np.uint64(source), np.uint64(target)
    for k in range(np.uint64(cells)):
        work[second + k] = work[first + k]


@compiled
def _fill(work, start, cells, value):
    first = np.uint64(start)
    for k in range(np.uint64(cells)):
        work[first + k] = value
