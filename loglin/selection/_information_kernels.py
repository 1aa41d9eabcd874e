"""Compiled kernels of conditional mutual information.

They take contiguous arrays and check nothing; they add to arrays in place. `cell[k]` is k log k.
All G2 are those of [U S][S j] without counts in empty cells: twice the number of samples times the
mutual information of j and u given S.
"""

import numpy as np

from loglin._numba import compiled
from loglin.selection._kernels import MOST, unpack


@compiled
def add_information(sizes, ones, both, num_x_bits, cell, g2):
    """Add the G2 of some patterns to `g2` (latents, features) for all binary columns.

    The counts are `PackedCounts`. A pattern with one sample, or in which a latent is constant, adds
    nothing.
    """
    num_latents, num_x = g2.shape
    own = np.empty(num_x)
    for g in range(len(sizes)):
        n = np.int64(sizes[g])
        if n < 2:
            continue
        total = x_log_x(n, cell)
        for j in range(num_x):
            b = np.int64(ones[g, j])
            own[j] = x_log_x(b, cell) + x_log_x(n - b, cell) - total
        for latent in range(num_latents):
            a = np.int64(ones[g, num_x_bits + latent])
            if a == 0 or a == n:
                continue
            alone = x_log_x(a, cell) + x_log_x(n - a, cell)
            if n < len(cell):
                for j in range(num_x):
                    b, k = ones[g, j], both[g, latent, j]
                    # Unsigned indices need no check for negative values, so SIMD is used.
                    g2[latent, j] += 2.0 * (
                        cell[np.uint64(k)]
                        + cell[np.uint64(a - k)]
                        + cell[np.uint64(b - k)]
                        + cell[np.uint64(n - a - b + k)]
                        - alone
                        - own[j]
                    )
            else:
                for j in range(num_x):
                    b, k = np.int64(ones[g, j]), np.int64(both[g, latent, j])
                    g2[latent, j] += 2.0 * (_cells(n, a, b, k, cell) - alone - own[j])


@compiled
def add_pair_information(sizes, ones, both, layout, num_x_bits, few, cell, g2):
    """Add the G2 of some patterns to `g2` (pairs,); the layout is as in `add_packed_pairs`.

    Patterns with fewer than `few` samples are left to `_comparing_kernels`.
    """
    table = np.empty((MOST, MOST), np.int64)
    for g in range(len(sizes)):
        if sizes[g] < max(2, few):
            continue
        for pair in range(len(layout)):
            height, width = layout[pair, 1], layout[pair, 3]
            unpack(sizes[g], ones[g], both[g], layout[pair], num_x_bits, table)
            g2[pair] += table_g2(table[:height, :width], cell)


@compiled
def table_g2(table, cell):
    """Return G2 of the independence of the rows and columns of a table of counts."""
    height, width = table.shape
    terms, n = 0.0, 0
    for state in range(height):
        total = 0
        for value in range(width):
            terms += x_log_x(table[state, value], cell)
            total += table[state, value]
        terms -= x_log_x(total, cell)
        n += total
    for value in range(width):
        total = 0
        for state in range(height):
            total += table[state, value]
        terms -= x_log_x(total, cell)
    return 2.0 * (terms + x_log_x(n, cell))


@compiled
def log_likelihoods(order, starts, codes, width, u, heights):
    """Return the sum over the latents of log p(u | S, j) for each sample (n,), from frequencies.

    The samples order[starts[g]] to order[starts[g + 1] - 1] carry pattern g of S; `codes` (n,) are
    those of j, which has `width` levels, `u` (n, r) those of the latents.
    """
    result = np.zeros(len(order))
    table, totals = np.zeros((heights.max(), width)), np.zeros(width)
    for g in range(len(starts) - 1):
        totals[:] = 0.0
        for i in range(starts[g], starts[g + 1]):
            totals[codes[order[i]]] += 1.0
        for latent in range(len(heights)):
            table[: heights[latent]] = 0.0
            for i in range(starts[g], starts[g + 1]):
                table[u[order[i], latent], codes[order[i]]] += 1.0
            for state in range(heights[latent]):
                for value in range(width):
                    if table[state, value] > 0.0:
                        table[state, value] = np.log(table[state, value] / totals[value])
            for i in range(starts[g], starts[g + 1]):
                result[order[i]] += table[u[order[i], latent], codes[order[i]]]
    return result


@compiled
def _cells(n, a, b, k, cell):
    """Return the sum of k log k over the cells of a 2 x 2 table."""
    return (
        x_log_x(k, cell)
        + x_log_x(a - k, cell)
        + x_log_x(b - k, cell)
        + x_log_x(n - a - b + k, cell)
    )


@compiled
def x_log_x(count, cell):
    """Return count * log(count), from the table where it is in there."""
    return cell[count] if count < len(cell) else count * np.log(np.float64(count))
