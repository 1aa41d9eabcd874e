"""Measures of the quality of samples and of gene sets (Sections 2.4, 2.6, 2.7 and 3.2.4)."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist
from sklearn.decomposition import NMF, PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import mutual_info_classif
from sklearn.metrics import davies_bouldin_score
from sklearn.preprocessing import StandardScaler

from loglin import transfer_labels
from loglin.validation import as_table
from models import effective_number


def cramer_statistic(first: ArrayLike, second: ArrayLike) -> float:
    """Return the Cramer statistic of two samples (Baringhaus & Franz 2004).

    This is nm / (n + m) times the difference between the mean distance between the samples and half
    the sum of the mean distances within each sample. It is half of the two-sample energy statistic,
    and small if both samples come from the same distribution.

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
        If the samples are not tables with the same number of columns.

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
    """Map synthetic and real cells to their joint first two principal components.

    Both are standardized together. Returns coordinates (n, 2) and (m, 2). Labels are evaluated on
    this map (Section 2.6).
    """
    x, y = np.asarray(synthetic), np.asarray(cells)
    scores = principal_components(np.concatenate([x, y]), 2, standardize=True)
    return scores[: len(x)], scores[len(x) :]


def distance_to_cells(synthetic: ArrayLike, cells: ArrayLike, num_components: int = 5) -> float:
    """Return the Cramer statistic on joint principal components, which Section 2.4 minimizes."""
    x, y = np.asarray(synthetic), np.asarray(cells)
    scores = principal_components(np.concatenate([x, y]), num_components)
    return cramer_statistic(scores[: len(x)], scores[len(x) :])


class Annotation(NamedTuple):
    """Labels transferred from real to synthetic cells (Section 2.6)."""

    labels: NDArray[np.str_]
    """(n,)"""
    matched: NDArray[np.bool_]
    """(n,) whether a real cell has the same pattern; if not, the label is random."""
    davies_bouldin: float
    """Davies-Bouldin index of the synthetic cells with labels of the given types; NaN if fewer than
    two of these occur."""


def annotate(
    x: NDArray[np.int8],
    points: NDArray[np.float64],
    x_reference: NDArray[np.int8],
    labels: NDArray[np.str_],
    features: Sequence[int],
    types: Sequence[str],
    rng: np.random.Generator,
) -> Annotation:
    """Transfer labels to synthetic cells by their pattern, and measure how well these cluster.

    Parameters
    ----------
    x : (n, p) int array
        Synthetic cells.
    points : (n, d) array
        Their coordinates, from which the Davies-Bouldin index is computed.
    x_reference : (m, p) int array
        Real cells.
    labels : (m,) str array
        Their types.
    features : sequence of q ints
        The genes that define the pattern.
    types : sequence of str
        The index is computed from the cells with these labels.
    rng : numpy Generator
        Draws labels for patterns that no real cell has.
    """
    transferred, matched = transfer_labels(x_reference, labels, x, features, rng=rng)
    return Annotation(transferred, matched, index_of_types(points, transferred, types))


def index_of_types(
    points: NDArray[np.float64], labels: NDArray[np.str_], types: Sequence[str]
) -> float:
    """Return the Davies-Bouldin index of the points with these labels; NaN with fewer than two."""
    among = np.isin(labels, types)
    if len(np.unique(labels[among])) < 2:
        return np.nan
    return float(davies_bouldin_score(points[among], labels[among]))


def last_of_each_pattern(x: NDArray[np.int8], features: Sequence[int]) -> NDArray[np.intp]:
    """Return the last cell with each pattern: in the authors' code it alone gives the label.

    >>> last_of_each_pattern(np.array([[0], [1], [0]]), [0]).tolist()
    [1, 2]
    """
    patterns = x[::-1, list(features)]
    first = np.unique(patterns, axis=0, return_index=True)[1]
    return np.sort(len(x) - 1 - first)


def label_accuracy(
    x: NDArray[np.int8],
    labels: NDArray[np.str_],
    split: tuple[NDArray[np.int64], NDArray[np.int64]],
    features: Sequence[int],
    rng: np.random.Generator,
) -> float:
    """Return the share of cells whose label other cells with the same pattern predict correctly.

    Parameters
    ----------
    x : (n, p) int array
    labels : (n,) str array
    split : two int arrays
        Indices of the cells that predict, by the most frequent label of each pattern, and of the
        cells whose label is predicted.
    features : sequence of q ints
        The genes that define the pattern.
    rng : numpy Generator
        Draws labels for patterns that none of the predicting cells has.
    """
    known, unknown = split
    predicted, _ = transfer_labels(x[known], labels[known], x[unknown], features, rng=rng)
    return float((predicted == labels[unknown]).mean())


def separation(values: ArrayLike, groups: ArrayLike) -> float:
    """Return the ratio of the mean distance between groups to that within groups.

    The distances are Euclidean; the means are over all pairs of cells from different groups, and
    over all pairs from the same group.

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

    The factorization minimizes the Kullback-Leibler divergence by multiplicative updates from a
    random start (Brunet et al. 2004), as implemented in scikit-learn. Each factor is scaled so that
    its coefficients average 1 over the cells, which makes the loadings of different factors
    comparable.

    Parameters
    ----------
    values : (n, p) array
        Non-negative.
    num_factors : int
    seed : int
    max_iter : int
        Maximum number of updates; they end earlier if the error no longer changes.
    """
    model = NMF(
        num_factors, init="random", solver="mu", beta_loss="kullback-leibler", tol=1e-5,
        max_iter=max_iter, random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        # The most loaded features settle long before the updates converge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        cells = model.fit_transform(as_table(values, "values").astype(np.float64))
    loadings: NDArray[np.float64] = (model.components_ * cells.mean(axis=0)[:, None]).T
    return loadings


def independent_log_likelihood(
    x: NDArray[np.int8], held_out: NDArray[np.int8], levels: Sequence[int]
) -> NDArray[np.float64]:
    """Return the log-likelihood of each held-out cell, in nats, if features were independent.

    Each has its levels as often as in x, with half a cell more of each, so that none is impossible.

    >>> x = np.array([[0], [0], [1]], np.int8)
    >>> independent_log_likelihood(x, x[:1], (2,)).round(4)  # log(2.5 / 4)
    array([-0.47])
    """
    total = np.zeros(len(held_out))
    for column, number in enumerate(levels):
        counts = np.bincount(x[:, column], minlength=number) + 0.5
        total += np.log(counts / counts.sum())[held_out[:, column]]
    return total


def largest(values: NDArray[np.float64], number: int) -> NDArray[np.intp]:
    """Return the positions of the largest values, largest first; ties go to the lowest."""
    return np.argsort(-values, kind="stable")[:number]


def most_often(
    selections: NDArray[np.int64], num_features: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the features that are in most of the selections (starts, q), most frequent first.

    Of equally frequent ones the one that is selected earlier, on average, comes first; what is
    still tied is in random order, so that the order of the columns plays no part.

    >>> rng = np.random.default_rng(0)
    >>> most_often(np.array([[7, 3, 5], [3, 8, 5]]), 3, rng).tolist()
    [3, 5, 7]
    """
    features, inverse, counts = np.unique(selections, return_inverse=True, return_counts=True)
    steps = np.broadcast_to(np.arange(selections.shape[1]), selections.shape)
    step = np.bincount(inverse.ravel(), weights=steps.ravel()) / counts
    order = np.lexsort((rng.random(len(features)), step, -counts))
    chosen: NDArray[np.int64] = features[order[:num_features]]
    return chosen


def mutual_information(x: NDArray[np.int8], u: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the mutual information of each feature with its most informative latent.

    Parameters
    ----------
    x : (n, p) int array
    u : (n, r) int array

    Returns
    -------
    (p,) array
        In nats.
    """
    return np.max(
        [mutual_info_classif(x, latent, discrete_features=True) for latent in u.T], axis=0
    )


def most_loaded(loadings: NDArray[np.float64], num_features: int) -> NDArray[np.intp]:
    """Return the features with the highest loading on any factor, highest first (Section 2.7)."""
    return largest(loadings.max(axis=1), num_features)


def num_effective(u: NDArray[np.int8], draws_per_chain: int) -> float:
    """Return how many independent samples some latents (n, r) are worth: the one with the fewest.

    With one draw a chain these are all n; latents that are constant do not count.
    """
    if draws_per_chain == 1:
        return float(len(u))
    numbers = effective_number(u, draws_per_chain)
    return float(np.nanmin(numbers)) if np.isfinite(numbers).any() else np.nan
