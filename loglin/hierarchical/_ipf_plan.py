"""Compiled code that plans a cycle of iterative proportional fitting.

To adjust a table to a margin, it is summed to this margin and multiplied by ratios; each of the two
is a pass over the table. The same can be done on any margin that contains the generator: if [AB],
[AC] and [BC] are adjusted on the margin ABC, the table only needs the ratios of ABC in the end. So
the generators of a model are covered by a few larger margins, called blocks. Each block is
collapsed (summed from the table) once, fitted by the same method, which may use blocks of the
block, and spread over the table (multiplied into it) in the same pass that collapses the next
block. A cycle passes over the table once for each block.

A plan is a list of such steps in the order of a cycle. Tables are flat, in C order, the last axis
varying fastest. A row is a run of cells over the last axes of a table, chosen so that the margin
keeps these axes and inner loops run over adjacent cells of both; all blocks of a table keep the
same last axes. Sets of axes are bits of 64-bit words.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin._numba import compiled, popcount


class Plan(NamedTuple):
    """The steps of a cycle of one model, for all tables of one shape."""

    steps: NDArray[np.int64]
    rows: NDArray[np.uint32]
    num_work: int
    """Number of cells of all blocks and their ratios."""
    num_targets: int
    """Number of cells of all margins that are fitted."""
    num_margin: int
    """Number of cells of the largest of these margins."""


PASS, ADJUST = range(2)
"""Kinds of steps. PASS: spread one block over a table and collapse the next. ADJUST: adjust a table
to a generator."""

KIND, TABLE, CELLS, RUN = range(4)
"""Columns of every step: kind, where its table begins (-1: the whole table), number of cells of the
table, and number of cells of a row."""
SPREAD_ROWS, SPREAD, SPREAD_CELLS, COLLAPSE_ROWS, COLLAPSE, COLLAPSE_CELLS = range(4, 10)
"""Columns of PASS, for the block to spread and the block to collapse: where its map of rows begins
(-1: there is no block), where the block begins, and its number of cells. Each block is followed by
a copy of it as it was collapsed, which is later replaced by its ratios."""
ROWS, TARGET, TARGET_CELLS = range(4, 7)
"""Columns of ADJUST: where its map of rows and its target margin begin, and the margin's cells."""
NEXT, NUM_COLUMNS = 10, 11
"""Column with the number of the next step, used while planning; number of columns."""

NUM_STEPS, NUM_MAPS, MAP_CELLS, WORK_CELLS = range(4)
"""Entries of `counters`: what is counted while planning."""

# Costs of the steps, in nanoseconds on the machine used for tuning; only their ratios matter.
ADJUST_COST, ADJUST_CELL_COST = 25.0, 3.0
BLOCK_COST, BLOCK_CELL_COST = 60.0, 2.0
INSIDE_COST, INSIDE_CELL_COST = 60.0, 2.5
"""Cost of a generator and of a cell in a block that is itself fitted by blocks."""
SHORT_RUN, SHORT_RUN_COST, LONG_RUN, LONG_RUN_COST = 4, 1.0, 16, 0.25
"""Smallest number of cells of a row in small and in large tables, and the cost of a cell of a pass
with such rows."""
LARGE_TABLE, SMALLEST_BLOCK, SHORTEST_RUN = 1024, 16, 8
"""Numbers of cells; an ADJUST with runs shorter than SHORTEST_RUN goes cell by cell."""


@compiled
def make_plan(generators, targets, levels):
    """Plan the cycle that fits `generators`.

    Parameters
    ----------
    generators : (g,) uint64
        Sets of axes, at least one.
    targets : (g,) int64
        Where the target margin of each generator begins.
    levels : (d,) int64

    Returns
    -------
    steps : (s, NUM_COLUMNS) int64
    rows : uint32 array
        Maps of rows: for every pair of a table and a margin, where in the margin each row of the
        table is added.
    num_work : int
        Number of cells of all blocks and their ratios.
    """
    num = len(generators)
    # A block inside a block has fewer axes, and at each depth there are at most as many blocks as
    # generators.
    most = 8 + 4 * num * (2 + len(levels))
    steps = np.empty((most, NUM_COLUMNS), np.int64)
    maps = np.empty((most, 4), np.uint64)
    counters = np.zeros(4, np.int64)
    # Tables whose steps are still to be planned: their axes, where they begin, the range of their
    # generators in `order`, and the step after which their steps are inserted.
    order = np.arange(num)
    waiting_axes = np.empty(most, np.uint64)
    waiting = np.empty((most, 4), np.int64)
    waiting_axes[0], waiting[0] = ~np.uint64(0), (-1, 0, num, 0)
    num_waiting = 1
    block_of, blocks = np.empty(num, np.int64), np.empty(num, np.uint64)
    steps[0] = 0  # a placeholder that points to the first step
    counters[NUM_STEPS] = 1
    log_levels = np.log(levels + 1e-9)  # an axis of one level costs nothing
    while num_waiting > 0:
        num_waiting -= 1
        axes = waiting_axes[num_waiting]
        table, first, last, at = waiting[num_waiting]
        cells = _num_cells(axes, levels)
        inside = order[first:last].copy()
        members = generators[inside]
        inner, largest = _choose_blocks(axes, members, levels, log_levels, block_of, blocks)
        if largest == 0:
            for g in inside:
                run = _shared_run(axes, generators[g], levels)
                run = run if run >= SHORTEST_RUN else 1
                at = _insert(steps, counters, at, ADJUST, table, cells, run)
                steps[at, ROWS] = _note_map(maps, counters, axes, generators[g], cells, run)
                steps[at, TARGET] = targets[g]
                steps[at, TARGET_CELLS] = _num_cells(generators[g], levels)
            continue
        num_blocks = _cover(members, levels, log_levels, inner, largest, block_of, blocks)
        run = _num_cells(inner, levels)
        spread_rows, block, block_cells, first_pass = -1, -1, 0, -1
        for b in range(num_blocks):
            at = _insert(steps, counters, at, PASS, table, cells, run)
            if b == 0:
                first_pass = at
            _set_spread(steps, at, spread_rows, block, block_cells)
            spread_rows = _note_map(maps, counters, axes, blocks[b], cells, run)
            block, block_cells = counters[WORK_CELLS], _num_cells(blocks[b], levels)
            counters[WORK_CELLS] += 2 * block_cells
            steps[at, COLLAPSE_ROWS], steps[at, COLLAPSE] = spread_rows, block
            steps[at, COLLAPSE_CELLS] = block_cells
            begin = first
            for i in range(len(inside)):
                if block_of[i] == b:
                    order[first] = inside[i]
                    first += 1
            waiting_axes[num_waiting], waiting[num_waiting] = blocks[b], (block, begin, first, at)
            num_waiting += 1
        if table < 0:
            # The last block is spread over the whole table in the first pass of the next cycle.
            _set_spread(steps, first_pass, spread_rows, block, block_cells)
        at = _insert(steps, counters, at, PASS, table, cells, run)
        _set_spread(steps, at, spread_rows, block, block_cells)
        steps[at, COLLAPSE_ROWS] = -1
    rows = np.empty(counters[MAP_CELLS], np.uint32)
    _fill_rows(maps[: counters[NUM_MAPS]], levels, rows)
    return _in_order(steps, counters[NUM_STEPS]), rows, counters[WORK_CELLS]


@compiled
def _insert(steps, counters, after, kind, table, cells, run):
    """Insert a step right after step `after`; return its number."""
    step = counters[NUM_STEPS]
    counters[NUM_STEPS] += 1
    steps[step] = 0
    steps[step, KIND], steps[step, TABLE], steps[step, CELLS] = kind, table, cells
    steps[step, RUN] = run
    steps[step, NEXT], steps[after, NEXT] = steps[after, NEXT], step
    return step


@compiled
def _set_spread(steps, step, rows, block, block_cells):
    steps[step, SPREAD_ROWS], steps[step, SPREAD] = rows, block
    steps[step, SPREAD_CELLS] = block_cells


@compiled
def _in_order(steps, num_steps):
    """Return the steps after step 0, in order."""
    ordered = np.empty((num_steps - 1, NUM_COLUMNS), np.int64)
    step = 0
    for s in range(num_steps - 1):
        step = steps[step, NEXT]
        ordered[s] = steps[step]
    return ordered


@compiled
def _choose_blocks(axes, generators, levels, log_levels, block_of, blocks):
    """Return the axes that every block keeps and the largest size of a block; 0: use no blocks."""
    num = len(generators)
    cells = _num_cells(axes, levels)
    lowest = num * (ADJUST_COST + ADJUST_CELL_COST * cells)
    chosen, chosen_largest = np.uint64(0), 0
    sizes = np.empty(num, np.int64)
    for long in range(0 if cells <= LARGE_TABLE else 1, 2):
        # In very large tables the runs may be up to four times as long.
        long_run = max(LONG_RUN, min(4 * LONG_RUN, cells >> 14))
        inner = _last_axes(axes, levels, long_run if long else SHORT_RUN)
        run_cost = LONG_RUN_COST if long else SHORT_RUN_COST
        # Blocks must be much smaller than a large table, or they save too little.
        largest, lowest_here = cells // (4 if cells > LARGE_TABLE else 2), np.inf
        while largest >= SMALLEST_BLOCK:
            num_blocks = _cover(generators, levels, log_levels, inner, largest, block_of, blocks)
            sizes[:num_blocks] = 0
            for g in range(num):
                sizes[block_of[g]] += 1
            cost = (num_blocks + 1) * cells * run_cost
            for b in range(num_blocks):
                block_cells = _num_cells(blocks[b], levels)
                if 2 * block_cells > cells:
                    cost = np.inf  # a block that saves nothing
                cost += BLOCK_COST + BLOCK_CELL_COST * block_cells + min(
                    sizes[b] * (ADJUST_COST + ADJUST_CELL_COST * block_cells),
                    sizes[b] * INSIDE_COST + INSIDE_CELL_COST * block_cells,
                )  # fmt: skip
            if cost > lowest_here:
                break  # smaller blocks would only be more numerous
            lowest_here = cost
            if cost < lowest:
                lowest, chosen, chosen_largest = cost, inner, largest
            largest //= 2
    return chosen, chosen_largest


@compiled
def _cover(generators, levels, log_levels, inner, largest, block_of, blocks):
    """Cover generators greedily by blocks of up to `largest` cells, each with the axes `inner`.

    A block starts as the first generator that is not yet covered, however large, and grows by one
    axis at a time: the axis with the largest gain (see `_add_gain`) per logarithm of its levels.
    Return the number of blocks; `block_of` gets the block of each generator.
    """
    one = np.uint64(1)
    left = np.arange(len(generators))
    gain = np.empty(len(levels))
    num_left, num_blocks = len(left), 0
    while num_left > 0:
        block = inner | generators[left[0]]
        cells = _num_cells(block, levels)
        gain[:] = 0.0
        for i in range(num_left):
            _add_gain(gain, generators[left[i]] & ~block, 1.0)
        while True:
            best, best_gain = -1, 0.0
            for a in range(len(levels)):
                if gain[a] > 0.0 and cells * levels[a] <= largest:
                    per_size = gain[a] / log_levels[a]
                    if per_size > best_gain:
                        best, best_gain = a, per_size
            if best < 0:
                break
            added = one << np.uint64(best)
            for i in range(num_left):
                missing = generators[left[i]] & ~block
                if missing & added:  # one axis fewer is missing: four times the weight
                    _add_gain(gain, missing ^ added, 0.75)
            block |= added
            gain[best] = 0.0
            cells *= levels[best]
        needed, kept = inner, 0
        for i in range(num_left):
            g = left[i]
            if generators[g] & ~block:
                left[kept] = g
                kept += 1
            else:
                block_of[g] = num_blocks
                needed |= generators[g]
        num_left = kept
        blocks[num_blocks] = needed
        num_blocks += 1
    return num_blocks


@compiled
def _add_gain(gain, missing, share):
    """Add share / 4^m to the gain of each of the m axes that a block lacks to cover a generator."""
    one = np.uint64(1)
    num_missing = popcount(missing)
    weight = share / np.float64(one << (num_missing + num_missing))
    while missing:
        lowest_bit = missing & (~missing + one)
        gain[popcount(lowest_bit - one)] += weight
        missing ^= lowest_bit


@compiled
def _has(axes, a):
    return axes >> np.uint64(a) & np.uint64(1) == np.uint64(1)


@compiled
def _num_cells(axes, levels):
    cells = 1
    for a in range(len(levels)):
        if _has(axes, a):
            cells *= levels[a]
    return cells


@compiled
def _last_axes(axes, levels, fewest):
    """Return the last axes with at least `fewest` cells together; all axes if they have fewer."""
    last, cells = np.uint64(0), 1
    for a in range(len(levels) - 1, -1, -1):
        if cells < fewest and _has(axes, a):
            last |= np.uint64(1) << np.uint64(a)
            cells *= levels[a]
    return last


@compiled
def _shared_run(axes, kept, levels):
    """Return the number of cells of the last axes, back to the first one that is not kept."""
    cells = 1
    for a in range(len(levels) - 1, -1, -1):
        if _has(axes, a):
            if not _has(kept, a):
                break
            cells *= levels[a]
    return cells


@compiled
def _note_map(maps, counters, axes, kept, cells, run):
    """Register a map of rows from the table `axes` to the margin `kept`; return where it begins."""
    entry, start = maps[counters[NUM_MAPS]], counters[MAP_CELLS]
    entry[0], entry[1], entry[2], entry[3] = axes, kept, run, start
    counters[NUM_MAPS] += 1
    counters[MAP_CELLS] += cells // run
    return start


@compiled
def _fill_rows(maps, levels, rows):
    """For every map, write where in the margin each row of the table begins."""
    for m in range(len(maps)):
        axes, kept, run, first = maps[m, 0], maps[m, 1], np.int64(maps[m, 2]), np.int64(maps[m, 3])
        rows[first] = 0
        num_rows, inner, stride = 1, 1, 1
        for a in range(len(levels) - 1, -1, -1):
            if not _has(axes, a):
                continue
            step = stride if _has(kept, a) else 0
            if _has(kept, a):
                stride *= levels[a]
            if inner < run:
                inner *= levels[a]
                continue
            # The rows of the later axes are written for level 0; those of other levels are shifted.
            for level in range(1, levels[a]):
                for r in range(num_rows):
                    rows[first + level * num_rows + r] = rows[first + r] + np.uint32(level * step)
            num_rows *= levels[a]
