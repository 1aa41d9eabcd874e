"""The design matrix of a log-linear model: a row for each cell, a column for each parameter.

The parameters of an interaction sum to zero over each of its axes, so those of the first L - 1
levels of an axis determine those of the last. The columns are in the order of `interactions`.
"""

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.typing import NDArray

from loglin.hierarchical.generators import Generators, interactions
from loglin.hierarchical.parameters import num_parameters

Floats = NDArray[np.float64]
MAX_PARAMETERS = 2**14
"""Largest number of parameters k for which matrices (k, k) are built (2 GiB)."""
_BLOCK_ENTRIES = 2**22
"""Entries of the design matrix that are held in memory at a time."""


def contrasts(levels: int) -> Floats:
    """Return the (L, L-1) matrix that maps the free parameters of an axis to those of all levels.

    >>> contrasts(3)
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1., -1.]])
    """
    return np.vstack([np.eye(levels - 1), -np.ones((1, levels - 1))])


def columns(generators: Generators, levels: tuple[int, ...]) -> dict[tuple[int, ...], slice]:
    """Return the columns of the design matrix that belong to each interaction."""
    ends, where = 0, {}
    for axes in interactions(generators):
        begin, ends = ends, ends + prod(levels[axis] - 1 for axis in axes)
        where[axes] = slice(begin, ends)
    return where


def blocks(
    generators: Generators, levels: tuple[int, ...], cells: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Yield the design matrix of `cells` (flat indices in C order), in blocks of rows.

    Yields
    ------
    cells : (b,) int array
    design : (b, k) array
    """
    where = columns(generators, levels)
    width = num_parameters(generators, levels)
    step = max(1, _BLOCK_ENTRIES // width)
    per_axis = [contrasts(level) for level in levels]
    for begin in range(0, len(cells), step):
        part = cells[begin : begin + step]
        digits = np.unravel_index(part, levels)
        design = np.empty((len(part), width))
        made: dict[tuple[int, ...], Floats] = {(): np.ones((len(part), 1))}
        for axes, place in where.items():
            if axes:
                # The columns for all axes but the last are made already; multiply by those of the
                # last axis.
                *first, last = axes
                row = per_axis[last][digits[last]]
                made[axes] = (made[tuple(first)][:, :, None] * row[:, None, :]).reshape(
                    len(part), -1
                )
            design[:, place] = made[axes]
        yield part, design


def gram(
    generators: Generators,
    levels: tuple[int, ...],
    cells: NDArray[np.intp],
    weights: Floats | None = None,
) -> Floats:
    """Return X'WX over `cells`; with expected counts as weights this is Fisher's information.

    Raises
    ------
    ValueError
        If the model has more parameters than `MAX_PARAMETERS`.
    """
    width = num_parameters(generators, levels)
    if width > MAX_PARAMETERS:
        raise ValueError(
            f"the model must have at most {MAX_PARAMETERS} parameters for effects, leverages and "
            f"forced zeros, got {width}"
        )
    total = np.zeros((width, width))
    for part, design in blocks(generators, levels, cells):
        weighted = design if weights is None else design * weights[part, None]
        total += design.T @ weighted
    return total


def determined(
    generators: Generators, levels: tuple[int, ...], cells: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Return orthonormal bases of the parameters that `cells` determine, and of the complement.

    Returns
    -------
    (k, rank) array, (k, k - rank) array
    """
    values, vectors = np.linalg.eigh(gram(generators, levels, cells))
    # The entries are exact integers, so eigenvalues that should be 0 are 0 up to rounding. The
    # smallest others seen, on staircase tables of 127 x 127 cells, are 5e-7 of the largest.
    known = values > 1e-14 * len(values) * max(values[-1], 1.0)
    return vectors[:, known], vectors[:, ~known]
