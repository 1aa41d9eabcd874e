"""Frequent patterns of the chosen features, their distances and a map (Section 2.3).

scipy.stats and scikit-learn are imported where they are used: they take longer than all the rest.
"""

import warnings
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr

from loglin.tables import as_codes, as_count, as_table

EMBEDDINGS = ("classical", "kruskal")


class Patterns(NamedTuple):
    """The most frequent value combinations of some features, most frequent first."""

    states: NDArray[np.int8]
    """(k, q) the value of each feature in each pattern."""
    counts: NDArray[np.int64]
    """(k,) how many samples carry it."""


def frequent_patterns(x: ArrayLike, features: Sequence[int], num_patterns: int = 10) -> Patterns:
    """Return the most frequent combinations of values of the chosen features (Sec. 2.3).

    Patterns that are equally frequent stand in the order of their states, the first feature
    counting most. There are exactly `num_patterns`, or all that occur if these are fewer. (The
    authors' code returns more than asked for where the last ones tie.)

    Parameters
    ----------
    x : (n, p) int array
        Codes of the features.
    features : sequence of q ints
        Columns of `x`.
    num_patterns : int
        Most patterns returned, k.

    Returns
    -------
    Patterns

    Raises
    ------
    ValueError
        If an argument does not fit.

    Examples
    --------
    >>> patterns = frequent_patterns([[0, 1], [1, 1], [0, 1], [0, 0]], [0, 1], num_patterns=2)
    >>> patterns.states.tolist(), patterns.counts.tolist()
    ([[0, 1], [0, 0]], [2, 1])
    """
    codes, _ = as_codes(x, "x")
    features = as_features(features, codes.shape[1])
    num_patterns = as_count(num_patterns, "num_patterns", 1)
    states, counts = np.unique(codes[:, features], axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:num_patterns]
    return Patterns(states[order], counts[order])


def union_of_features(choices: Iterable[Iterable[int]]) -> NDArray[np.intp]:
    """Return all features chosen at any of several states of a model, in order (Sec. 3.1.3).

    >>> union_of_features([[4, 1], [1, 7]]).tolist()
    [1, 4, 7]
    """
    try:
        features = {as_count(feature, "choices", 0) for choice in choices for feature in choice}
    except TypeError:
        raise ValueError(
            f"`choices` must hold sequences of features, one a state, got {choices!r}"
        ) from None
    if not features:
        raise ValueError("`choices` must hold at least one feature, got none")
    return np.array(sorted(features))


def union_of_patterns(patterns: Iterable[Patterns]) -> NDArray[np.int8]:
    """Return all patterns frequent at any of several states of a model, (k, q) (Sec. 3.1.3).

    Patterns stand in the order in which they first appear, so those of the first state come
    first, the most frequent on top.

    Parameters
    ----------
    patterns : iterable of Patterns
        Of the same features.

    Returns
    -------
    (k, q) int8 array

    Raises
    ------
    ValueError
        If there are none, or they have different numbers of features.

    Examples
    --------
    >>> early = frequent_patterns([[0, 1], [0, 1], [1, 0]], [0, 1])
    >>> late = frequent_patterns([[1, 1], [1, 1], [0, 1]], [0, 1])
    >>> union_of_patterns([early, late]).tolist()
    [[0, 1], [1, 0], [1, 1]]
    """
    try:
        states = [as_codes(found.states, "patterns")[0] for found in patterns]
    except (TypeError, AttributeError):
        raise ValueError(f"`patterns` must hold Patterns, one a state, got {patterns!r}") from None
    if len({state.shape[1] for state in states}) != 1:
        raise ValueError(
            "`patterns` must be of the same number of features, at least one pattern, "
            f"got {[state.shape[1] for state in states]}"
        )
    together = np.concatenate(states)
    _, first = np.unique(together, axis=0, return_index=True)
    return together[np.sort(first)]


def transfer_labels(
    x_reference: ArrayLike,
    labels: ArrayLike,
    x: ArrayLike,
    features: Sequence[int],
    *,
    rng: np.random.Generator,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Give samples the labels of reference samples with the same pattern (Sec. 2.6, Eq. 5).

    Where reference samples of one pattern have different labels, the most frequent one counts,
    and of equally frequent ones the one seen first. A sample whose pattern no reference sample
    carries gets the label of a reference sample drawn at random.

    Parameters
    ----------
    x_reference : (m, p) int array
        Codes of the reference samples.
    labels : (m,) array
        Their labels.
    x : (n, p) int array
        Codes of the samples to be labelled.
    features : sequence of q ints
        Columns that make the pattern.
    rng : numpy Generator

    Returns
    -------
    labels : (n,) array
    matched : (n,) bool array
        Whether the pattern was found among the reference samples.

    Raises
    ------
    ValueError
        If an argument does not fit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> transfer_labels([[0], [1], [1]], ["a", "b", "b"], [[1], [0]], [0], rng=rng)[0].tolist()
    ['b', 'a']
    """
    reference, _ = as_codes(x_reference, "x_reference")
    codes, _ = as_codes(x, "x")
    names = np.asarray(labels)
    if names.dtype.kind == "O":
        raise ValueError("`labels` must all be text or all numbers, got a mixture or objects")
    if names.shape != (len(reference),):
        raise ValueError(
            f"`labels` must be one a row of `x_reference`: expected {len(reference)}, "
            f"got shape {names.shape}"
        )
    if reference.shape[1] != codes.shape[1]:
        raise ValueError(
            f"`x` must have the columns of `x_reference`: expected {reference.shape[1]}, "
            f"got {codes.shape[1]}"
        )
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"`rng` must be a numpy Generator, got {rng!r}")
    columns = as_features(features, codes.shape[1])
    both = np.concatenate([reference[:, columns], codes[:, columns]])
    _, pattern = np.unique(both, axis=0, return_inverse=True)
    known, wanted = pattern[: len(reference)], pattern[len(reference) :]

    kinds, kind = np.unique(names, return_inverse=True)
    votes = np.zeros((pattern.max() + 1, len(kinds)), np.int64)
    np.add.at(votes, (known, kind), 1)
    # Within a pattern: the first sample of each label decides between equal votes.
    earliest = np.full(votes.shape, len(names))
    np.minimum.at(earliest, (known, kind), np.arange(len(names)))
    winner = (votes * (len(names) + 1) - earliest).argmax(axis=1)

    matched: NDArray[np.bool_] = (votes.sum(axis=1) > 0)[wanted]
    transferred = kinds[winner[wanted]]
    transferred[~matched] = rng.choice(names, size=(~matched).sum())
    return transferred, matched


def pattern_distances(
    x: ArrayLike,
    u: ArrayLike,
    features: Sequence[int],
    states: ArrayLike,
    *,
    corrected: bool = False,
) -> NDArray[np.float64]:
    """Return the root Jensen-Shannon divergences between patterns (Eqs. 2-4).

    Each pattern stands for the samples that carry it, and these for a distribution over the
    latent configurations observed among all samples. The distance of two patterns is the
    square root of the Jensen-Shannon divergence of their distributions, in natural logarithms;
    the root, which is a metric, is what the authors' code maps.

    Between small groups the divergence is biased upward: two halves of one group of 400 samples
    are 0.5 apart at 10 latents. `corrected` takes off what chance gives: with D0 the divergence
    expected when the samples of the two patterns are dealt out at random to groups of the same
    sizes, computed exactly, D becomes log 2 (D - D0) / (log 2 - D0), at least 0. So equal
    distributions are 0 apart on average and patterns that share no configuration keep sqrt(log 2),
    as the adjusted mutual information does it. Corrected distances are no metric.

    Parameters
    ----------
    x : (n, p) int array
        Codes of the features.
    u : (n, r) int array
        Codes of the latents.
    features : sequence of q ints
        Columns of `x`.
    states : (k, q) int array
        The patterns, as from `frequent_patterns`.
    corrected : bool
        Whether to take off what chance gives.

    Returns
    -------
    (k, k) array
        Symmetric, zero on the diagonal, at most sqrt(log 2); NaN, with a warning, in the rows and
        columns of a pattern that no sample carries. Corrected also NaN between two patterns whose
        samples all have configurations of their own, which tell nothing.

    Raises
    ------
    ValueError
        If an argument does not fit.

    Examples
    --------
    >>> x, u = [[0], [0], [1], [1]], [[0], [0], [1], [1]]
    >>> pattern_distances(x, u, [0], [[0], [1]]).round(4)
    array([[0.    , 0.8326],
           [0.8326, 0.    ]])
    """
    codes, _ = as_codes(x, "x")
    latents, _ = as_codes(u, "u")
    if len(latents) != len(codes):
        raise ValueError(
            f"`u` must have as many rows as `x`: expected {len(codes)}, got {len(latents)}"
        )
    features = as_features(features, codes.shape[1])
    states, _ = as_codes(states, "states")
    if states.shape[1] != len(features):
        raise ValueError(
            f"`states` must have one column a feature: expected {len(features)}, "
            f"got {states.shape[1]}"
        )
    observed, configuration = np.unique(latents, axis=0, return_inverse=True)
    counts = np.stack(
        [
            np.bincount(
                configuration[(codes[:, features] == state).all(axis=1)], minlength=len(observed)
            )
            for state in states
        ]
    )
    sizes = counts.sum(axis=1)
    if not sizes.all():
        warnings.warn(
            f"no sample carries {states[sizes == 0].tolist()}: distances to these are NaN",
            stacklevel=2,
        )
    shares = np.full(counts.shape, np.nan)
    np.divide(counts, sizes[:, None], out=shares, where=sizes[:, None] > 0)
    # Rounding can leave the divergence of two equal distributions just below zero.
    divergences = np.maximum([_divergence(share, shares).sum(axis=1) for share in shares], 0)
    if corrected:
        for a, b in combinations(np.flatnonzero(sizes), 2):
            by_chance = _divergence_by_chance(counts[a], counts[b])
            most = np.log(2)
            adjusted = np.nan
            if by_chance < most * (1 - 1e-12):
                adjusted = max(0.0, most * (divergences[a, b] - by_chance) / (most - by_chance))
            divergences[a, b] = divergences[b, a] = adjusted
    return np.sqrt(divergences)


def _divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each configuration adds to the Jensen-Shannon divergence (Eqs. 2-4)."""
    middle = (p + q) / 2
    return (rel_entr(p, middle) + rel_entr(q, middle)) / 2


def _divergence_by_chance(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Return the expected divergence when the samples of both groups are dealt out at random.

    Of `total` samples with one configuration a hypergeometric number goes to the first group,
    so the expectation is a sum over these numbers, for each different total once.
    """
    from scipy.stats import hypergeom

    sizes = first.sum(), second.sum()
    expected = 0.0
    for total, how_often in zip(*np.unique(first + second, return_counts=True), strict=True):
        dealt = np.arange(total + 1)
        probability = hypergeom.pmf(dealt, sizes[0] + sizes[1], sizes[0], total)
        # More than a group has room for has probability zero.
        terms = _divergence(dealt / sizes[0], (total - dealt) / sizes[1])
        expected += how_often * float(probability @ terms)
    return expected


def embed(
    distances: ArrayLike, num_dims: int = 2, method: str = "classical"
) -> NDArray[np.float64]:
    """Map objects so that their distances are kept as well as possible (Sec. 2.3).

    Parameters
    ----------
    distances : (k, k) array
        Symmetric, zero on the diagonal.
    num_dims : int
        Dimensions of the map, fewer than k.
    method : "classical" or "kruskal"
        Classical scaling, as in the authors' code, or Kruskal's non-metric scaling, which the
        paper cites, started from the classical solution.

    Returns
    -------
    (k, num_dims) array
        Centred. The sign of each axis, which is arbitrary, is chosen so that the coordinate
        largest in size is positive.

    Raises
    ------
    ValueError
        If `distances` are no distances, or another argument does not fit.

    Examples
    --------
    >>> embed([[0.0, 3.0], [3.0, 0.0]], num_dims=1).round(2)
    array([[ 1.5],
           [-1.5]])
    """
    from sklearn.manifold import MDS, ClassicalMDS

    matrix = _as_distances(distances)
    num_dims = as_count(num_dims, "num_dims", 1, len(matrix) - 1)
    if not isinstance(method, str) or method not in EMBEDDINGS:
        raise ValueError(f"`method` must be one of {EMBEDDINGS}, got {method!r}")
    if not matrix.any():
        return np.zeros((len(matrix), num_dims))
    # Distances that no points of a plane or space have, which corrected ones may be, have negative
    # eigenvalues; their axes hold nothing.
    with np.errstate(invalid="ignore"):
        points = np.nan_to_num(ClassicalMDS(num_dims, metric="precomputed").fit_transform(matrix))
    if method == "kruskal":
        scaling = MDS(
            num_dims, metric_mds=False, metric="precomputed", init="random", n_init=1,
            max_iter=10_000, eps=1e-9,
        )  # fmt: skip
        points = scaling.fit_transform(matrix, init=points)
    points = points - points.mean(axis=0)
    largest = points[np.abs(points).argmax(axis=0), np.arange(num_dims)]
    return points * np.where(largest < 0, -1.0, 1.0)


def kruskal_stress(distances: ArrayLike, points: ArrayLike) -> float:
    """Return Kruskal's stress-1 of a map: how badly it keeps the order of the distances.

    0 is perfect and above 0.2 poor. It is the same for classical and non-metric maps, so they
    can be compared by it.

    Parameters
    ----------
    distances : (k, k) array
    points : (k, num_dims) array
        The map, as from `embed`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `points` are not one a row of `distances`.

    Examples
    --------
    >>> round(kruskal_stress([[0, 1, 2], [1, 0, 3], [2, 3, 0]], [[0.0], [1.0], [-2.0]]), 6)
    0.0
    """
    from scipy.spatial.distance import pdist, squareform
    from sklearn.isotonic import isotonic_regression

    matrix, mapped = _as_distances(distances), as_table(points, "points")
    if len(mapped) != len(matrix) or not np.isfinite(mapped).all():
        raise ValueError(
            f"`points` must be finite and one a row of `distances`: expected {len(matrix)} rows, "
            f"got shape {mapped.shape}"
        )
    wanted, found = squareform(matrix, checks=False), pdist(mapped)
    if not found.any():
        return float(wanted.any())  # all in one place: right only for objects that are alike
    # Among equal distances the mapped ones may stand in any order (Kruskal's primary approach).
    order = np.lexsort((found, wanted))
    fitted = isotonic_regression(found[order])
    return float(np.sqrt(((found[order] - fitted) ** 2).sum() / (found**2).sum()))


def _as_distances(distances: ArrayLike) -> NDArray[np.float64]:
    matrix = as_table(distances, "distances").astype(np.float64)
    if matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise ValueError(
            f"`distances` must be a square matrix of at least two objects, got shape {matrix.shape}"
        )
    if not np.isfinite(matrix).all():
        raise ValueError(
            "`distances` must be finite (leave out patterns that no sample carries), "
            f"got {matrix[~np.isfinite(matrix)][0]}"
        )
    scale = 1e-9 * np.abs(matrix).max()
    if (
        (matrix < 0).any()
        or np.abs(np.diag(matrix)).max() > scale
        or np.abs(matrix - matrix.T).max() > scale
    ):
        raise ValueError(
            "`distances` must be symmetric, not negative and zero on the diagonal, "
            f"got {matrix.tolist()}"
        )
    return matrix


def as_features(features: Sequence[int], num_columns: int) -> list[int]:
    """Check a list of columns."""
    if np.ndim(features) != 1:
        raise ValueError(f"`features` must be a sequence of columns, got {features!r}")
    checked = [as_count(feature, "features", 0, num_columns - 1) for feature in features]
    if not checked or len(set(checked)) < len(checked):
        raise ValueError(f"`features` must be different columns, at least one, got {checked}")
    return checked
