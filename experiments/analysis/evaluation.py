"""How good samples and sets of genes are (Sections 2.4, 2.6, 2.7 and 3.2.4)."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from sklearn.decomposition import NMF, PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import davies_bouldin_score
from sklearn.preprocessing import StandardScaler

from loglin import transfer_labels
from loglin.validation import as_table


def cramer_statistic(first: ArrayLike, second: ArrayLike) -> float:
    """Return the Cramer statistic of two samples (Baringhaus & Franz 2004).

    nm / (n + m) times the mean distance between the samples less half of the mean distances within
    each; it is half of the two-sample energy statistic, and small if both come from one
    distribution.

    Parameters
    ----------
    first : (n, d) array
    second : (m, d) array

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the samples are no tables of the same number of columns.

    Examples
    --------
    >>> cramer_statistic([[0.0], [1.0]], [[0.0], [1.0]])
    0.0
    """
    a, b = as_table(first, "first"), as_table(second, "second")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"`second` must have the columns of `first`: expected {a.shape[1]}, got {b.shape[1]}"
        )
    between, within = cdist(a, b).mean(), (cdist(a, a).mean() + cdist(b, b).mean()) / 2
    return float(len(a) * len(b) / (len(a) + len(b)) * (between - within))


def principal_components(
    samples: ArrayLike, num_components: int, *, standardize: bool = False
) -> NDArray[np.float64]:
    """Return the scores of the samples (n, p) on their first principal components, (n, d)."""
    table = as_table(samples, "samples").astype(np.float64)
    if standardize:
        table = StandardScaler().fit_transform(table)
    scores: NDArray[np.float64] = PCA(num_components, svd_solver="covariance_eigh").fit_transform(
        table
    )
    return scores


def joint_map(
    synthetic: ArrayLike, cells: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both on the first two principal components of all of them, standardized together.

    This is the map on which Section 2.6 looks at labels: (n, 2) and (m, 2).
    """
    x, y = np.asarray(synthetic), np.asarray(cells)
    scores = principal_components(np.concatenate([x, y]), 2, standardize=True)
    return scores[: len(x)], scores[len(x) :]


def distance_to_cells(synthetic: ArrayLike, cells: ArrayLike, num_components: int = 5) -> float:
    """Return the Cramer statistic on joint principal components: what Section 2.4 minimizes."""
    x, y = np.asarray(synthetic), np.asarray(cells)
    scores = principal_components(np.concatenate([x, y]), num_components)
    return cramer_statistic(scores[: len(x)], scores[len(x) :])


class Annotation(NamedTuple):
    """Synthetic cells with the labels of real ones (Section 2.6)."""

    labels: NDArray[np.str_]
    """(n,)"""
    matched: NDArray[np.bool_]
    """(n,) whether a real cell carries the pattern; the other labels are random."""
    davies_bouldin: float
    """Of the synthetic cells of the chosen types, by label; NaN with fewer than two types."""


def annotate(
    x: NDArray[np.int8],
    points: NDArray[np.float64],
    x_reference: NDArray[np.int8],
    labels: NDArray[np.str_],
    features: Sequence[int],
    types: Sequence[str],
    rng: np.random.Generator,
) -> Annotation:
    """Transfer labels to synthetic cells by their pattern, and say how well they cluster.

    Parameters
    ----------
    x : (n, p) int array
        Synthetic cells.
    points : (n, d) array
        Where they lie; the Davies-Bouldin index is of these.
    x_reference : (m, p) int array
        Real cells.
    labels : (m,) str array
        Their types.
    features : sequence of q ints
        The genes that make the pattern.
    types : sequence of str
        Types that the index is about.
    rng : numpy Generator
        Draws labels for patterns that no real cell carries.
    """
    transferred, matched = transfer_labels(x_reference, labels, x, features, rng=rng)
    among = np.isin(transferred, types)
    is_clustered = len(np.unique(transferred[among])) > 1
    index = davies_bouldin_score(points[among], transferred[among]) if is_clustered else np.nan
    return Annotation(transferred, matched, float(index))


def label_accuracy(
    x: NDArray[np.int8],
    labels: NDArray[np.str_],
    split: tuple[NDArray[np.int64], NDArray[np.int64]],
    features: Sequence[int],
    rng: np.random.Generator,
) -> float:
    """Return the share of cells whose label is predicted correctly from others with their pattern.

    Parameters
    ----------
    x : (n, p) int array
    labels : (n,) str array
    split : two int arrays
        The cells that predict, by the most frequent label of each pattern, and those whose label
        is predicted.
    features : sequence of q ints
        The genes that make the pattern.
    rng : numpy Generator
        Draws labels for patterns that none of the predicting cells carries.
    """
    known, unknown = split
    predicted, _ = transfer_labels(x[known], labels[known], x[unknown], features, rng=rng)
    return float((predicted == labels[unknown]).mean())


def separation(values: ArrayLike, groups: ArrayLike) -> float:
    """Return how many times farther apart cells of different groups are than those of one group.

    That is the mean Euclidean distance between pairs of different groups over that between pairs
    of the same group.

    >>> round(separation([[0.0], [1.0], [4.0], [5.0]], ["a", "a", "b", "b"]), 6)
    4.0
    """
    table, names = as_table(values, "values"), np.asarray(groups)
    distances = cdist(table, table)[np.triu_indices(len(table), 1)]
    same = (names[:, None] == names)[np.triu_indices(len(table), 1)]
    return float(distances[~same].mean() / distances[same].mean())


def nmf_loadings(
    values: ArrayLike, num_factors: int, seed: int, *, max_iter: int = 2000
) -> NDArray[np.float64]:
    """Return the loading of each feature on each factor of an NMF, (p, k).

    Multiplicative updates that lower the Kullback-Leibler divergence, from a random start (Brunet
    et al. 2004), as in scikit-learn. Each factor is scaled so that its cells average 1, which puts
    the loadings of different factors on one scale.

    Parameters
    ----------
    values : (n, p) array
        Not negative.
    num_factors : int
    seed : int
    max_iter : int
        The updates end here, or when they no longer change the error.
    """
    model = NMF(
        num_factors, init="random", solver="mu", beta_loss="kullback-leibler", tol=1e-5,
        max_iter=max_iter, random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # long before the choice changes
        cells = model.fit_transform(as_table(values, "values").astype(np.float64))
    loadings: NDArray[np.float64] = (model.components_ * cells.mean(axis=0)[:, None]).T
    return loadings


def most_loaded(loadings: NDArray[np.float64], num_features: int) -> NDArray[np.intp]:
    """Return the features with the highest loading on any factor, highest first (Section 2.7)."""
    return np.argsort(-loadings.max(axis=1), kind="stable")[:num_features]
