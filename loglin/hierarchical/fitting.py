"""Fit hierarchical log-linear models: closed form or iterative proportional fitting (Sec. 2.2)."""

from collections.abc import Iterable, Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import rel_entr

from loglin.hierarchical import goodness_of_fit, ipf
from loglin.hierarchical.design_matrix import MAX_PARAMETERS
from loglin.hierarchical.existence import facial_set
from loglin.hierarchical.formulas import as_names, bracket
from loglin.hierarchical.generators import (
    Generators,
    Junction,
    as_generators,
    junction_of,
    num_parameters,
)
from loglin.hierarchical.results import Fit, Fits, Floats
from loglin.tables import margin
from loglin.validation import as_choice, as_count, as_frequencies, as_number

Model = str | Iterable[Iterable[int | str]]
"""Generators, or text such as "[A B][C]" or "A*B + C"."""
Names = Sequence[str] | Mapping[str, Sequence[str]]
"""Names of the axes; as a mapping, with the labels of their levels."""

METHODS = ("auto", "closed-form", "ipf")
_SURE = 1000.0
"""A fitted cell that is so many times larger than the largest deviation is taken not to be on its
way to 0. One that is forced there is at most the deviation times the weights of the margins that
force it, which are few in practice."""
_EXTRA_CYCLES = 50
"""Cycles that are spent on becoming sure, before linear programming is asked."""


class NotConvergedError(RuntimeError):
    """Iterative proportional fitting ended before the fitted margins were close enough."""


def fit(
    table: ArrayLike,
    generators: Model,
    *,
    names: Names | None = None,
    method: str = "auto",
    tolerance: float = 1e-8,
    max_iterations: int = 1000,
    start: ArrayLike | None = None,
    strict: bool = False,
) -> Fit:
    """Fit a hierarchical log-linear model to a contingency table by maximum likelihood.

    Parameters
    ----------
    table : array of any shape
        Counts; one axis a variable.
    generators : iterable of iterables of axes, or text
        The model, as the axes of its highest interactions: ``[(0, 1), (1, 2)]``, or by names
        ``"[A B][B C]"`` or ``"A*B + B*C"``.
    names : sequence of str, or mapping from str to sequences of str, optional
        Names of the axes, and the labels of their levels. Axes are A, B, C, ... by default.
    method : "auto", "closed-form" or "ipf"
        "auto" takes the closed form where the model is decomposable and no `start` is given,
        and iterative proportional fitting otherwise.
    tolerance : float
        Largest |table margin - fitted margin| at which IPF stops, relative to the table's
        total (or to 1, if that is larger), measured before each adjustment.
    max_iterations : int
        Most cycles of IPF, and as many again where cells turn out to be forced to zero. Stopping
        there is no error unless `strict`: see `Fit.converged`.
    start : array of the shape of `table`, optional
        Where IPF starts: 0 in a cell holds it at zero (a structural zero), other values are
        factors of the fit that are known beforehand. Ones by default.
    strict : bool
        Raise an error where IPF does not converge.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If an argument does not fit, or "closed-form" is asked of a model that has none.
    NotConvergedError
        If `strict` and IPF does not converge.

    Notes
    -----
    Where zeros of the table leave the model without an estimate, the fit is the extended one:
    the limit of the likelihood, with the cells that are forced to zero at zero (see `existence`).
    Where zeros leave it in doubt whether there is an estimate, this takes matrices of parameters by
    parameters and a linear program: seconds for some hundred parameters, minutes for thousands.
    Models of more than `design.MAX_PARAMETERS` are only looked at for empty margins.

    Examples
    --------
    >>> independence = fit([[10, 20], [30, 40]], [(0,), (1,)])
    >>> independence.expected
    array([[12., 18.],
           [28., 42.]])
    """
    counts = as_frequencies(table, "table")
    total, smallest = float(counts.sum()), float(counts.min())
    axes, labels = as_names(names, counts.shape)
    model = as_generators(generators, counts.ndim, axes)
    as_choice(method, "method", METHODS)
    tolerance = as_number(tolerance, "tolerance", 0)
    max_iterations = as_count(max_iterations, "max_iterations", 1, 10**9)
    first = None if start is None else _as_start(start, counts)
    tree = junction_of(model) if method != "ipf" and first is None else None
    if method == "closed-form" and tree is None:
        raise ValueError(
            "`method` 'closed-form' needs a decomposable model without `start`, "
            f"got the generators {list(model)}"
        )
    limit = tolerance * max(1.0, total)
    if tree is not None:
        expected, iterations = _closed_form(counts, tree), 1
        deviation = _deviation(counts, expected, model)
    else:
        expected, iterations, deviation = _iterate(
            counts, smallest, first, model, limit, max_iterations
        )
    converged = bool(deviation <= limit)
    if strict and not converged:
        raise NotConvergedError(
            f"the fit of {bracket(model, axes)} did not converge: after {iterations} cycles a "
            f"margin is still off by {deviation:.3g}, more than {limit:.3g}"
        )
    return Fit(counts, model, expected, iterations, converged, deviation, first, axes, labels)


def fit_tables(
    tables: ArrayLike,
    generators: Model,
    *,
    names: Names | None = None,
    tolerance: float = 1e-8,
    max_iterations: int = 1000,
) -> Fits:
    """Fit one model to many tables of one shape by iterative proportional fitting.

    This is the fast way for thousands of small tables. Whether their estimates exist is not
    looked at: `fit` does that.

    Parameters
    ----------
    tables : (n, *shape) array
    generators, names, tolerance, max_iterations
        As in `fit`; axis 0 of the model is axis 1 of `tables`.

    Returns
    -------
    Fits

    Raises
    ------
    ValueError
        If an argument does not fit.

    Examples
    --------
    >>> fit_tables([[[10, 20], [30, 40]], [[5, 5], [5, 5]]], "A + B").g2.round(4)
    array([0.8043, 0.    ])
    """
    counts = as_frequencies(tables, "tables")
    if counts.ndim < 2:
        raise ValueError(f"`tables` must have a first axis of tables, got shape {counts.shape}")
    shape, inner = counts.shape[1:], tuple(range(1, counts.ndim))
    model = as_generators(generators, len(shape), as_names(names, shape)[0])
    tolerance = as_number(tolerance, "tolerance", 0)
    max_iterations = as_count(max_iterations, "max_iterations", 1, 10**9)
    limits = tolerance * np.maximum(counts.sum(axis=inner), 1.0)
    expected = np.empty_like(counts)
    iterations, deviation = ipf.cycle(
        counts, expected, model, limits, max_iterations, from_ones=True
    )
    return Fits(
        expected=expected,
        g2=np.maximum(2 * rel_entr(counts, expected).sum(axis=inner), 0.0),
        x2=goodness_of_fit.x2_parts(counts, expected).sum(axis=inner),
        df=prod(shape) - num_parameters(model, shape),
        iterations=iterations,
        converged=deviation <= limits,
        deviation=deviation,
    )


def _as_start(start: ArrayLike, counts: Floats) -> Floats:
    first = as_frequencies(start, "start")
    if first.shape != counts.shape:
        raise ValueError(
            f"`start` must have the shape of `table`: expected {counts.shape}, got {first.shape}"
        )
    held = counts[(first == 0) & (counts > 0)]
    if len(held):
        raise ValueError(
            "`start` must be positive where `table` is: it holds "
            f"{len(held)} cells at zero, one of them with a count of {held[0]:g}"
        )
    return first


def _iterate(
    counts: Floats,
    smallest: float,
    start: Floats | None,
    model: Generators,
    limit: float,
    max_iterations: int,
) -> tuple[Floats, int, float]:
    """Fit by IPF, with cells at zero that are forced there; return the fit and how it went.

    `smallest` is the smallest count.
    """
    expected = np.empty_like(counts) if start is None else start.copy()

    def run(limit: float, most: int, *, from_ones: bool = False) -> tuple[int, float]:
        cycles = ipf.cycle(counts[None], expected[None], model, limit, most, from_ones=from_ones)
        return int(cycles.iterations[0]), float(cycles.deviation[0])

    iterations, deviation = run(limit, max_iterations, from_ones=start is None)
    if smallest > 0:
        return expected, iterations, deviation
    # A cell on its way to zero sinks slowly, as 1 / cycles, and the deviation with it.
    doubtful = (counts == 0) & (expected > 0)
    lowest = expected[doubtful].min(initial=np.inf)
    left = max_iterations - iterations
    if lowest <= _SURE * deviation and left > 0:
        more, deviation = run(lowest / _SURE, min(_EXTRA_CYCLES, left))
        iterations += more
        lowest = expected[doubtful].min()
    if lowest > _SURE * deviation:
        return expected, iterations, deviation
    if num_parameters(model, counts.shape) > MAX_PARAMETERS:
        return expected, iterations, deviation
    first = np.ones_like(counts) if start is None else start
    facial = facial_set(counts, model, first > 0)
    if not facial[expected > 0].all():
        # On the facial set the fit converges as it does where an estimate exists.
        expected[:] = np.where(facial, first, 0.0)
        more, deviation = run(limit, max_iterations)
        iterations += more
    elif deviation > limit and iterations < max_iterations:
        more, deviation = run(limit, max_iterations - iterations)
        iterations += more
    return expected, iterations, deviation


def _closed_form(counts: Floats, tree: Junction) -> Floats:
    """Clique margins over separator margins; an axis in no clique is uniform."""
    free = set(range(counts.ndim)).difference(*tree.cliques)
    expected = np.full(counts.shape, 1.0 / prod(counts.shape[axis] for axis in free))
    if not tree.cliques:
        return expected * counts.sum()
    for clique, separator in zip(tree.cliques, tree.separators, strict=True):
        factor = margin(counts, clique)
        if clique != tree.cliques[0]:
            shared = margin(counts, separator)
            # 0/0 is 0: a separator cell without counts has none in its cliques either.
            factor = np.divide(factor, shared, where=shared > 0, out=np.zeros_like(factor))
        expected *= factor
    return expected


def _deviation(counts: Floats, expected: Floats, model: Generators) -> float:
    difference = counts - expected
    return float(max((np.abs(margin(difference, axes)).max() for axes in model), default=0.0))
