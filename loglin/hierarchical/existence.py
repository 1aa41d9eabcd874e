"""Existence of the maximum-likelihood estimate, and adjusted degrees of freedom.

The estimate of a hierarchical model exists if and only if some table without zeros has the same
margins as the counts (Haberman 1974). Otherwise, cells that are zero in every table with these
margins are forced to zero; the other cells are the facial set. On the facial set the extended
estimate exists. Its degrees of freedom are the number of cells in the facial set minus the number
of parameters that these cells determine (Fienberg & Rinaldo 2012).
"""

import numpy as np
from numpy.typing import NDArray

from loglin.hierarchical.design_matrix import blocks, determined
from loglin.hierarchical.generators import Generators, junction_of, num_parameters
from loglin.tables import margin

Floats = NDArray[np.float64]


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
    matrix is zero where counts are positive, nowhere negative, and positive in that cell. The
    linear program maximises the sum of min(combination, 1) over the empty cells. At the maximum
    the term is 1 in all forced cells at once, since combinations can be added and scaled up.
    """
    live = possible & _supported(counts, generators)
    empty = np.flatnonzero(live & (counts == 0))
    if len(empty) == 0 or (junction_of(generators) is not None and possible.all()):
        return live
    _, free = determined(generators, counts.shape, np.flatnonzero(counts))
    values = np.concatenate(
        [design @ free for _, design in blocks(generators, counts.shape, empty)]
    )
    # Of the combinations that are zero in all positive cells, keep those that are not zero in all
    # empty cells as well.
    sizes, vectors = np.linalg.eigh(values.T @ values)
    values = values @ vectors[:, sizes > 1e-12 * max(sizes.max(initial=0.0), 1.0)]
    if values.shape[1] == 0:
        return live
    # Imported here, since few tables need them and they are slow to import.
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, hstack

    num_free = values.shape[1]
    answer = linprog(
        -np.repeat([0.0, 1.0], [num_free, len(empty)]),
        A_ub=hstack([-values, eye_array(len(empty))], format="csc"),
        b_ub=np.zeros(len(empty)),
        bounds=[(None, None)] * num_free + [(0, 1)] * len(empty),
        method="highs",
    )
    if not answer.success:
        raise RuntimeError(f"the linear program for the facial set failed: {answer.message}")
    live.reshape(-1)[empty[answer.x[num_free:] > 0.5]] = False
    return live


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
