"""Compiled counting of parameters. Sets of axes are bits of 64-bit words."""

import numpy as np

from loglin._numba import compiled


@compiled
def count_parameters(generators, levels):
    """Return the number of free parameters, including the constant.

    Each interaction, a subset of a generator, has the product of its levels - 1 for its own.

    Parameters
    ----------
    generators : (g,) uint64
    levels : (d,) int64
    """
    one = np.uint64(1)
    number = 0
    for axes in generators:
        subsets = 1
        for axis in range(len(levels)):
            if axes >> np.uint64(axis) & one:
                subsets *= 2
        number += subsets
    interactions = np.empty(number, np.uint64)
    number = 0
    for axes in generators:
        subset = axes
        while True:
            interactions[number] = subset
            number += 1
            if subset == 0:
                break
            subset = (subset - one) & axes  # the next smaller subset
    interactions.sort()
    total = 0
    for i in range(number):
        if i > 0 and interactions[i] == interactions[i - 1]:
            continue
        parameters = 1
        for axis in range(len(levels)):
            if interactions[i] >> np.uint64(axis) & one:
                parameters *= levels[axis] - 1
        total += parameters
    return total
