"""Fit hierarchical log-linear models: closed form or proportional fitting (Section 2.2)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.hierarchical import goodness_of_fit, ipf
from loglin.hierarchical.design_matrix import MAX_PARAMETERS
from loglin.hierarchical.existence import facial_set
from loglin.hierarchical.formulas import as_names
from loglin.hierarchical.generators import Generators, as_generators
from loglin.hierarchical.graphs import Junction, junction_of
from loglin.hierarchical.parameters import num_parameters
from loglin.hierarchical.results import Fit, Fits, Floats
from loglin.tables import margin
from loglin.validation import as_choice, as_count, as_frequencies, as_number, checked_frequencies

Model = str | Iterable[Iterable[int | str]]
"""Generators of a model, or text such as "[A B][C]" or "A*B + C"."""
Names = Sequence[str] | Mapping[str, Sequence[str]]
"""Names of the axes, or a mapping from names to the labels of their levels."""

METHODS = ("auto", "closed-form", "ipf")
_CLEARLY_POSITIVE = 1000.0
"""An expected frequency that is more than this many times the largest deviation of a margin is
taken to have a positive limit. One that is forced to zero is at most the deviation times the total
weight of the margins that force it, which is small in practice."""
_FIRST_CYCLES = 20
"""Number of IPF cycles on a table with zeros before it is asked which of them are forced."""
_EXTRA_CYCLES = 50
"""Largest number of extra IPF cycles run to see whether all expected frequencies are clearly
positive, before least squares or a linear program have to decide."""


class NotConvergedError(RuntimeError):
    """Iterative proportional fitting stopped before all margins were within the tolerance.

    See Also
    --------
    fit : Raises it if `strict`.
    """


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
        Counts, with one axis per variable.
    generators : iterable of iterables of axes, or text
        The model, given by the axes of its maximal interactions: ``[(0, 1), (1, 2)]``, or by text
        with their names: ``"[A B][B C]"`` or ``"A*B + B*C"``.
    names : sequence of str, or mapping from str to sequences of str, optional
        Names of the axes, or a mapping from names to the labels of their levels. Axes are
        A, B, C, ... by default.
    method : "auto", "closed-form" or "ipf"
        "auto" uses the closed form if the model is decomposable and no `start` is given, and
        iterative proportional fitting (IPF) otherwise.
    tolerance : float
        IPF stops when no fitted margin, before it is adjusted, is farther from the table's than
        this times the table's total (or times 1, if the total is smaller).
    max_iterations : int
        Largest number of IPF cycles. If cells turn out to be forced to zero, IPF starts again with
        as many. Reaching this number is an error only if `strict`; see `Fit.converged`.
    start : array of the shape of `table`, optional
        Starting values of IPF: 0 keeps a cell at zero (a structural zero), other values are known
        factors of the expected frequencies. Ones by default.
    strict : bool
        Whether to raise an error if IPF does not converge.

    Returns
    -------
    Fit
        Expected counts, with statistics, effects and residuals that are computed when asked for.

    Raises
    ------
    ValueError
        If an argument is invalid, or `method` is "closed-form" and the model has no closed form.
    NotConvergedError
        If `strict` and IPF does not converge.

    See Also
    --------
    fit_tables : One model and many small tables.
    compare : Test nested models.
    stepwise : Search for a model.
    loglin.plots.mosaic_plot : Draw the table and where the model falls short.

    Notes
    -----
    If the maximum-likelihood estimate does not exist because of zeros in the table, the fit is the
    extended estimate: the limit at which the likelihood approaches its supremum, with some cells
    forced to zero. If a few cycles of IPF leave open which cells these are, nonnegative least
    squares or a linear program decide, with matrices of one row and one column per parameter. This
    takes about a second for six hundred parameters and minutes for thousands. In models with more
    than 16 384 parameters only cells with an empty margin are set to zero.

    IPF works on factors of the table where it can (see `loglin.hierarchical.factored`), and the
    closed form is its first cycle wherever this fits all margins of a decomposable model at once;
    otherwise it is the product of cliques over separators. Tables of 2^18 cells and more (2^19 for
    passes over the table) are divided among threads, with the same bits for any number of them.

    Examples
    --------
    >>> independence = fit([[10, 20], [30, 40]], [(0,), (1,)])
    >>> independence.expected
    array([[12., 18.],
           [28., 42.]])
    """
    problem = as_problem(table, names, start)
    model = as_generators(generators, problem.counts.ndim, problem.names)
    as_choice(method, "method", METHODS)
    tolerance = as_number(tolerance, "tolerance", 0)
    max_iterations = as_count(max_iterations, "max_iterations", 1, 10**9)
    fitted = fit_problem(problem, model, method, tolerance, max_iterations)
    if strict and not fitted.converged:
        limit = problem.limit(tolerance)
        raise NotConvergedError(
            f"the fit of {fitted.model} did not converge: after {fitted.iterations} cycles a "
            f"margin is still off by {fitted.deviation:.3g}, more than {limit:.3g}"
        )
    return fitted


class Problem(NamedTuple):
    """A table that has been checked, to be fitted by one model or several."""

    counts: Floats
    total: float
    smallest: float
    """The smallest count."""
    start: Floats | None
    names: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]

    def limit(self, tolerance: float) -> float:
        """Return the largest deviation of a margin at which a fit has converged."""
        return tolerance * max(1.0, self.total)


def as_problem(table: ArrayLike, names: Names | None, start: ArrayLike | None) -> Problem:
    """Check the arguments of `fit` that do not depend on the model."""
    counts, total, smallest = checked_frequencies(table, "table")
    axes, labels = as_names(names, counts.shape)
    first = None if start is None else _as_start(start, counts)
    return Problem(counts, total, smallest, first, axes, labels)


def fit_problem(
    problem: Problem,
    model: Generators,
    method: str = "auto",
    tolerance: float = 1e-8,
    max_iterations: int = 1000,
    facial: Callable[[], NDArray[np.bool_]] | None = None,
) -> Fit:
    """Fit a model, as `fit` does; `facial` finds its facial set if it can be done more quickly."""
    counts, start = problem.counts, problem.start
    tree = junction_of(model) if method != "ipf" and start is None else None
    if method == "closed-form" and tree is None:
        raise ValueError(
            "`method` 'closed-form' needs a decomposable model without `start`, "
            f"got the generators {list(model)}"
        )
    limit = problem.limit(tolerance)
    if tree is not None:
        expected, deviation = _closed_form(counts, model, tree)
        iterations = 1
    else:
        expected, iterations, deviation = _iterate(problem, model, limit, max_iterations, facial)
    return Fit(
        counts, model, expected, iterations, bool(deviation <= limit), deviation, start,
        problem.names, problem.labels,
    )  # fmt: skip


def fit_tables(
    tables: ArrayLike,
    generators: Model,
    *,
    names: Names | None = None,
    tolerance: float = 1e-8,
    max_iterations: int = 1000,
) -> Fits:
    """Fit one model to many tables of one shape by iterative proportional fitting.

    This is fast for thousands of small tables. Unlike `fit`, it does not check whether the
    maximum-likelihood estimates exist.

    Parameters
    ----------
    tables : (n, ...) array
        Counts of n tables of one shape.
    generators, names, tolerance, max_iterations : optional except the first
        As in `fit`; axis 0 of the model is axis 1 of `tables`.

    Returns
    -------
    Fits
        Expected counts and statistics of each table, along axis 0.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    fit : One table, with effects, residuals and a check that the estimate exists.

    Examples
    --------
    >>> fit_tables([[[10, 20], [30, 40]], [[5, 5], [5, 5]]], "A + B").g2.round(4)
    array([0.8043, 0.    ])
    """
    counts = as_frequencies(tables, "tables")
    if counts.ndim < 2:
        raise ValueError(f"`tables` must have at least two axes, got shape {counts.shape}")
    shape, inner = counts.shape[1:], tuple(range(1, counts.ndim))
    model = as_generators(generators, len(shape), as_names(names, shape)[0])
    tolerance = as_number(tolerance, "tolerance", 0)
    max_iterations = as_count(max_iterations, "max_iterations", 1, 10**9)
    limits = tolerance * np.maximum(counts.sum(axis=inner), 1.0)
    expected = np.empty_like(counts)
    iterations, deviation = ipf.cycle(
        counts, expected, model, limits, max_iterations, from_ones=True
    )
    g2, x2 = goodness_of_fit.statistics_of_each(counts, expected)
    return Fits(
        expected=expected,
        g2=np.maximum(g2, 0.0),
        x2=x2,
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
    problem: Problem,
    model: Generators,
    limit: float,
    max_iterations: int,
    facial: Callable[[], NDArray[np.bool_]] | None,
) -> tuple[Floats, int, float]:
    """Fit by IPF, setting cells that are forced to zero to zero.

    Return the expected frequencies, the number of cycles and the largest deviation of a margin.
    """
    counts, start = problem.counts, problem.start
    expected = np.empty_like(counts) if start is None else start.copy()

    def run(limit: float, most: int, *, from_ones: bool = False) -> tuple[int, float]:
        cycles = ipf.cycle(counts[None], expected[None], model, limit, most, from_ones=from_ones)
        return int(cycles.iterations[0]), float(cycles.deviation[0])

    def finish() -> tuple[Floats, int, float]:
        if deviation <= limit or iterations >= max_iterations:
            return expected, iterations, deviation
        more, last = run(limit, max_iterations - iterations)
        return expected, iterations + more, last

    # Where counts are zero, the estimate may not exist. A cell that is forced to zero approaches it
    # only as 1 / cycles, and so does the deviation: a few cycles show which tables need a decision.
    first_cycles = max_iterations if problem.smallest > 0 else min(_FIRST_CYCLES, max_iterations)
    iterations, deviation = run(limit, first_cycles, from_ones=start is None)
    if problem.smallest > 0:
        return expected, iterations, deviation
    doubtful = (counts == 0) & (expected > 0)
    lowest = expected[doubtful].min(initial=np.inf)
    left = max_iterations - iterations
    if lowest <= _CLEARLY_POSITIVE * deviation and left > 0:
        more, deviation = run(lowest / _CLEARLY_POSITIVE, min(_EXTRA_CYCLES, left))
        iterations += more
        lowest = expected[doubtful].min()
    if lowest > _CLEARLY_POSITIVE * deviation:
        return finish()
    if num_parameters(model, counts.shape) > MAX_PARAMETERS:
        return finish()
    first = np.ones_like(counts) if start is None else start
    possible = facial() if facial else facial_set(counts, model, first > 0)
    if possible[expected > 0].all():
        return finish()
    # On the facial set IPF converges as fast as where the estimate exists.
    expected[:] = np.where(possible, first, 0.0)
    more, deviation = run(limit, max_iterations)
    return expected, iterations + more, deviation


def _closed_form(counts: Floats, model: Generators, tree: Junction) -> tuple[Floats, float]:
    """Return the fit of a decomposable model, and the largest deviation of a margin."""
    if not ipf.closed_in_one_cycle(model, counts.shape):
        expected = clique_product(counts, tree)
        return expected, _deviation(counts, expected, model)
    # The second cycle measures the deviation.
    expected = np.empty_like(counts)
    cycles = ipf.cycle(counts[None], expected[None], model, 0.0, 2, from_ones=True)
    return expected, float(cycles.deviation[0])


def clique_product(counts: Floats, tree: Junction) -> Floats:
    """Return clique margins over separator margins; axes in no clique are uniform."""
    free = set(range(counts.ndim)).difference(*tree.cliques)
    expected = np.full(counts.shape, 1.0 / prod(counts.shape[axis] for axis in free))
    if not tree.cliques:
        return expected * counts.sum()
    for clique, separator in zip(tree.cliques, tree.separators, strict=True):
        factor = margin(counts, clique)
        if clique != tree.cliques[0]:
            shared = margin(counts, separator)
            # 0/0 is 0: where a separator margin is zero, so are the margins of its cliques.
            factor = np.divide(factor, shared, where=shared > 0, out=np.zeros_like(factor))
        expected *= factor
    return expected


def _deviation(counts: Floats, expected: Floats, model: Generators) -> float:
    difference = counts - expected
    return float(max((np.abs(margin(difference, axes)).max() for axes in model), default=0.0))
