"""Iterative proportional fitting as textbooks write it, to compare the compiled one with."""

import numpy as np


def by_the_book(counts, generators, num_cycles):
    """Fit from ones by so many cycles; return the fit and the deviation in the last."""
    expected = np.ones_like(counts)
    for _ in range(num_cycles):
        deviation = 0.0
        for axes in generators or ((),):
            others = tuple(axis for axis in range(counts.ndim) if axis not in axes)
            target, fitted = (t.sum(axis=others, keepdims=True) for t in (counts, expected))
            deviation = max(deviation, np.abs(target - fitted).max())
            ratio = np.divide(target, fitted, where=fitted > 0, out=np.zeros_like(target))
            expected = expected * ratio
    return expected, deviation
