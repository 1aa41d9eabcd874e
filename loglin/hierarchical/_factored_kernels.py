"""Compiled iterative proportional fitting without the table: of three factors whose product it is.

Let the axes of a table fall into three groups P, Q and R, such that each generator of the model
lies in two of them: in PQ, PR or QR, the blocks. A fit that starts from ones is then a product

    m[p, q, r] = x[p, q] y[p, r] z[q, r]

of one factor for each block, and stays one, since adjusting a margin inside a block multiplies the
factor of this block only. The margin of a block is its factor times a product of matrices, such as

    m[p, q] = x[p, q] sum_r y[p, r] z[q, r].

So a cycle takes three products of matrices instead of many passes over the table, which is written
once in the end. Summing over variables in such an order, never multiplying out all factors, is
known from junction trees (Jirousek & Preucil 1995).

The axes of each group are adjacent, in the order P, Q, R, so that a table is an array (P, Q, R).
"""

import numpy as np

from loglin._numba import compiled
from loglin.hierarchical._ipf_kernels import collect, cycle, finish
from loglin.hierarchical._ipf_plan import make_plan

PQ, PR, QR = range(3)
"""The blocks."""
NUM_WORK, NUM_TARGETS, NUM_MARGIN, NUM_GENERATORS = range(4)
"""Columns of `sizes`: what the plan of a block needs, as in `ipf.Plan`, and its generators."""
_ONE_THREAD = 2**18
"""OpenBLAS multiplies matrices on one thread if this takes at most so many multiplications."""


@compiled
def split(generators, levels, shortest_run):
    """Return the cells of the groups P, Q and R with the smallest blocks; zeros if there are none.

    Parameters
    ----------
    generators : (g,) uint64
        Sets of axes.
    levels : (d,) int64
    shortest_run : int
        R must have at least as many cells.

    Returns
    -------
    first, second : int
        Where the axes of Q and of R begin.
    shape : (3,) int64
    """
    one = np.uint64(1)
    best, first, second = np.inf, 0, 0
    shape = np.zeros(3, np.int64)
    p = 1
    for i in range(1, len(levels) - 1):
        p *= levels[i - 1]
        q = 1
        for j in range(i + 1, len(levels)):
            q *= levels[j - 1]
            r = 1
            for axis in range(j, len(levels)):
                r *= levels[axis]
            cells = np.float64(p) * q + np.float64(p) * r + np.float64(q) * r
            if cells >= best or r < shortest_run:
                continue
            in_p = (one << np.uint64(i)) - one
            in_r = ~((one << np.uint64(j)) - one)
            in_q = ~(in_p | in_r)
            fits = True
            for axes in generators:
                if axes & in_p and axes & in_q and axes & in_r:
                    fits = False
                    break
            if fits:
                best, first, second = cells, i, j
                shape[0], shape[1], shape[2] = p, q, r
    return first, second, shape


@compiled
def plan_blocks(generators, levels, first, second):
    """Plan a cycle of each block over its generators (see `_ipf_plan.make_plan`).

    A generator inside one group is fitted in the first block that has the group.

    Returns
    -------
    steps, rows : tuples of three arrays
    sizes : (3, 4) int64
        See NUM_WORK.
    """
    sizes = np.zeros((3, 4), np.int64)
    pq = _plan_block(generators, levels, first, second, PQ, sizes[PQ])
    pr = _plan_block(generators, levels, first, second, PR, sizes[PR])
    qr = _plan_block(generators, levels, first, second, QR, sizes[QR])
    return (pq[0], pr[0], qr[0]), (pq[1], pr[1], qr[1]), sizes


@compiled
def _plan_block(generators, levels, first, second, block, sizes):
    """Plan a cycle of one block; write to its row of `sizes`."""
    one = np.uint64(1)
    in_p = (one << np.uint64(first)) - one
    in_r = ~((one << np.uint64(second)) - one)
    chosen, begins = np.empty(len(generators), np.uint64), np.empty(len(generators), np.int64)
    number = 0
    for axes in generators:
        of = PQ
        if axes & in_r:
            of = PR if axes & in_p else QR
        if of == block:
            # The axes of a block are counted from its first one.
            if block == PR:
                axes = (axes & in_p) | (axes & in_r) >> np.uint64(second - first)
            elif block == QR:
                axes = axes >> np.uint64(first)
            chosen[number] = axes
            number += 1
    if block == PQ:
        inner = levels[:second].copy()
    elif block == PR:
        inner = np.concatenate((levels[:first], levels[second:]))
    else:
        inner = levels[first:].copy()
    for g in range(number):
        cells = 1
        for axis in range(len(inner)):
            if chosen[g] >> np.uint64(axis) & one:
                cells *= inner[axis]
        begins[g] = sizes[NUM_TARGETS]
        sizes[NUM_TARGETS] += cells
        sizes[NUM_MARGIN] = max(sizes[NUM_MARGIN], cells)
    sizes[NUM_GENERATORS] = number
    if number == 0:  # a plan is made all the same, to be of the same type
        chosen[0], begins[0], number = np.uint64(0), 0, 1
    steps, rows, sizes[NUM_WORK] = make_plan(chosen[:number], begins[:number], inner)
    return steps, rows


@compiled
def margins(counts, ends, first, last, pq, pr, qr):
    """Write the margins of the parts first, ..., last - 1 of a flat table.

    Part k has the rows ends[k], ..., ends[k + 1] - 1 of PQ and PR, and a QR of its own, qr[k].
    """
    for part in range(first, last):
        qr[part] = 0.0
        _add_rows(counts, ends[part], ends[part + 1], pq, pr, qr[part])


@compiled
def _add_rows(counts, first, last, pq, pr, qr):
    """Write the margins PQ and PR of rows first, ..., last - 1 of a flat table; add them to QR."""
    num_q, num_r = qr.shape[0], np.uint64(qr.shape[1])
    cell = np.uint64(first * num_q) * num_r
    for p in range(first, last):
        of_p = pr[p]
        of_p[:] = 0.0
        for q in range(num_q):
            of_q = qr[q]
            for r in range(num_r):
                of_q[r] += counts[cell + r]
            for r in range(num_r):
                of_p[r] += counts[cell + r]
            pq[p, q] = _sum(counts, cell, num_r)
            cell += num_r


@compiled
def _sum(table, start, number):
    """Sum so many cells by four sums side by side: one alone would wait for each addition."""
    one = np.uint64(1)
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    cell, last = start, start + number
    while cell + np.uint64(3) < last:
        a, b = a + table[cell], b + table[cell + one]
        c, d = c + table[cell + np.uint64(2)], d + table[cell + np.uint64(3)]
        cell += np.uint64(4)
    total = (a + b) + (c + d)
    while cell < last:
        total += table[cell]
        cell += one
    return total


@compiled
def fit_factors(steps, rows, sizes, targets, factors, limit, most):
    """Fit the factors to the margins of the blocks.

    Parameters
    ----------
    steps, rows, sizes
        See `plan_blocks`.
    targets : tuple of three arrays
        The margins PQ, PR and QR of the table.
    factors : tuple of three arrays
        Of the same shapes; the factors are written here.
    limit, most : float, int
        The fit is finished when no fitted margin deviates by more than `limit`, each measured just
        before its adjustment, or after `most` cycles.

    Returns
    -------
    iterations : int
    deviation : float
        The largest deviation of the last cycle.
    smallest, largest : float
        Of all positive numbers in the factors; NaN is the largest.
    """
    x, y, z = factors
    fitted = (np.empty_like(x), np.empty_like(y), np.empty_like(z))
    turned = np.empty((x.shape[1], x.shape[0]))
    most_work = sizes[:, NUM_WORK].max()
    work, margin = np.empty(most_work), np.empty(sizes[:, NUM_MARGIN].max())
    goals = np.empty((3, sizes[:, NUM_TARGETS].max()))
    for block in range(3):
        factors[block][:] = 1.0
        if sizes[block, NUM_GENERATORS] > 0:
            collect(steps[block], rows[block], targets[block].reshape(-1), work, goals[block])
    iterations, deviation = 0, np.inf
    while iterations < most and deviation > limit:
        iterations += 1
        deviation = 0.0
        for block in range(3):
            if sizes[block, NUM_GENERATORS] == 0:
                continue
            if block == PQ:
                _multiply(y, z.T, fitted[PQ])
            elif block == PR:
                _multiply(x, z, fitted[PR])
            else:
                turned[:] = x.T  # rows of it must follow each other
                _multiply(turned, y, fitted[QR])
            factor, table = factors[block].reshape(-1), fitted[block].reshape(-1)
            goal = goals[block]
            work[: sizes[block, NUM_WORK]] = 1.0
            own = _adjust(steps[block], rows[block], factor, table, work, margin, goal)
            if own > deviation or np.isnan(own):  # NaN is kept
                deviation = own
    smallest, largest = 1.0, 1.0
    for factor in factors:
        for value in factor.flat:
            if value > largest or np.isnan(value):
                largest = value
            if 0.0 < value < smallest:
                smallest = value
    return iterations, deviation, smallest, largest


@compiled
def _adjust(steps, rows, factor, sums, work, margin, goals):
    """Multiply the factor of a block by what adjusts its fitted margin; return the deviation.

    `sums` are the sums over the product of the other factors, and are overwritten.
    """
    cells = np.uint64(len(factor))
    before = np.empty(len(factor))
    for k in range(cells):
        sums[k] *= factor[k]
        before[k] = sums[k]
    deviation = cycle(steps, rows, sums, work, margin, goals, False)
    finish(steps, rows, sums, work)
    for k in range(cells):
        # 0/0 is 0: a margin that is zero stays zero.
        factor[k] *= sums[k] / (before[k] if before[k] > 0.0 else 1.0)
    return deviation


@compiled
def _multiply(a, b, product):
    """Write the matrix product of a and b, few rows at a time.

    A larger product would be divided among the threads of BLAS, and rounded as they divide it.
    """
    rows = max(1, _ONE_THREAD // (a.shape[1] * b.shape[1]))
    for first in range(0, len(a), rows):
        np.dot(a[first : first + rows], b, product[first : first + rows])


@compiled
def write(factors, first, last, table):
    """Write rows first, ..., last - 1 of the flat table that is the product of the factors."""
    x, y, z = factors
    num_q, num_r = z.shape[0], np.uint64(z.shape[1])
    cell = np.uint64(first * num_q) * num_r
    for p in range(first, last):
        of_p = y[p]
        for q in range(num_q):
            factor, of_q = x[p, q], z[q]
            for r in range(num_r):
                table[cell + r] = factor * of_p[r] * of_q[r]
            cell += num_r
