"""Fit hierarchical log-linear models: closed form or iterative proportional fitting (Sec. 2.2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, rel_entr, xlogy

from loglin import goodness, inference, ipf
from loglin.design import MAX_PARAMETERS
from loglin.existence import adjusted_df, facial_set
from loglin.formulas import as_names, bracket
from loglin.hierarchy import (
    Generators,
    Junction,
    as_generators,
    interactions,
    junction_of,
    num_parameters,
)
from loglin.inference import Effect
from loglin.summary import summarize
from loglin.tables import as_choice, as_count, as_frequencies, as_number, margin

Floats = NDArray[np.float64]
Model = str | Iterable[Iterable[int | str]]
"""Generators, or text such as "[A B][C]" or "A*B + C"."""
Names = Sequence[str] | Mapping[str, Sequence[str]]
"""Names of the axes; as a mapping, with the labels of their levels."""

METHODS = ("auto", "closed-form", "ipf")
_SURE = 1000.0
"""A fitted cell that is so many times larger than the largest deviation is taken not to be on its
way to 0. One that is forced there is at most the deviation times the weights of the margins that
force it, which are few in practice."""
_QUICK_PARAMETERS = 500
"""Up to so many, what they determine is found while someone waits for a line of text."""
_EXTRA_CYCLES = 50
"""Cycles that are spent on becoming sure, before linear programming is asked."""


class NotConvergedError(RuntimeError):
    """Iterative proportional fitting ended before the fitted margins were close enough."""


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """A fitted hierarchical log-linear model.

    What is not stored is worked out when it is first asked for.
    """

    table: Floats
    """The counts that were fitted."""
    generators: Generators
    """The model: its maximal interactions as sets of axes."""
    expected: Floats
    """Expected frequencies, in the shape of the table; 0 in cells that are forced to zero."""
    iterations: int
    """Cycles over the generators, the last one a check; 1 for the closed form."""
    converged: bool
    """Whether `deviation` is within the tolerance."""
    deviation: float
    """Largest |table margin - fitted margin|, measured before each adjustment of the last cycle."""
    start: Floats | None
    """Where the fit started, if not from ones; 0 in a structural zero."""
    names: tuple[str, ...]
    """Of the axes."""
    labels: tuple[tuple[str, ...], ...]
    """Of the levels of each axis."""

    @property
    def model(self) -> str:
        """The model in brackets, such as "[A B][C]"."""
        return bracket(self.generators, self.names)

    @property
    def interactions(self) -> Generators:
        """All interactions of the model, from the constant `()` on."""
        return interactions(self.generators)

    @cached_property
    def g2(self) -> float:
        """Likelihood-ratio statistic against the saturated model."""
        return max(goodness.g2(self.table, self.expected), 0.0)

    @cached_property
    def x2(self) -> float:
        """Pearson's statistic; cells that are forced to zero add nothing."""
        return goodness.x2(self.table, self.expected)

    @cached_property
    def df(self) -> int:
        """Degrees of freedom, all cells and all parameters counted."""
        return self.table.size - self.num_parameters

    @cached_property
    def facial_set(self) -> NDArray[np.bool_]:
        """Cells that are neither structural zeros nor forced to zero."""
        return self.expected > 0

    @cached_property
    def mle_exists(self) -> bool:
        """Whether the maximum-likelihood estimate exists: no cell is forced to zero."""
        possible = self.table.size if self.start is None else np.count_nonzero(self.start)
        return int(self.facial_set.sum()) == possible

    @cached_property
    def df_adjusted(self) -> int:
        """Degrees of freedom: cells of the facial set less the parameters that they determine."""
        return adjusted_df(self.generators, self.facial_set)

    @cached_property
    def p_value(self) -> float:
        """Chi-square probability of a `g2` at least as large on `df_adjusted`; 1 if that is 0."""
        return goodness.chi_square_tail(self.g2, self.df_adjusted)

    @cached_property
    def num_parameters(self) -> int:
        """Free parameters of the model, the constant counted."""
        return num_parameters(self.generators, self.table.shape)

    @property
    def aic(self) -> float:
        """`g2` plus twice the number of parameters, as R's `loglm` counts it.

        Akaike's criterion up to a constant of the table: that of the saturated model's likelihood.
        """
        return self.g2 + 2 * self.num_parameters

    @property
    def bic(self) -> float:
        """`g2` plus log(total) for each parameter."""
        total = self.table.sum()
        return self.g2 + (float(np.log(total)) if total > 0 else 0.0) * self.num_parameters

    @cached_property
    def log_likelihood(self) -> float:
        """Log-probability of the table where all counts are Poisson."""
        n, m = self.table, self.expected
        return float((xlogy(n, m) - m - gammaln(n + 1)).sum())

    def effects(self) -> dict[tuple[int, ...], Effect]:
        """Estimate the interactions: u-terms that sum to zero over each of their axes.

        Takes matrices of parameters by parameters. See `inference.effects`.
        """
        return inference.effects(self.expected, self.generators, self.start)

    def residuals(self, kind: str = "pearson") -> Floats:
        """Return a residual for each cell, in the shape of the table.

        See `inference.residuals`.
        """
        return inference.residuals(self.table, self.expected, self.generators, kind)

    @cached_property
    def leverages(self) -> Floats:
        """How much each fitted cell follows its own count, 0 to 1; 0 where a cell is zero."""
        return inference.leverages(self.expected, self.generators)

    def summary(self) -> str:
        """Describe the fit in words and, where they are not many, its effects."""
        return summarize(self)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        test = ""
        if self.mle_exists or self.num_parameters <= _QUICK_PARAMETERS:
            test = f", df={self.df_adjusted}, p={self.p_value:.3g}"
        told = "" if self.converged else ", not converged"
        return f"Fit({self.model}: g2={self.g2:.6g}{test}{told})"


class Fits(NamedTuple):
    """A model fitted to many tables of one shape."""

    expected: Floats
    """Expected frequencies, (n, *shape)."""
    g2: Floats
    """Likelihood-ratio statistic of each, (n,)."""
    x2: Floats
    """Pearson's statistic of each, (n,)."""
    df: int
    """Degrees of freedom, all cells and all parameters counted."""
    iterations: NDArray[np.int64]
    """Cycles over the generators, (n,)."""
    converged: NDArray[np.bool_]
    """Whether `deviation` is within the tolerance, (n,)."""
    deviation: Floats
    """Largest |table margin - fitted margin|, (n,), as in `Fit`."""


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
        x2=goodness.x2_parts(counts, expected).sum(axis=inner),
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
