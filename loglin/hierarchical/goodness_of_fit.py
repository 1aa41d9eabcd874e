"""Goodness-of-fit statistics: how far expected frequencies are from a table."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from loglin._threads import by_parts, threads_for
from loglin.hierarchical import _statistics_kernels as _kernels
from loglin.validation import as_frequencies

Floats = NDArray[np.float64]


def g_squared(observed: ArrayLike, expected: ArrayLike) -> float:
    """Return the likelihood-ratio statistic, twice the sum of observed * log(observed / expected).

    Cells with an observed count of zero add nothing.

    Parameters
    ----------
    observed, expected : arrays of one shape
        Counts of a table, and the frequencies that a model expects.

    Returns
    -------
    float
        G2; infinite if a cell is observed where none is expected.

    Raises
    ------
    ValueError
        If the shapes differ, or an entry is negative or not finite.

    See Also
    --------
    pearson_x2 : Pearson's statistic.
    fit : Its result has both.

    Examples
    --------
    >>> round(g_squared([10.0, 20.0], [15.0, 15.0]), 6)
    3.397981
    """
    counts, fitted = _as_pair(observed, expected)
    return statistics(counts, fitted).deviance + 2 * float((counts - fitted).sum())


def pearson_x2(observed: ArrayLike, expected: ArrayLike) -> float:
    """Return Pearson's statistic, the sum of (observed - expected)^2 / expected.

    Cells where both are zero add nothing.

    Parameters
    ----------
    observed, expected : arrays of one shape
        Counts of a table, and the frequencies that a model expects.

    Returns
    -------
    float
        X2; infinite if a cell is observed where none is expected.

    Raises
    ------
    ValueError
        If the shapes differ, or an entry is negative or not finite.

    See Also
    --------
    g_squared : The likelihood-ratio statistic.
    fit : Its result has both.

    Examples
    --------
    >>> round(pearson_x2([10.0, 20.0], [15.0, 15.0]), 6)
    3.333333
    """
    return statistics(*_as_pair(observed, expected)).x2


def chi_square_tail(statistic: float, df: int) -> float:
    """Return the chi-square probability of a statistic at least as large; 1 if `df` is 0."""
    return float(chdtrc(df, max(statistic, 0.0))) if df > 0 else 1.0


class Statistics(NamedTuple):
    """How far expected frequencies m are from observed ones n."""

    deviance: float
    """2 sum(n log(n / m) - (n - m)). This is G2 where both have the same total, as every fit has,
    and it is rounded less: its terms are never negative, and those of a good fit are small."""
    x2: float
    """sum((n - m)^2 / m)."""


def statistics(counts: Floats, expected: Floats) -> Statistics:
    """Return the statistics of two tables of the same shape, in C order and already checked.

    Large tables are divided among threads; the result does not depend on their number.
    """
    flat = counts.reshape(-1), expected.reshape(-1)
    num_parts = -(-counts.size // _kernels.PART)
    sums = np.empty((num_parts, _kernels.NUM_COLUMNS))
    by_parts(
        lambda parts: _kernels.statistics(*flat, parts.start, parts.stop, sums),
        num_parts, threads_for(counts.size),
    )  # fmt: skip
    deviance, x2, within = _kernels.total(sums)
    return Statistics(2 * deviance, x2) if within else _by_definition(*flat)


def statistics_of_each(counts: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Return deviance and X2 of each of many tables, (t, *shape), in C order, already checked."""
    flat = counts.reshape(len(counts), -1), expected.reshape(len(counts), -1)
    sums = np.empty((len(counts), _kernels.NUM_COLUMNS))
    within = np.empty(len(counts), np.bool_)
    _kernels.statistics_of_each(*flat, sums, within)
    deviance, x2 = 2 * sums[:, _kernels.G2], sums[:, _kernels.X2].copy()
    for t in np.flatnonzero(~within):
        deviance[t], x2[t] = _by_definition(flat[0][t], flat[1][t])
    return deviance, x2


def deviances(n: Floats, m: Floats) -> Floats:
    """Return 2 (n log(n / m) - (n - m)) of each cell, never negative; 0 where both are 0."""
    excess = n - m
    with np.errstate(divide="ignore", over="ignore"):
        relative = np.divide(excess, m, where=excess != 0, out=np.zeros_like(m))
        # Of 1 + relative, the logarithm is exact also near 1.
        logs = np.log1p(relative, where=n > 0, out=np.zeros_like(m))
        # The rounding of n * logs can be more than their difference to `excess`.
        return 2 * np.maximum(np.multiply(n, logs) - excess, 0.0)


def _by_definition(n: Floats, m: Floats) -> Statistics:
    """Return the same without the compiled code: where cells are infinitely far off, or huge."""
    excess = n - m
    with np.errstate(divide="ignore", over="ignore"):
        # Not excess**2 / m, of which both may be too small to differ from 0.
        square = excess * np.divide(excess, m, where=excess != 0, out=np.zeros_like(m))
        return Statistics(float(deviances(n, m).sum()), float(square.sum()))


def _as_pair(observed: ArrayLike, expected: ArrayLike) -> tuple[Floats, Floats]:
    counts, fitted = as_frequencies(observed, "observed"), as_frequencies(expected, "expected")
    if fitted.shape != counts.shape:
        raise ValueError(
            f"`expected` must have the shape of `observed`: expected {counts.shape}, "
            f"got {fitted.shape}"
        )
    return counts, fitted
