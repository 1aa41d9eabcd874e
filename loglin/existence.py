"""Existence of the maximum-likelihood estimate, and the degrees of freedom that are right.

A hierarchical model has an estimate if, and only if, some table without zeros has the same margins
(Haberman 1974). Otherwise cells that are zero in every table with these margins are forced to
zero; the others are the facial set. On it there is an estimate, the extended one, and the degrees
of freedom are its cells less the parameters that they determine (Fienberg & Rinaldo 2012).
"""

import numpy as np
from numpy.typing import NDArray

from loglin.design import estimable
from loglin.hierarchy import Generators, junction_of, num_parameters

Floats = NDArray[np.float64]


def margin(table: NDArray, axes: tuple[int, ...]) -> NDArray:
    """Add a table up to the margin of some axes, keeping all dimensions."""
    others = tuple(axis for axis in range(table.ndim) if axis not in axes)
    return table.sum(axis=others, keepdims=True)


def facial_set(
    counts: Floats, generators: Generators, possible: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the cells that some table with the same margins has above zero.

    Parameters
    ----------
    counts : array
    generators : Generators
    possible : bool array of the same shape
        False: a structural zero.

    Notes
    -----
    Let d be the change from `counts` to another table with the same margins. It may take any sign
    where counts are positive, and not be negative elsewhere. The largest sum of min(d, 1) over the
    other cells, found by linear programming, has 1 where d can be positive and 0 elsewhere, since
    changes can be added and enlarged.
    """
    live = possible & _supported(counts, generators)
    if (counts[live] > 0).all() or (junction_of(generators) is not None and possible.all()):
        return live
    # Here, since neither is needed where tables have no zeros, and both take long to import.
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack, vstack

    cells = np.flatnonzero(live)
    digits = np.unravel_index(cells, counts.shape)
    rows = []
    for axes in generators or ((),):
        shape = [counts.shape[axis] for axis in axes]
        at = np.ravel_multi_index([digits[axis] for axis in axes], shape) if axes else 0 * cells
        ones = (np.ones(len(cells)), (at, np.arange(len(cells))))
        rows.append(csr_array(ones, shape=(int(np.prod(shape)), len(cells))))
    margins = vstack(rows, format="csc")
    empty = counts.ravel()[cells] == 0
    # d = min(d, 1) + what is above.
    below, above = margins[:, np.flatnonzero(empty)], margins
    answer = linprog(
        -np.repeat([1.0, 0.0], [empty.sum(), len(cells)]),
        A_eq=hstack([below, above], format="csc"),
        b_eq=np.zeros(margins.shape[0]),
        bounds=[(0, 1)] * int(empty.sum()) + [(0, None) if e else (None, None) for e in empty],
        method="highs",
    )
    if not answer.success:
        raise RuntimeError(f"the linear program for the facial set failed: {answer.message}")
    live.reshape(-1)[cells[empty]] = answer.x[: empty.sum()] > 0.5
    return live


def adjusted_df(generators: Generators, facial: NDArray[np.bool_]) -> int:
    """Return the degrees of freedom on the facial set."""
    tree = junction_of(generators)
    if tree is not None and (facial == _supported(facial, generators)).all():
        # As where all cells count, but of each margin only what is above zero.
        cliques, separators = (
            sum(np.count_nonzero(margin(facial, axes)) for axes in sets)
            for sets in (tree.cliques or ((),), tree.separators[1:])
        )
        return int(np.count_nonzero(facial) - cliques + separators)
    cells = np.flatnonzero(facial)
    if len(cells) == facial.size:
        return facial.size - num_parameters(generators, facial.shape)
    return len(cells) - estimable(generators, facial.shape, cells).shape[1]


def _supported(table: NDArray, generators: Generators) -> NDArray[np.bool_]:
    """Return the cells all of whose margins are positive."""
    supported = np.ones(table.shape, np.bool_)
    for axes in generators or ((),):
        supported &= margin(table, axes) > 0
    return supported
