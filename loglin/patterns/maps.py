"""Maps of distances, on which similar patterns are close to each other (Section 2.3).

scikit-learn is imported in the functions, since this takes longer than all other imports.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.tables import unit_of
from loglin.validation import as_choice, as_count, as_table, shown

EMBEDDINGS = ("classical", "kruskal")


def embed(
    distances: ArrayLike, num_dims: int = 2, method: str = "classical"
) -> NDArray[np.float64]:
    """Map objects so that their distances are kept as well as possible (Section 2.3).

    Parameters
    ----------
    distances : (k, k) array
        Symmetric, zero on the diagonal.
    num_dims : int
        Number of dimensions of the map, less than k.
    method : "classical" or "kruskal"
        Classical scaling, as in the authors' code, or Kruskal's non-metric scaling, which the
        paper cites, started from the classical solution.

    Returns
    -------
    (k, num_dims) array
        Centred. The sign of each axis, which is arbitrary, is chosen so that the coordinate with
        the largest absolute value is positive.

    Raises
    ------
    ValueError
        If `distances` are not distances, or another argument is invalid.

    See Also
    --------
    pattern_distances : Makes the distances.
    kruskal_stress : How good is the map?
    loglin.plots.map_plot : Draws it.

    Examples
    --------
    >>> embed([[0.0, 3.0], [3.0, 0.0]], num_dims=1).round(2)
    array([[ 1.5],
           [-1.5]])
    """
    from sklearn.manifold import MDS, ClassicalMDS

    matrix = _as_distances(distances)
    num_dims = as_count(num_dims, "num_dims", 1, len(matrix) - 1)
    as_choice(method, "method", EMBEDDINGS)
    if not matrix.any():
        return np.zeros((len(matrix), num_dims))
    unit = unit_of(matrix)
    matrix = matrix / unit
    # Distances that are not Euclidean, as corrected ones may be, have negative eigenvalues; the
    # coordinates on these axes are set to 0.
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
    return unit * points * np.where(largest < 0, -1.0, 1.0)


def kruskal_stress(distances: ArrayLike, points: ArrayLike) -> float:
    """Return Kruskal's stress-1 of a map: how badly it keeps the order of the distances.

    0 is perfect, above 0.2 is poor. The definition is the same for classical and non-metric maps,
    so you can compare them by it.

    Parameters
    ----------
    distances : (k, k) array
        Symmetric, zero on the diagonal.
    points : (k, num_dims) array
        The map, as from `embed`.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If `points` do not have one row per row of `distances`.

    See Also
    --------
    embed : Makes the map.

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
            f"`points` must be finite and one per row of `distances`: expected {len(matrix)} rows, "
            f"got shape {mapped.shape}"
        )
    if mapped.any():  # the unit of the map does not matter
        mapped = mapped / unit_of(np.abs(mapped))
    wanted, found = squareform(matrix, checks=False), pdist(mapped)
    if not found.any():
        return float(wanted.any())  # all points in one place: right only if all distances are 0
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
            f"got {shown(matrix.tolist())}"
        )
    return matrix
