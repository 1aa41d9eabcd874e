"""Comparisons of what was drawn with what it should be on average."""

import jax
import numpy as np
from scipy import stats


def assert_within_five_standard_errors(draws, expected):
    """Compare the mean of independent draws, along the first axis, with an exact value.

    Both are pytrees. One number in two million is that far away by chance.
    """
    for drawn, exact in zip(jax.tree.leaves(draws), jax.tree.leaves(expected), strict=True):
        drawn = np.asarray(drawn, float)
        error = drawn.std(axis=0) / np.sqrt(len(drawn))
        away = np.abs(drawn.mean(axis=0) - exact)
        assert (away <= 5 * error + 1e-6).all()


def assert_drawn_from(codes, probability, smallest_p=1e-6):
    """Compare how often each code 0, 1, ... was drawn with its probability, by chi-square.

    Codes that are expected fewer than five times count with the most frequent one.
    """
    expected = probability * len(codes)
    observed = np.bincount(codes, minlength=len(expected))
    group = np.where(expected >= 5, np.arange(len(expected)), expected.argmax())
    observed, expected = (np.bincount(group, counts) for counts in (observed, expected))
    observed, expected = observed[expected > 0], expected[expected > 0]
    assert stats.chisquare(observed, expected).pvalue > smallest_p
