"""Compiled kernels of the divergence between patterns, and of what chance alone would give."""

import numpy as np

from loglin._numba import compiled

NEGLIGIBLE = 1e-25
"""Counts that are so much less probable than the most probable one are left out."""


@compiled
def pair_divergences(shares):
    """Return the Jensen-Shannon divergences between distributions (k, configurations), (k, k)."""
    num_patterns, num_configurations = shares.shape
    divergences = np.zeros((num_patterns, num_patterns))
    for a in range(num_patterns):
        for b in range(a):
            total = 0.0
            for configuration in range(num_configurations):
                total += divergence_of(shares[a, configuration], shares[b, configuration])
            # Rounding can leave the divergence of two equal distributions just below zero.
            divergences[a, b] = divergences[b, a] = max(total, 0.0)
    return divergences


@compiled
def expected_divergence(totals, how_often, n, m):
    """Return the expected Jensen-Shannon divergence of two groups of n and m samples.

    All samples are divided among the groups at random. `totals` are the different numbers of
    samples with the same configuration, each of which `how_often` configurations have. How many of
    them are in the first group is hypergeometric. Its probabilities follow from each other, up and
    down from the most probable number; this is more accurate than by factorials.
    """
    expected = 0.0
    for place in range(len(totals)):
        total = totals[place]
        mode = (total + 1) * (n + 1) // (n + m + 2)
        above, terms_above = sums_above(mode, total, n, m)
        below, terms_below = sums_above(total - mode, total, m, n)
        at_mode = divergence_of(mode / n, (total - mode) / m)
        mean = (at_mode + terms_above + terms_below) / (1.0 + above + below)
        expected += how_often[place] * mean
    return expected


@compiled
def sums_above(mode, total, n, m):
    """Sum the probabilities of more than `mode` in the first group, relative to that of `mode`.

    Return this sum, and that of the divergences with these weights. With the groups exchanged these
    are the sums below the mode.
    """
    weight, sum_of_weights, sum_of_terms = 1.0, 0.0, 0.0
    for k in range(mode, min(total, n)):
        weight *= (total - k) / (k + 1.0) * (n - k) / (m - total + k + 1.0)
        if weight < NEGLIGIBLE:
            break
        sum_of_weights += weight
        sum_of_terms += weight * divergence_of((k + 1) / n, (total - k - 1) / m)
    return sum_of_weights, sum_of_terms


@compiled
def divergence_of(p, q):
    """Return the part of one configuration in the Jensen-Shannon divergence (Equations 2 to 4)."""
    middle = (p + q) / 2
    part = 0.0
    if p > 0:
        part += p * np.log(p / middle)
    if q > 0:
        part += q * np.log(q / middle)
    return part / 2
