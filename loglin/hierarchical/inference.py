"""Effects with standard errors, leverages and residuals of a fitted model.

Standard errors and leverages come from Fisher's information X'MX, the design and the expected
counts M, with Poisson or, the constant aside, multinomial counts (McCullagh & Nelder 1989).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import kl_div

from loglin.hierarchical.design_matrix import blocks, columns, contrasts, determined, gram
from loglin.hierarchical.generators import Generators, num_parameters
from loglin.validation import as_choice

Floats = NDArray[np.float64]
RESIDUALS = ("pearson", "deviance", "freeman-tukey", "adjusted")


class Effect(NamedTuple):
    """An interaction, each array in the shape of its axes' levels."""

    estimate: Floats
    """The u-terms; NaN where the table does not determine them."""
    standard_error: Floats
    """Asymptotic standard errors; NaN as above."""
    z: Floats
    """Estimates in standard errors; NaN where both are 0 or NaN."""


def effects(
    expected: Floats, generators: Generators, start: Floats | None = None
) -> dict[tuple[int, ...], Effect]:
    """Estimate the u-terms of a model, which sum to zero over each of their axes.

    Parameters
    ----------
    expected : array
        Expected frequencies, 0 in cells that are structural zeros or forced to zero.
    generators : Generators
    start : array, optional
        Factors of the fit that are no part of the model; the terms are those of the rest.

    Returns
    -------
    dict from axes to Effect
        The constant has the key ``()``. Where cells are zero, those terms are estimated that the
        other cells determine, and the others are NaN.
    """
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
        error = np.sqrt(np.maximum(variance, 0.0))
        # What a projection keeps of a combination of these parameters is all of it, if it keeps it
        # among them: nothing is then left to be kept elsewhere.
        missed = spread - spread @ basis[place] @ basis[place].T
        unknown = np.abs(missed).max(initial=0.0, axis=1) > 1e-8
        estimate[unknown], error[unknown] = np.nan, np.nan
        with np.errstate(invalid="ignore"):
            z = estimate / error
        answer[axes] = Effect(*(part.reshape(shape) for part in (estimate, error, z)))
    return answer


def leverages(expected: Floats, generators: Generators) -> Floats:
    """Return the diagonal of the hat matrix, in the shape of the table; 0 in cells of zero."""
    levels, counts = expected.shape, expected.ravel()
    cells, _, covariance = _covariance(expected, generators)
    answer = np.zeros(expected.size)
    for part, design in blocks(generators, levels, cells):
        answer[part] = counts[part] * np.einsum("ij,ij->i", design @ covariance, design)
    return answer.reshape(levels)


def residuals(table: Floats, expected: Floats, generators: Generators, kind: str) -> Floats:
    """Return a residual for each cell.

    Parameters
    ----------
    table, expected : arrays n, m of one shape
    generators : Generators
    kind : str
        "pearson": (n - m) / sqrt(m). "deviance": the signed root of what the cell adds to G2, as
        2 (n log(n / m) - (n - m)). "freeman-tukey": sqrt(n) + sqrt(n + 1) - sqrt(4 m + 1).
        "adjusted": Pearson's by its standard error, sqrt(1 - leverage), so that it is a standard
        normal variable where the model holds; 0 where the model fits a cell whatever its count.

    Returns
    -------
    array
        0 where both n and m are 0.

    Raises
    ------
    ValueError
        If the kind is none of these.
    """
    as_choice(kind, "kind", RESIDUALS)
    if kind == "freeman-tukey":
        return np.sqrt(table) + np.sqrt(table + 1) - np.sqrt(4 * expected + 1)
    if kind == "deviance":
        return np.sign(table - expected) * np.sqrt(
            2 * np.maximum(kl_div(table, expected), 0.0)  # which rounding takes below 0
        )
    root = np.sqrt(expected)
    pearson = np.divide(table - expected, root, where=root > 0, out=np.zeros_like(table))
    if kind == "pearson":
        return pearson
    free = 1 - leverages(expected, generators)
    return np.divide(pearson, np.sqrt(np.abs(free)), where=free > 1e-10, out=np.zeros_like(table))


def _covariance(
    expected: Floats, generators: Generators
) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return the cells above zero, the parameters they determine, and these parameters' covariance.

    Returns
    -------
    cells : int array
    basis : (k, rank) array
        Of the parameters that the cells determine: all of them where no cell is zero.
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
