"""Distances between patterns, by their distributions over the latents (Section 2.3)."""

import warnings
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.containers import as_columns_of, names_of
from loglin.patterns._divergence_kernels import expected_divergence, pair_divergences
from loglin.tables import distinct_rows
from loglin.validation import as_codes, check_rows


def pattern_distances(
    x: ArrayLike,
    u: ArrayLike,
    features: Sequence[int | str],
    states: ArrayLike,
    *,
    corrected: bool = False,
) -> NDArray[np.float64]:
    """Return the root Jensen-Shannon divergences between patterns (Equations 2 to 4).

    The samples that carry a pattern have a distribution over the latent configurations that are
    observed among all samples. The distance between two patterns is the square root of the
    Jensen-Shannon divergence of their distributions, in natural logarithms. The root, which is a
    metric, is also what the authors' code maps.

    Between small groups the divergence is biased upward: two halves of one group of 400 samples
    are 0.5 apart at 10 latents. `corrected` removes the part that is due to chance: let D0 be the
    expected divergence if the samples of the two patterns are randomly divided into groups of the
    same sizes, computed exactly. Then D becomes log 2 (D - D0) / (log 2 - D0), but at least 0. As
    with adjusted mutual information, equal distributions are 0 apart on average, and patterns that
    share no configuration keep the distance sqrt(log 2). Corrected distances are not a metric.

    Parameters
    ----------
    x : (n, p) int array or data frame
        Codes of the features.
    u : (n, r) int array
        Codes of the latents.
    features : sequence of q ints or names
        Columns of `x`.
    states : (k, q) int array
        The patterns, as from `frequent_patterns`.
    corrected : bool
        Whether to remove the part that is due to chance.

    Returns
    -------
    (k, k) array
        Symmetric, zero on the diagonal, at most sqrt(log 2); NaN, with a warning, in the rows and
        columns of a pattern that no sample carries. Corrected distances are also NaN between two
        patterns if no two of their samples have the same configuration.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    frequent_patterns : Finds the patterns.
    embed : Maps the distances.

    Examples
    --------
    >>> x, u = [[0], [0], [1], [1]], [[0], [0], [1], [1]]
    >>> pattern_distances(x, u, [0], [[0], [1]]).round(4)
    array([[0.    , 0.8326],
           [0.8326, 0.    ]])
    """
    codes, _ = as_codes(x, "x")
    latents, _ = as_codes(u, "u")
    check_rows(u, x)
    columns = as_columns_of(features, names_of(x), codes.shape[1])
    states, _ = as_codes(states, "states")
    if states.shape[1] != len(columns):
        raise ValueError(
            f"`states` must have one column per feature: expected {len(columns)}, "
            f"got {states.shape[1]}"
        )
    observed, configuration, _ = distinct_rows(latents)
    patterns = codes[:, columns]
    members = [configuration[(patterns == state).all(axis=1)] for state in states]
    counts = np.stack([np.bincount(found, minlength=len(observed)) for found in members])
    sizes = counts.sum(axis=1)
    if not sizes.all():
        warnings.warn(
            f"no sample carries {states[sizes == 0].tolist()}: distances to these are NaN",
            stacklevel=2,
        )
    divergences = pair_divergences(counts / np.maximum(sizes, 1)[:, None])
    divergences[sizes == 0] = divergences[:, sizes == 0] = np.nan
    if corrected:
        for a, b in combinations(np.flatnonzero(sizes), 2):
            by_chance = _divergence_by_chance(counts[a], counts[b])
            most = np.log(2)
            adjusted = np.nan
            if by_chance < most * (1 - 1e-12):
                adjusted = max(0.0, most * (divergences[a, b] - by_chance) / (most - by_chance))
            divergences[a, b] = divergences[b, a] = adjusted
    return np.sqrt(divergences)


def _divergence_by_chance(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Return the expected divergence if the samples of both groups are divided at random.

    Of `total` samples with the same configuration, a hypergeometric number is in the first group.
    The expectation is a sum over these numbers, which is computed once for each different total.
    """
    totals, how_often = np.unique(first + second, return_counts=True)
    return float(expected_divergence(totals, how_often, first.sum(), second.sum()))
