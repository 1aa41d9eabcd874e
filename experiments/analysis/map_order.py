"""Order of points on a map: around a centre, or along a path (Section 3.1.3).

Each point has a place, such as that of a pattern along the stair. Points at the same place, such as
the patterns of two genes that the same two stages share, have no order among themselves; to count
their order as wrong would set a limit that no map could pass.
"""

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from loglin.validation import as_table


def circular_order(points: ArrayLike, center: ArrayLike, places: ArrayLike | None = None) -> float:
    """Return how consistently points go round a centre in the order of their places.

    Each triple of points at three different places, taken in their order, counts +1 if it goes
    round counter-clockwise and -1 if clockwise; the result is the mean over these triples (Fisher &
    Lee 1982, with the order as the first angle). It is 1 for points that follow each other along a
    circle, a spiral or an open arc, -1 for the opposite direction, and around 0 if the points are
    in no order.

    Parameters
    ----------
    points : (n, 2) array
    center : (2,) array
    places : (n,) array, optional
        Numbers in whose order the points are expected; None: their order in `points`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are fewer than three different places.

    Examples
    --------
    >>> circular_order([[1, 0], [0, 1], [-1, 0], [0, -1]], [0, 0])
    1.0

    The last two points are at the same place, so that either may come first:

    >>> circular_order([[1, 0], [0, 1], [-1, 0], [0, -1]], [0, 0], [0, 1, 2, 2])
    1.0
    """
    angles, ranks = _angles(points, center), _ranks(points, places)
    return float(_circular_orders(angles[None], ranks)[0])


def circular_order_null(
    points: ArrayLike,
    center: ArrayLike,
    num_permutations: int,
    rng: np.random.Generator,
    places: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return `circular_order` of the points in random orders, (num_permutations,)."""
    angles, ranks = _angles(points, center), _ranks(points, places)
    orders = rng.permuted(np.tile(angles, (num_permutations, 1)), axis=1)
    return _circular_orders(orders, ranks)


def walk_p_value(
    points: ArrayLike,
    num_permutations: int,
    rng: np.random.Generator,
    places: ArrayLike | None = None,
) -> float:
    """Return the permutation p-value of the length of the walk from place to place.

    The length is the sum of the mean distances between the points of one place and those of the
    next, and between the points of the same place. The p-value is (1 + number of random orders
    whose walk is as short) / (1 + number of random orders). It is small if successive points are
    close to each other, whatever the shape of the path.

    Parameters
    ----------
    points : (n, d) array
    num_permutations : int
    rng : numpy Generator
    places : (n,) array, optional
        As in `circular_order`.
    """
    table, ranks = as_table(points, "points"), _ranks(points, places)
    distances = cdist(table, table)
    step = ranks[None] - ranks[:, None]
    is_pair = (step == 1) | ((step == 0) & np.triu(np.ones_like(step, bool), 1))
    # Each pair of places counts once, however many points are there.
    pairs = ranks[:, None] * len(table) + ranks
    weights = is_pair / np.maximum(np.bincount(pairs[is_pair], minlength=pairs.max() + 1), 1)[pairs]
    orders = rng.permuted(np.tile(np.arange(len(table)), (num_permutations, 1)), axis=1)
    lengths = (weights * distances[orders[:, :, None], orders[:, None, :]]).sum(axis=(1, 2))
    # The tolerance is for rounding: the reverse order is as short.
    as_short = lengths <= (weights * distances).sum() * (1 + 1e-9)
    return float((1 + as_short.sum()) / (1 + num_permutations))


def swept_turns(points: ArrayLike, center: ArrayLike, places: ArrayLike | None = None) -> float:
    """Return how many turns points (n, 2) make around a centre in the order of their places.

    Points at the same place count as their mean. Each step takes the shorter way; counter-clockwise
    is positive.

    >>> round(swept_turns([[1, 0], [0, 1], [-1, 0]], [0, 0]), 6)
    0.5
    """
    table, ranks = as_table(points, "points"), _ranks(points, places)
    means = [table[ranks == rank].mean(axis=0) for rank in range(ranks.max() + 1)]
    angles = np.unwrap(_angles(means, center))
    return float((angles[-1] - angles[0]) / (2 * np.pi))


def num_places(places: ArrayLike) -> int:
    """Return how many different places there are.

    >>> num_places([0.5, 1, 0.5])
    2
    """
    return len(np.unique(places))


def _ranks(points: ArrayLike, places: ArrayLike | None) -> NDArray[np.intp]:
    """Return the rank of each point's place, from 0; points at the same place share it."""
    number = len(as_table(points, "points"))
    given = np.arange(number) if places is None else np.asarray(places)
    if given.shape != (number,):
        raise ValueError(
            f"`places` must have a number for each point: expected {number}, got shape "
            f"{given.shape}"
        )
    ranks: NDArray[np.intp] = np.unique(given, return_inverse=True)[1]
    if ranks.max() < 2:
        raise ValueError(
            "`points` must be at three different places at least to have an order, got "
            f"{ranks.max() + 1}"
        )
    return ranks


def _angles(points: ArrayLike, center: ArrayLike) -> NDArray[np.float64]:
    x, y = (as_table(points, "points") - np.asarray(center)).T
    return np.arctan2(y, x)


def _circular_orders(angles: NDArray[np.float64], ranks: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the circular order of each row of angles (m, n) at places of these ranks, (m,).

    A triple a < b < c is counter-clockwise if its angles ascend, up to a cyclic shift.
    """
    order = np.argsort(ranks, kind="stable")
    triples = np.array(list(combinations(order, 3)))
    a, b, c = triples[(np.diff(ranks[triples], axis=1) > 0).all(axis=1)].T
    turn = np.sign(angles[:, b] - angles[:, a])
    turn = turn * np.sign(angles[:, c] - angles[:, b]) * np.sign(angles[:, c] - angles[:, a])
    return turn.mean(axis=1)
