"""Goodness-of-fit statistics: how far expected frequencies are from a table."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from loglin.validation import as_frequencies

Floats = NDArray[np.float64]

_PART = 2**13
"""Number of cells that are processed at a time."""


def g_squared(observed: ArrayLike, expected: ArrayLike) -> float:
    """Return the likelihood-ratio statistic, twice the sum of observed * log(observed / expected).

    Cells with an observed count of zero add nothing.

    >>> round(g_squared([10.0, 20.0], [15.0, 15.0]), 6)
    3.397981
    """
    return g2(*_as_pair(observed, expected))


def pearson_x2(observed: ArrayLike, expected: ArrayLike) -> float:
    """Return Pearson's statistic, the sum of (observed - expected)^2 / expected.

    Cells where both are zero add nothing.

    >>> round(pearson_x2([10.0, 20.0], [15.0, 15.0]), 6)
    3.333333
    """
    return x2(*_as_pair(observed, expected))


def chi_square_tail(statistic: float, df: int) -> float:
    """Return the chi-square probability of a statistic at least as large; 1 if `df` is 0."""
    return float(chdtrc(df, max(statistic, 0.0))) if df > 0 else 1.0


def g2(counts: Floats, expected: Floats) -> float:
    """Return G2 of two tables of the same shape, already checked."""
    total = 0.0
    with np.errstate(divide="ignore"):
        for n, m in _parts(counts, expected):
            ratio = np.divide(n, m, where=n > 0, out=np.ones_like(n))
            total += float(np.dot(n, np.log(ratio)))
    return 2 * total


def x2(counts: Floats, expected: Floats) -> float:
    """Return X2 of two tables of the same shape, already checked."""
    return sum(float(x2_parts(n, m).sum()) for n, m in _parts(counts, expected))


def x2_parts(counts: Floats, expected: Floats) -> Floats:
    """Return what each cell adds to X2."""
    difference = (counts - expected) ** 2
    with np.errstate(divide="ignore"):
        return np.divide(difference, expected, where=difference > 0, out=difference)


def _parts(counts: Floats, expected: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield pieces of two tables that fit in the processor's fastest cache."""
    flat = counts.ravel(), expected.ravel()
    for begin in range(0, counts.size, _PART):
        yield flat[0][begin : begin + _PART], flat[1][begin : begin + _PART]


def _as_pair(observed: ArrayLike, expected: ArrayLike) -> tuple[Floats, Floats]:
    counts, fitted = as_frequencies(observed, "observed"), as_frequencies(expected, "expected")
    if fitted.shape != counts.shape:
        raise ValueError(
            f"`expected` must have the shape of `observed`: expected {counts.shape}, "
            f"got {fitted.shape}"
        )
    return counts, fitted
