"""Compiled iterative proportional fitting: cycles over the steps of a plan (see `_ipf_plan`).

Inner loops run over a row, with unsigned indices, since numba does not vectorise loops over signed
ones.
"""

import numpy as np

from loglin._numba import compiled
from loglin.hierarchical._ipf_plan import (
    ADJUST,
    CELLS,
    COLLAPSE,
    COLLAPSE_CELLS,
    COLLAPSE_ROWS,
    KIND,
    PASS,
    ROWS,
    RUN,
    SPREAD,
    SPREAD_CELLS,
    SPREAD_ROWS,
    TABLE,
    TARGET,
    TARGET_CELLS,
)


@compiled
def fit_each(
    steps,
    rows,
    num_work,
    num_targets,
    num_margin,
    counts,
    expected,
    from_ones,
    limits,
    most,
    iterations,
    left,
):
    """Fit every table of `counts` and write the result to `expected`, both (n, cells).

    The fit starts from the values in `expected`, or from ones if `from_ones`; `expected` may then
    be uninitialised. A table is finished when no fitted margin deviates by more than its limit,
    each measured just before its adjustment, or after `most` cycles. The number of cycles and the
    largest deviation of the last cycle are written to `iterations` and `left`, both (n,).
    """
    work, targets, margin = np.empty(num_work), np.empty(num_targets), np.empty(num_margin)
    num_passes = 0
    for s in range(len(steps)):
        num_passes += steps[s, KIND] == PASS and steps[s, TABLE] < 0
    for t in range(len(counts)):
        collect(steps, rows, counts[t], work, targets)
        work[:] = 1.0
        # With two or more blocks, the second pass writes the table, so it need not be set to ones.
        unwritten = from_ones and num_passes > 2
        if from_ones and not unwritten:
            expected[t] = 1.0
        iterations[t], left[t] = 0, np.inf
        while iterations[t] < most and left[t] > limits[t]:
            iterations[t] += 1
            left[t] = cycle(steps, rows, expected[t], work, margin, targets, unwritten)
            unwritten = False
        finish(steps, rows, expected[t], work)


@compiled
def collect(steps, rows, counts, work, targets):
    """Write the margins of a table to `targets`, following the steps of the plan."""
    for s in range(len(steps)):
        start, run = steps[s, TABLE], steps[s, RUN]
        num_rows = steps[s, CELLS] // run
        if steps[s, KIND] == PASS:
            first_row, sums, first = steps[s, COLLAPSE_ROWS], work, steps[s, COLLAPSE]
            cells = steps[s, COLLAPSE_CELLS]
            if first_row < 0:
                continue
        else:
            first_row, sums, first = steps[s, ROWS], targets, steps[s, TARGET]
            cells = steps[s, TARGET_CELLS]
        _fill(sums, first, cells, 0.0)
        if start < 0:
            collapse(counts, 0, rows, first_row, num_rows, run, sums, first)
        else:
            collapse(work, start, rows, first_row, num_rows, run, sums, first)


@compiled
def cycle(steps, rows, whole, work, margin, targets, unwritten):
    """Go through the steps once; return the largest deviation of a fitted margin.

    If `unwritten`, the table is uninitialised and is treated as all ones.
    """
    deviation = 0.0
    passes_before = 0 if unwritten else 2
    for s in range(len(steps)):
        kind, start, cells, run = steps[s, KIND], steps[s, TABLE], steps[s, CELLS], steps[s, RUN]
        num_rows = cells // run
        # Each call is written twice, for the whole table and for a block in `work`: selecting one
        # of the two arrays at run time would cost more than the call.
        if kind == ADJUST:
            first, target, size = steps[s, ROWS], steps[s, TARGET], steps[s, TARGET_CELLS]
            _fill(margin, 0, size, 0.0)
            if start < 0:
                collapse(whole, 0, rows, first, num_rows, run, margin, 0)
                deviation = compare(margin, targets, target, size, deviation)
                spread(whole, 0, rows, first, num_rows, run, margin, 0)
            else:
                collapse(work, start, rows, first, num_rows, run, margin, 0)
                deviation = compare(margin, targets, target, size, deviation)
                spread(work, start, rows, first, num_rows, run, margin, 0)
            continue
        spread_rows, collapse_rows = steps[s, SPREAD_ROWS], steps[s, COLLAPSE_ROWS]
        block, block_cells = steps[s, COLLAPSE], steps[s, COLLAPSE_CELLS]
        if collapse_rows < 0 and start < 0:
            continue  # done in the first pass of the next cycle, or at the end
        ratio = 0
        if spread_rows >= 0:
            ratio = to_ratios(work, steps[s, SPREAD], steps[s, SPREAD_CELLS])
        if collapse_rows < 0:
            spread(work, start, rows, spread_rows, num_rows, run, work, ratio)
            continue
        _fill(work, block, block_cells, 0.0)
        if spread_rows < 0:
            collapse(work, start, rows, collapse_rows, num_rows, run, work, block)
        elif start >= 0:
            spread_and_collapse(
                work, start, rows, spread_rows, collapse_rows, num_rows, run, work, ratio,
                work, block,
            )  # fmt: skip
        elif passes_before == 0:
            _fill(work, block, block_cells, np.float64(cells // block_cells))
            passes_before = 1
        elif passes_before == 1:
            _first_pass(whole, rows, spread_rows, collapse_rows, num_rows, run, work, ratio, block)
            passes_before = 2
        else:
            spread_and_collapse(
                whole, 0, rows, spread_rows, collapse_rows, num_rows, run, work, ratio,
                work, block,
            )  # fmt: skip
        _copy(work, block, block + block_cells, block_cells)
    return deviation


@compiled
def finish(steps, rows, whole, work):
    """Do the last pass over the table, which `cycle` leaves to the first pass of the next cycle."""
    last = steps[-1]
    if last[KIND] == PASS:
        ratio = to_ratios(work, last[SPREAD], last[SPREAD_CELLS])
        num_rows, first_row = last[CELLS] // last[RUN], last[SPREAD_ROWS]
        spread(whole, 0, rows, first_row, num_rows, last[RUN], work, ratio)


@compiled
def spread_and_collapse(
    table, start, rows, spread_rows, collapse_rows, num_rows, run, ratios, ratio, sums, block
):
    """Spread one block over a table and collapse the next in one pass."""
    cell, width = np.uint64(start), np.uint64(run)
    first_ratio, first_sum = np.uint64(ratio), np.uint64(block)
    for r in range(num_rows):
        factor = first_ratio + np.uint64(rows[spread_rows + r])
        total = first_sum + np.uint64(rows[collapse_rows + r])
        for k in range(width):
            value = table[cell + k] * ratios[factor + k]
            table[cell + k] = value
            sums[total + k] += value
        cell += width


@compiled
def _first_pass(table, rows, spread_rows, collapse_rows, num_rows, run, work, ratio, block):
    """Do the same as `spread_and_collapse` for a table of ones that has not been written yet."""
    cell, width = np.uint64(0), np.uint64(run)
    first_ratio, first_sum = np.uint64(ratio), np.uint64(block)
    for r in range(num_rows):
        factor = first_ratio + np.uint64(rows[spread_rows + r])
        total = first_sum + np.uint64(rows[collapse_rows + r])
        for k in range(width):
            value = work[factor + k]
            table[cell + k] = value
            work[total + k] += value
        cell += width


@compiled
def collapse(table, start, rows, first_row, num_rows, run, sums, first_sum):
    """Add the cells of a table to one of its margins, `sums`."""
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
def spread(table, start, rows, first_row, num_rows, run, ratios, first_ratio):
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
def compare(margin, targets, target, cells, deviation):
    """Turn a fitted margin into ratios; return its largest deviation, or `deviation` if larger."""
    first = np.uint64(target)
    for m in range(np.uint64(cells)):
        difference = abs(targets[first + m] - margin[m])
        if difference > deviation or np.isnan(difference):  # NaN is kept
            deviation = difference
        # 0/0 is 0: where a margin is zero, its cells stay zero whatever they are multiplied by.
        margin[m] = targets[first + m] / (margin[m] if margin[m] > 0.0 else 1.0)
    return deviation


@compiled
def to_ratios(work, block, cells):
    """Turn the copy of a block as it was collapsed into ratios; return where they begin."""
    now, before = np.uint64(block), np.uint64(block + cells)
    for k in range(np.uint64(cells)):
        old = work[before + k]
        work[before + k] = work[now + k] / (old if old > 0.0 else 1.0)
    return block + cells


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
