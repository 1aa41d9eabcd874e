"""Effects with standard errors, leverages and residuals of a fitted model.

Standard errors and leverages come from Fisher's information X'MX, with the design matrix X and the
diagonal matrix M of the expected counts. They hold for Poisson counts and, except for the constant,
for multinomial counts (McCullagh & Nelder 1989).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.hierarchical import decomposable
from loglin.hierarchical.design_matrix import blocks, columns, contrasts, determined, gram
from loglin.hierarchical.generators import Generators
from loglin.hierarchical.goodness_of_fit import deviances
from loglin.hierarchical.graphs import junction_of
from loglin.hierarchical.parameters import num_parameters
from loglin.validation import as_choice

Floats = NDArray[np.float64]
RESIDUALS = ("pearson", "deviance", "freeman-tukey", "adjusted")


class Effect(NamedTuple):
    """Estimates for one interaction; each array has the shape of the levels of its axes.

    See Also
    --------
    fit : Its result has the method `effects`.
    """

    estimate: Floats
    """The u-terms; NaN where the table does not determine them."""
    standard_error: Floats
    """Asymptotic standard errors; NaN as above."""
    z: Floats
    """Estimates divided by their standard errors; NaN where both are 0 or NaN."""


def effects(
    expected: Floats, generators: Generators, start: Floats | None = None
) -> dict[tuple[int, ...], Effect]:
    """Return the u-terms of a model, which sum to zero over each of their axes.

    Parameters
    ----------
    expected : array
        Expected frequencies, 0 in cells that are structural zeros or forced to zero.
    generators : Generators
    start : array, optional
        Known factors of the expected frequencies (see `fit`); the u-terms describe
        `expected` / `start`.

    Returns
    -------
    dict from axes to Effect
        The constant has the key ``()``. If cells are zero, terms that the other cells do not
        determine are NaN.
    """
    tree = junction_of(generators)
    if tree is not None and start is None and (expected > 0).all():
        estimates, variances = decomposable.estimates_and_variances(expected, tree, generators)
        return {axes: _effect(estimates[axes], variances[axes]) for axes in estimates}
    levels = expected.shape
    cells, basis, covariance = _covariance(expected, generators)
    factors = (
        expected
        if start is None
        else np.divide(expected, start, where=expected > 0, out=np.zeros_like(expected))
    )
    logs = np.log(factors, where=factors > 0, out=np.zeros_like(expected)).ravel()
    score, squares = np.zeros(len(basis)), np.zeros((basis.shape[1],) * 2)
    for part, design in blocks(generators, levels, cells):
        score += design.T @ logs[part]
        seen = design @ basis
        squares += seen.T @ seen
    parameters = basis @ np.linalg.solve(squares, basis.T @ score)
    answer = {}
    for axes, place in columns(generators, levels).items():
        spread: np.ndarray = np.ones((1, 1))
        for axis in axes:
            spread = np.kron(spread, contrasts(levels[axis]))
        shape = tuple(levels[axis] for axis in axes)
        estimate = spread @ parameters[place]
        variance = np.einsum("ij,jk,ik->i", spread, covariance[place, place], spread)
        # A term is determined if projecting its combination of parameters on `basis` does not
        # change it. A projection never lengthens a vector, so it is enough to compare the entries
        # of this interaction: if they stay the same, all other entries are zero.
        missed = spread - spread @ basis[place] @ basis[place].T
        unknown = np.abs(missed).max(initial=0.0, axis=1) > 1e-8
        estimate[unknown], variance[unknown] = np.nan, np.nan
        answer[axes] = _effect(estimate.reshape(shape), variance.reshape(shape))
    return answer


def _effect(estimate: Floats, variance: Floats) -> Effect:
    error = np.sqrt(np.maximum(variance, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return Effect(estimate, error, estimate / error)


def leverages(expected: Floats, generators: Generators, start: Floats | None = None) -> Floats:
    """Return the diagonal of the hat matrix, in the shape of the table; 0 where `expected` is 0.

    Parameters
    ----------
    expected, generators, start
        As in `effects`.
    """
    tree = junction_of(generators)
    if tree is not None and start is None:
        return decomposable.leverages(expected, tree)
    levels, counts = expected.shape, expected.ravel()
    cells, _, covariance = _covariance(expected, generators)
    answer = np.zeros(expected.size)
    for part, design in blocks(generators, levels, cells):
        answer[part] = counts[part] * np.einsum("ij,ij->i", design @ covariance, design)
    return answer.reshape(levels)


def residuals(
    table: Floats,
    expected: Floats,
    generators: Generators,
    kind: str,
    start: Floats | None = None,
) -> Floats:
    """Return a residual for each cell.

    Parameters
    ----------
    table, expected : arrays n, m of one shape
    generators : Generators
    kind : str
        "pearson": (n - m) / sqrt(m). "deviance": the square root of the cell's part of G2,
        2 (n log(n / m) - (n - m)), with the sign of n - m.
        "freeman-tukey": sqrt(n) + sqrt(n + 1) - sqrt(4 m + 1).
        "adjusted": the Pearson residual divided by its standard error, sqrt(1 - leverage), so that
        it is asymptotically standard normal if the model holds; 0 in cells that the model fits
        exactly, whatever their count.
    start : array, optional
        As in `effects`.

    Returns
    -------
    array
        0 where both n and m are 0.

    Raises
    ------
    ValueError
        If `kind` is none of these.
    """
    as_choice(kind, "kind", RESIDUALS)
    if kind == "freeman-tukey":
        return np.sqrt(table) + np.sqrt(table + 1) - np.sqrt(4 * expected + 1)
    if kind == "deviance":
        return np.sign(table - expected) * np.sqrt(deviances(table, expected))
    root = np.sqrt(expected)
    pearson = np.divide(table - expected, root, where=root > 0, out=np.zeros_like(table))
    if kind == "pearson":
        return pearson
    free = 1 - leverages(expected, generators, start)
    return np.divide(pearson, np.sqrt(np.abs(free)), where=free > 1e-10, out=np.zeros_like(table))


def _covariance(
    expected: Floats, generators: Generators
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return the positive cells, the parameters that they determine, and their covariance matrix.

    Returns
    -------
    cells : int array
    basis : (k, rank) array
        Orthonormal basis of the parameters that the cells determine; the identity if no cell is
        zero.
    covariance : (k, k) array
    """
    cells = np.flatnonzero(expected)
    if len(cells) == expected.size:
        basis = np.eye(num_parameters(generators, expected.shape))
    else:
        basis = determined(generators, expected.shape, cells)[0]
    information = basis.T @ gram(generators, expected.shape, cells, expected.ravel()) @ basis
    try:
        inverse = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        raise ValueError(
            "the expected counts must be nearer to each other for standard errors and leverages, "
            f"got {expected[expected > 0].min():.3g} to {expected.max():.3g}"
        ) from None
    return cells, basis, basis @ inverse @ basis.T
