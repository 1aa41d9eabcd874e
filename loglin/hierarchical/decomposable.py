"""Leverages, effects and standard errors of decomposable models, in closed form.

The fit of a decomposable model is the product of its clique margins over its separator margins,

    log m(i) = sum_C log n_C(i_C) - sum_S log n_S(i_S),

less the logarithm of the number of cells that differ in no clique. By the delta method for Poisson
counts, the covariance matrix of log m, X (X'MX)^-1 X' for a design matrix X and M = diag(m), is

    sum_C T_C diag(1 / m_C) T_C' - sum_S T_S diag(1 / m_S) T_S',

where T_C repeats a table over the axes of C for all cells (Haberman 1974, chapter 5; Lauritzen
1996, section 4.4). No matrix of parameters by parameters is needed.
"""

from collections.abc import Callable
from itertools import product
from math import log, prod

import numpy as np
from numpy.typing import NDArray

from loglin.hierarchical.generators import Generators, interactions
from loglin.hierarchical.graphs import Junction
from loglin.tables import margin, unit_of

Floats = NDArray[np.float64]
Terms = dict[tuple[int, ...], Floats]
"""An array for each interaction, of the shape of the levels of its axes."""
Weigh = Callable[[Floats, int], tuple[Floats, Floats]]
"""Sums a table over an axis with the weights of terms without it, and with it."""


def leverages(expected: Floats, tree: Junction) -> Floats:
    """Return m times the variance of log m for each cell; 0 where m is 0.

    Parameters
    ----------
    expected : array
        Expected frequencies m of the model.
    tree : Junction
    """
    scaled = expected / unit_of(expected)
    variance = np.zeros(expected.shape)
    for axes, sign in _cliques_and_separators(tree):
        shared = margin(scaled, axes)
        variance += np.divide(sign, shared, where=shared > 0, out=np.zeros_like(shared))
    return scaled * variance


def estimates_and_variances(
    expected: Floats, tree: Junction, generators: Generators
) -> tuple[Terms, Terms]:
    """Return the u-terms of a model with positive expected frequencies, and their variances.

    A u-term is a weighted sum over log m. In a table over the axes of C, the weight of a cell j in
    the term of axes A at the levels i is the product of (j = i) - 1 / L over the axes in A, and of
    1 / L over those outside, for L levels; and 0 unless C contains A. So the term is made by
    one step for each axis, and its variance by the same steps with squared weights.
    """
    estimates: Terms = {}
    variances: Terms = {}
    unit = unit_of(expected)
    for axes, sign in _cliques_and_separators(tree):
        others = tuple(axis for axis in range(expected.ndim) if axis not in axes)
        shared = expected.sum(axis=others)
        _add_terms(estimates, axes, sign * np.log(shared), _weighted)
        _add_terms(variances, axes, sign / (shared / unit), _weighted_by_squares)
    free = set(range(expected.ndim)).difference(*tree.cliques)
    estimates[()] = estimates[()] - log(prod(expected.shape[axis] for axis in free))
    order = interactions(generators)
    with np.errstate(over="ignore"):
        return {axes: estimates[axes] for axes in order}, {
            axes: variances[axes] / unit for axes in order
        }


def _cliques_and_separators(tree: Junction) -> list[tuple[tuple[int, ...], float]]:
    """Return the cliques with the sign 1 and the separators with -1."""
    # Without cliques the model fits the total.
    positive = [(axes, 1.0) for axes in tree.cliques or ((),)]
    return positive + [(axes, -1.0) for axes in tree.separators[1:]]


def _add_terms(terms: Terms, axes: tuple[int, ...], table: Floats, weigh: Weigh) -> None:
    """Add the terms of a table over `axes` to those of all tables."""
    for axis in range(table.ndim):
        outside, inside = weigh(table, axis)
        # Index 0 of the axis is for terms without it.
        table = np.concatenate([outside, inside], axis=axis)
    levels = slice(1, None)
    for chosen in product((False, True), repeat=len(axes)):
        part = table[(*(levels if inside else 0 for inside in chosen), ...)]
        term = tuple(axis for axis, inside in zip(axes, chosen, strict=True) if inside)
        terms[term] = terms[term] + part if term in terms else part


def _weighted(table: Floats, axis: int) -> tuple[Floats, Floats]:
    """Weigh an axis for terms without it, by 1 / L, and with it, by (j = i) - 1 / L."""
    mean = table.mean(axis=axis, keepdims=True)
    return mean, table - mean


def _weighted_by_squares(table: Floats, axis: int) -> tuple[Floats, Floats]:
    """Weigh an axis by the squares: 1 / L^2, and (j = i) (1 - 2 / L) + 1 / L^2."""
    levels = table.shape[axis]
    outside = table.sum(axis=axis, keepdims=True) / levels**2
    return outside, table * (1 - 2 / levels) + outside
