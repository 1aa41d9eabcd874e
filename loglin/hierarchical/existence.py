"""Existence of the maximum-likelihood estimate, and adjusted degrees of freedom.

The estimate of a hierarchical model exists if and only if some table without zeros has the same
margins as the counts (Haberman 1974). Otherwise, cells that are zero in every table with these
margins are forced to zero; the other cells are the facial set. On the facial set the extended
estimate exists. Its degrees of freedom are the number of cells in the facial set minus the number
of parameters that these cells determine (Fienberg & Rinaldo 2012).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.hierarchical.design_matrix import blocks, columns, determined
from loglin.hierarchical.generators import Generators, interactions
from loglin.hierarchical.graphs import junction_of
from loglin.hierarchical.parameters import num_parameters
from loglin.tables import margin

Floats = NDArray[np.float64]
_ZERO, _POSITIVE = 1e-9, 1e-7
"""Numbers of orthonormal combinations up to the first are rounding; above the second they are not.
"""
_MOST_FOR_LEAST_SQUARES = 300
"""Number of rows above which a linear program is faster than nonnegative least squares."""


class Face(NamedTuple):
    """The facial set of a model, and what is needed to find those of smaller models."""

    generators: Generators
    facial: NDArray[np.bool_]
    """The facial set, in the shape of the table."""
    cells: NDArray[np.intp]
    """Flat indices of the z cells that are forced to zero, structural zeros left out."""
    basis: Floats
    """Orthonormal basis of the combinations of parameters that are zero in all cells of the facial
    set, (k, f)."""
    values: Floats
    """These combinations in the cells that are forced to zero, (z, f)."""


def facial_set(
    counts: Floats, generators: Generators, possible: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the facial set: the cells that are positive in some table with the same margins.

    Parameters
    ----------
    counts : array
    generators : Generators
    possible : bool array of the same shape
        False in structural zeros.

    Raises
    ------
    ValueError
        If the model has more parameters than `design_matrix.MAX_PARAMETERS`.
    RuntimeError
        If the linear program fails.

    Notes
    -----
    A cell is forced to zero if and only if some linear combination of the columns of the design
    matrix is zero where counts are positive, nowhere negative, and positive in that cell.
    """
    live = possible & _supported(counts, generators)
    empty = np.flatnonzero(live & (counts == 0))
    if len(empty) == 0 or (junction_of(generators) is not None and possible.all()):
        return live
    values = _empty_cells(counts, generators, empty)[1]
    live.reshape(-1)[empty[_forced(values)]] = False
    return live


def face(counts: Floats, generators: Generators, possible: NDArray[np.bool_]) -> Face:
    """Return the facial set of a model with what is needed for smaller ones; see `facial_set`."""
    empty = np.flatnonzero(possible & (counts == 0))
    basis, values = _empty_cells(counts, generators, empty)
    return _settled(generators, counts > 0, empty, basis, values)


def smaller_face(larger: Face, generators: Generators) -> Face:
    """Return the facial set of a model that is contained in a larger one.

    A table with the margins of the larger model has those of the smaller one, so that cells of the
    facial set stay in it. Only the others are in question, and of the combinations only those
    without the parameters that are left out.
    """
    where = columns(larger.generators, larger.facial.shape)
    kept = np.zeros(len(larger.basis), np.bool_)
    for axes in interactions(generators):
        kept[where[axes]] = True
    turn = _null_space(larger.basis[~kept])
    return _settled(
        generators, larger.facial, larger.cells, larger.basis[kept] @ turn, larger.values @ turn
    )


def _empty_cells(
    counts: Floats, generators: Generators, empty: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Return a basis of the combinations that are zero where counts are positive, (k, f).

    With it come their values in the empty cells, (z, f).
    """
    _, basis = determined(generators, counts.shape, np.flatnonzero(counts))
    parts = [design @ basis for _, design in blocks(generators, counts.shape, empty)]
    return basis, np.concatenate([np.empty((0, basis.shape[1])), *parts])


def _settled(
    generators: Generators,
    facial: NDArray[np.bool_],
    cells: NDArray[np.intp],
    basis: Floats,
    values: Floats,
) -> Face:
    """Decide which of the `cells` in question are forced to zero; the others become facial."""
    forced = _forced(values)
    grown = facial.copy()
    grown.reshape(-1)[cells[~forced]] = True
    turn = _null_space(values[~forced])
    return Face(generators, grown, cells[forced], basis @ turn, values[forced] @ turn)


def _null_space(rows: Floats) -> Floats:
    """Return an orthonormal basis of the vectors whose product with all rows is zero, (f, n)."""
    _, sizes, vectors = np.linalg.svd(rows)
    rank = int((sizes > _ZERO * max(1.0, sizes.max(initial=0.0))).sum())
    return vectors[rank:].T


def _forced(values: Floats) -> NDArray[np.bool_]:
    """Return the rows that are positive in some combination of columns with no negative row.

    Parameters
    ----------
    values : (z, f) array

    Notes
    -----
    Let r be the shortest vector sum_j y_j values_j with all weights y_j at least 1. As a solution
    of nonnegative least squares it has values_j r >= 0 for all j, and values_j r = 0 wherever
    y_j > 1. So if r is not zero, it is a combination as wanted: the rows with values_j r > 0 are
    forced, which are some, since |r|^2 is the sum of y_j values_j r. Any combination for the other
    rows becomes one for all if a multiple of r is added, so the search goes on among these. If r is
    zero, any combination v with no negative row has sum_j y_j values_j v = 0 and thus no positive
    one: no more rows are forced.
    """
    sizes = np.sqrt((values**2).sum(axis=1))
    forced = np.zeros(len(values), np.bool_)
    left = np.flatnonzero(sizes > _ZERO * max(1.0, sizes.max(initial=0.0)))
    if len(left) > _MOST_FOR_LEAST_SQUARES:
        forced[left[_forced_by_program(values[left])]] = True
        return forced
    rows = values[left] / sizes[left, None]
    while len(left):
        weights = 1 + _nonnegative_weights(rows.T, -rows.sum(axis=0))
        shortest = weights @ rows
        gains = rows @ shortest
        length = float(np.sqrt(shortest @ shortest))
        if length <= _ZERO * weights.sum() and weights.sum() < 1 / _ZERO:
            break
        found = gains > _POSITIVE * length
        if length <= _POSITIVE or gains.min() < -_POSITIVE * length or not found.any():
            # Rounding leaves it open.
            forced[left[_forced_by_program(rows)]] = True
            break
        forced[left[found]] = True
        left, rows = left[~found], rows[~found]
    return forced


def _nonnegative_weights(columns: Floats, target: Floats) -> Floats:
    """Return the weights, none negative, whose sum of columns is nearest to the target.

    This is the active-set method of Lawson & Hanson (1974, chapter 23): one column after the other
    is taken in that would bring the sum nearer, and those whose weight would be negative leave.
    """
    weights = np.zeros(columns.shape[1])
    taken = np.zeros(columns.shape[1], np.bool_)
    products, wish = columns.T @ columns, columns.T @ target
    for _ in range(3 * len(weights)):
        gradient = wish - products @ weights
        gradient[taken] = 0.0
        best = int(gradient.argmax())
        if gradient[best] <= _ZERO:
            break
        taken[best] = True
        while True:
            wanted = np.zeros(len(weights))
            some = np.flatnonzero(taken)
            try:
                wanted[some] = np.linalg.solve(products[np.ix_(some, some)], wish[some])
            except np.linalg.LinAlgError:  # columns that are dependent up to rounding
                return weights
            negative = taken & (wanted <= 0)
            if not negative.any():
                weights = wanted
                break
            step = (weights[negative] / (weights[negative] - wanted[negative])).min()
            weights = np.maximum(weights + step * (wanted - weights), 0.0)
            taken &= ~negative | (weights > _ZERO)
            weights[~taken] = 0.0
    return weights


def _forced_by_program(values: Floats) -> NDArray[np.bool_]:
    """Return the same for many rows, by a linear program.

    It maximises the sum of min(combination, 1) over the rows. At the maximum the term is 1 in all
    forced rows at once, since combinations can be added and scaled up.
    """
    # Of the combinations keep those that are not zero in all rows.
    sizes, vectors = np.linalg.eigh(values.T @ values)
    values = values @ vectors[:, sizes > 1e-12 * max(sizes.max(initial=0.0), 1.0)]
    num_free, num_rows = values.shape[1], len(values)
    if num_free == 0:
        return np.zeros(num_rows, np.bool_)
    # Imported here, since few tables need them and they are slow to import.
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, hstack

    answer = linprog(
        -np.repeat([0.0, 1.0], [num_free, num_rows]),
        A_ub=hstack([-values, eye_array(num_rows)], format="csc"),
        b_ub=np.zeros(num_rows),
        bounds=[(None, None)] * num_free + [(0, 1)] * num_rows,
        method="highs",
    )
    if not answer.success:
        raise RuntimeError(f"the linear program for the facial set failed: {answer.message}")
    return answer.x[num_free:] > 0.5


def adjusted_df(generators: Generators, facial: NDArray[np.bool_]) -> int:
    """Return the degrees of freedom on the facial set."""
    if facial.all():
        return facial.size - num_parameters(generators, facial.shape)
    tree = junction_of(generators)
    if tree is not None and (facial == _supported(facial, generators)).all():
        # If all cells with positive clique margins are in the facial set, parameters are counted as
        # in the whole table, cliques minus separators, but only over positive marginal cells.
        cliques, separators = (
            sum(np.count_nonzero(margin(facial, axes)) for axes in sets)
            for sets in (tree.cliques or ((),), tree.separators[1:])
        )
        return int(np.count_nonzero(facial) - cliques + separators)
    cells = np.flatnonzero(facial)
    return len(cells) - determined(generators, facial.shape, cells)[0].shape[1]


def _supported(table: NDArray, generators: Generators) -> NDArray[np.bool_]:
    """Return the cells for which the margins of all generators are positive."""
    supported = np.ones(table.shape, np.bool_)
    for axes in generators or ((),):
        supported &= margin(table, axes) > 0
    return supported
