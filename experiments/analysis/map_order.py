"""Order of points on a map: around a centre, or along a path (Section 3.1.3)."""

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.validation import as_table


def circular_order(points: ArrayLike, center: ArrayLike) -> float:
    """Return how consistently a sequence of points goes round a centre.

    Each triple of points, taken in their order, counts +1 if it goes round counter-clockwise and -1
    if clockwise; the result is the mean over all triples (Fisher & Lee 1982, with the order as the
    first angle). It is 1 for points that follow each other along a circle, a spiral or an open arc,
    -1 for the opposite direction, and around 0 if the points are in no order.

    Parameters
    ----------
    points : (n, 2) array
        At least three.
    center : (2,) array

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are fewer than three points.

    Examples
    --------
    >>> circular_order([[1, 0], [0, 1], [-1, 0], [0, -1]], [0, 0])
    1.0
    """
    return float(_circular_orders(_angles(points, center)[None])[0])


def circular_order_null(
    points: ArrayLike, center: ArrayLike, num_permutations: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return `circular_order` of the points in random orders, (num_permutations,)."""
    angles = _angles(points, center)
    return _circular_orders(rng.permuted(np.tile(angles, (num_permutations, 1)), axis=1))


def walk_p_value(points: ArrayLike, num_permutations: int, rng: np.random.Generator) -> float:
    """Return the permutation p-value of the length of the path through the points in their order.

    It is (1 + number of random orders whose path is as short) / (1 + number of random orders). It
    is small if consecutive points are close to each other, whatever the shape of the path.

    Parameters
    ----------
    points : (n, d) array
    num_permutations : int
    rng : numpy Generator
    """
    table = as_table(points, "points")
    orders = rng.permuted(np.tile(np.arange(len(table)), (num_permutations, 1)), axis=1)

    def length(walk: NDArray[np.float64]) -> NDArray[np.float64]:
        total: NDArray[np.float64] = np.linalg.norm(np.diff(walk, axis=-2), axis=-1).sum(axis=-1)
        return total

    # The tolerance is for rounding: the reverse order is as short.
    as_short = length(table[orders]) <= length(table) * (1 + 1e-9)
    return float((1 + as_short.sum()) / (1 + num_permutations))


def _angles(points: ArrayLike, center: ArrayLike) -> NDArray[np.float64]:
    x, y = (as_table(points, "points") - np.asarray(center)).T
    if len(x) < 3:
        raise ValueError(f"`points` must be at least three to have an order, got {len(x)}")
    return np.arctan2(y, x)


def _circular_orders(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the circular order of each row of angles (m, n), (m,).

    A triple a < b < c is counter-clockwise if its angles ascend, up to a cyclic shift.
    """
    a, b, c = np.array(list(combinations(range(angles.shape[1]), 3))).T
    turn = np.sign(angles[:, b] - angles[:, a])
    turn = turn * np.sign(angles[:, c] - angles[:, b]) * np.sign(angles[:, c] - angles[:, a])
    return turn.mean(axis=1)


def swept_turns(points: ArrayLike, center: ArrayLike) -> float:
    """Return how many turns points (n, 2), taken in their order, make around a centre.

    Each step takes the shorter way; counter-clockwise is positive.

    >>> round(swept_turns([[1, 0], [0, 1], [-1, 0]], [0, 0]), 6)
    0.5
    """
    angles = np.unwrap(_angles(points, center))
    return float((angles[-1] - angles[0]) / (2 * np.pi))
