"""Fit hierarchical log-linear models: closed form or iterative proportional fitting (Sec. 2.2)."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, rel_entr

from loglin import _kernels
from loglin.hierarchy import Generators, Junction, as_generators, degrees_of_freedom, junction
from loglin.tables import as_choice, as_count, as_number, as_numbers

METHODS = ("auto", "closed-form", "ipf")


class Fit(NamedTuple):
    """A fitted hierarchical log-linear model."""

    expected: NDArray[np.float64]
    """Expected frequencies, in the shape of the table."""
    g2: float
    """Likelihood-ratio statistic against the saturated model."""
    x2: float
    """Pearson's statistic."""
    df: int
    """Degrees of freedom, all cells counted."""
    p_value: float
    """Chi-square probability of a `g2` at least as large; 1 where `df` is 0."""
    iterations: int
    """Cycles over the generators, the last one a check; 1 for the closed form."""
    converged: bool
    """Whether `deviation` is within the tolerance."""
    deviation: float
    """Largest |table margin - fitted margin|, measured before each adjustment of the last cycle."""


def fit(
    table: ArrayLike,
    generators: Iterable[Iterable[int]],
    *,
    method: str = "auto",
    tolerance: float = 1e-8,
    max_iterations: int = 1000,
    start: ArrayLike | None = None,
) -> Fit:
    """Fit a hierarchical log-linear model to a contingency table by maximum likelihood.

    Parameters
    ----------
    table : array of any shape
        Counts; one axis a variable.
    generators : iterable of iterables of int
        The model, as the axes of its highest interactions: ``[(0, 1), (1, 2)]`` is [AB][BC].
    method : "auto", "closed-form" or "ipf"
        "auto" takes the closed form where the model is decomposable and no `start` is given,
        and iterative proportional fitting otherwise.
    tolerance : float
        Largest |table margin - fitted margin| at which IPF stops, relative to the table's
        total (or to 1, if that is larger), measured before each adjustment.
    max_iterations : int
        Most cycles of IPF. Stopping there is no error: see `Fit.converged`.
    start : array of the shape of `table`, optional
        Where IPF starts: 0 in a cell holds it at zero (a structural zero). Ones by default.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If an argument does not fit, or "closed-form" is asked of a model that has none.

    Examples
    --------
    >>> independence = fit([[10, 20], [30, 40]], [(0,), (1,)])
    >>> independence.expected
    array([[12., 18.],
           [28., 42.]])
    """
    counts = _as_frequencies(table, "table")
    model = as_generators(generators, counts.ndim)
    as_choice(method, "method", METHODS)
    tolerance = as_number(tolerance, "tolerance", 0)
    max_iterations = as_count(max_iterations, "max_iterations", 1, 10**9)
    tree = junction(model) if method != "ipf" and start is None else None
    if method == "closed-form" and tree is None:
        raise ValueError(
            "`method` 'closed-form' needs a decomposable model without `start`, "
            f"got the generators {list(model)}"
        )
    limit = tolerance * max(1.0, counts.sum())
    if tree is not None:
        expected, iterations = _closed_form(counts, tree), 1
        deviation = _deviation(counts, expected, model)
    else:
        expected = np.ones_like(counts) if start is None else _as_frequencies(start, "start")
        if expected.shape != counts.shape:
            raise ValueError(
                f"`start` must have the shape of `table`: expected {counts.shape}, "
                f"got {expected.shape}"
            )
        iterations, deviation = _kernels.fit_margins(
            counts.ravel(), expected.reshape(-1), *_margin_cells(counts.shape, model),
            limit, max_iterations,
        )  # fmt: skip
    g2, df = g_squared(counts, expected), degrees_of_freedom(model, counts.shape)
    return Fit(
        expected=expected,
        g2=g2,
        x2=pearson_x2(counts, expected),
        df=df,
        p_value=float(chdtrc(df, g2)) if df > 0 else 1.0,
        iterations=iterations,
        converged=bool(deviation <= limit),
        deviation=deviation,
    )


def g_squared(observed: ArrayLike, expected: ArrayLike) -> float:
    """Return the likelihood-ratio statistic, twice the sum of observed * log(observed / expected).

    Cells that are observed zero times add nothing.

    >>> round(g_squared([10.0, 20.0], [15.0, 15.0]), 6)
    3.397981
    """
    return float(2 * rel_entr(*_as_pair(observed, expected)).sum())


def pearson_x2(observed: ArrayLike, expected: ArrayLike) -> float:
    """Return Pearson's statistic, the sum of (observed - expected)^2 / expected.

    Cells where both are zero add nothing.

    >>> round(pearson_x2([10.0, 20.0], [15.0, 15.0]), 6)
    3.333333
    """
    counts, fitted = _as_pair(observed, expected)
    difference = (counts - fitted) ** 2
    with np.errstate(divide="ignore"):
        return float(np.divide(difference, fitted, where=difference > 0, out=difference).sum())


def _closed_form(counts: NDArray[np.float64], tree: Junction) -> NDArray[np.float64]:
    """Clique margins over separator margins; an axis in no clique is uniform."""
    free = set(range(counts.ndim)).difference(*tree.cliques)
    expected = np.full(counts.shape, 1.0 / np.prod([counts.shape[axis] for axis in free]))
    if not tree.cliques:
        return expected * counts.sum()
    for clique, separator in zip(tree.cliques, tree.separators, strict=True):
        expected *= _margin(counts, clique)
        if clique != tree.cliques[0]:
            shared = _margin(counts, separator)
            # 0/0 is 0: a separator cell without counts has none in its cliques either.
            np.divide(expected, shared, out=expected, where=shared > 0)
    return expected


def _margin(table: NDArray[np.float64], axes: tuple[int, ...]) -> NDArray[np.float64]:
    others = tuple(axis for axis in range(table.ndim) if axis not in axes)
    return table.sum(axis=others, keepdims=True)


def _deviation(
    counts: NDArray[np.float64], expected: NDArray[np.float64], model: Generators
) -> float:
    difference = counts - expected
    return float(max((np.abs(_margin(difference, axes)).max() for axes in model), default=0.0))


def _margin_cells(
    shape: tuple[int, ...], model: Generators
) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """For each generator (at least the empty one), the margin cell of every cell of the table."""
    positions = np.indices(shape, dtype=np.uint32, sparse=True)
    cells = np.zeros((max(len(model), 1), *shape), np.uint32)
    sizes = np.ones(len(cells), np.intp)
    for row, axes in enumerate(model):
        for axis in axes:
            cells[row] = cells[row] * np.uint32(shape[axis]) + positions[axis]
            sizes[row] *= shape[axis]
    return cells.reshape(len(cells), -1), sizes


def _as_frequencies(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.array(as_numbers(values, name), np.float64, order="C")
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"`{name}` must have at least one cell, got shape {array.shape}")
    if not np.isfinite(array).all() or (array < 0).any():
        bad = array[~(np.isfinite(array) & (array >= 0))][0]
        raise ValueError(f"`{name}` must hold finite counts of at least 0, got {bad}")
    return array


def _as_pair(
    observed: ArrayLike, expected: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    counts, fitted = _as_frequencies(observed, "observed"), _as_frequencies(expected, "expected")
    if fitted.shape != counts.shape:
        raise ValueError(
            f"`expected` must have the shape of `observed`: expected {counts.shape}, "
            f"got {fitted.shape}"
        )
    return counts, fitted
