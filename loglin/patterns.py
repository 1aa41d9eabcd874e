"""Frequent patterns of the chosen features, their distances and a map (Section 2.3)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr
from sklearn.manifold import MDS, ClassicalMDS

from loglin.tables import as_codes, as_count

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


def pattern_distances(
    x: ArrayLike, u: ArrayLike, features: Sequence[int], states: ArrayLike
) -> NDArray[np.float64]:
    """Return the root Jensen-Shannon divergences between patterns (Eqs. 2-4).

    Each pattern stands for the samples that carry it, and these for a distribution over the
    latent configurations observed among all samples. The distance of two patterns is the
    square root of the Jensen-Shannon divergence of their distributions, in natural logarithms;
    the root, which is a metric, is what the authors' code maps.

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

    Returns
    -------
    (k, k) array
        Symmetric, zero on the diagonal, at most sqrt(log 2); NaN in the rows and columns of a
        pattern that no sample carries.

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
    shares = np.full((len(states), len(observed)), np.nan)
    for row, state in enumerate(states):
        members = configuration[(codes[:, features] == state).all(axis=1)]
        if len(members):
            shares[row] = np.bincount(members, minlength=len(observed)) / len(members)
    distances = np.empty((len(states), len(states)))
    for row, share in enumerate(shares):
        middle = (share + shares) / 2
        divergence = (rel_entr(share, middle) + rel_entr(shares, middle)).sum(axis=1) / 2
        # Rounding can leave the divergence of two equal distributions just below zero.
        distances[row] = np.sqrt(np.maximum(divergence, 0))
    return distances


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
    matrix = np.asarray(distances)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise ValueError(
            f"`distances` must be a square matrix of at least two objects, got shape {matrix.shape}"
        )
    if matrix.dtype.kind not in "fiub":
        raise ValueError(f"`distances` must hold real numbers, got dtype {matrix.dtype}")
    matrix = matrix.astype(np.float64)
    if not np.isfinite(matrix).all():
        raise ValueError(
            "`distances` must be finite (leave out patterns that no sample carries), "
            f"got {matrix[~np.isfinite(matrix)][0]}"
        )
    scale = np.abs(matrix).max()
    if (
        (matrix < 0).any()
        or np.abs(np.diag(matrix)).max() > 1e-9 * scale
        or np.abs(matrix - matrix.T).max() > 1e-9 * scale
    ):
        raise ValueError(
            "`distances` must be symmetric, not negative and zero on the diagonal, "
            f"got {matrix.tolist()}"
        )
    num_dims = as_count(num_dims, "num_dims", 1, len(matrix) - 1)
    if method not in EMBEDDINGS:
        raise ValueError(f"`method` must be one of {EMBEDDINGS}, got {method!r}")
    points = ClassicalMDS(num_dims, metric="precomputed").fit_transform(matrix)
    if method == "kruskal":
        points = MDS(
            num_dims,
            metric_mds=False,
            metric="precomputed",
            init="classical_mds",
            n_init=1,
            max_iter=10_000,
            eps=1e-9,
        ).fit_transform(matrix)
    points = points - points.mean(axis=0)
    largest = points[np.abs(points).argmax(axis=0), np.arange(num_dims)]
    return points * np.where(largest < 0, -1.0, 1.0)


def as_features(features: Sequence[int], num_columns: int) -> list[int]:
    """Check a list of columns."""
    if np.ndim(features) != 1:
        raise ValueError(f"`features` must be a sequence of columns, got {features!r}")
    checked = [as_count(feature, "features", 0, num_columns - 1) for feature in features]
    if not checked or len(set(checked)) < len(checked):
        raise ValueError(f"`features` must be different columns, at least one, got {checked}")
    return checked
