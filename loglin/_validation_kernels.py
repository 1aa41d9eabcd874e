"""Compiled sums and minima of large tables, to check them in one pass."""

import numpy as np

from loglin._numba import compiled

PART = 2**15
"""Number of cells that are summed at a time, whatever the number of threads."""
_LANES = 32
"""Number of sums that run side by side: a single one would have to wait for each addition."""


@compiled
def sums_and_minima(cells, first, last, sums, minima):
    """Write sum and minimum of the parts first, ..., last - 1 of flat cells.

    With NaN among the cells the sum is NaN, and the minimum is that of the others.
    """
    totals, lowest = np.empty(_LANES), np.empty(_LANES)
    for part in range(first, last):
        totals[:], lowest[:] = 0.0, np.inf
        cell, end = np.uint64(part * PART), np.uint64(min((part + 1) * PART, len(cells)))
        while cell < end:
            width = min(np.uint64(_LANES), end - cell)
            for k in range(width):
                value = cells[cell + k]
                totals[k] += value
                lowest[k] = value if value < lowest[k] else lowest[k]
            cell += width
        sums[part], minima[part] = totals.sum(), lowest.min()
