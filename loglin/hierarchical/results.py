"""Results of a fit: expected frequencies, tests, effects, and a summary in text."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from loglin.hierarchical import goodness_of_fit, inference
from loglin.hierarchical.existence import adjusted_df
from loglin.hierarchical.formulas import bracket, term
from loglin.hierarchical.generators import Generators, interactions
from loglin.hierarchical.inference import Effect
from loglin.hierarchical.parameters import num_parameters
from loglin.text import as_columns

Floats = NDArray[np.float64]
_QUICK_PARAMETERS = 500
"""`repr` computes adjusted degrees of freedom for models of up to this size, since it must be fast;
if no cell is forced to zero, it shows them for every model."""
_LARGE = 1e8
"""Above this count, the first term of Stirling's series is exact."""
_MOST_EFFECTS = 60
"""`summary` leaves out the effects of models with more parameters."""


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """A fitted hierarchical log-linear model.

    Statistics are computed when they are first accessed.

    See Also
    --------
    fit : Makes it.
    """

    table: Floats
    """The counts that were fitted."""
    generators: Generators
    """The model: its maximal interactions as sets of axes."""
    expected: Floats
    """Expected frequencies, in the shape of the table; 0 in cells that are forced to zero."""
    iterations: int
    """Cycles over the generators, including the last one, which confirms convergence; 1 for the
    closed form."""
    converged: bool
    """Whether `deviation` is within the tolerance."""
    deviation: float
    """Largest distance of a fitted margin from the table's, measured before each adjustment of the
    last cycle."""
    start: Floats | None
    """Starting values of the fit, or None for ones; 0 in structural zeros."""
    names: tuple[str, ...]
    """Names of the axes."""
    labels: tuple[tuple[str, ...], ...]
    """Labels of the levels of each axis."""

    @property
    def model(self) -> str:
        """The model in brackets, such as "[A B][C]"."""
        return bracket(self.generators, self.names)

    @property
    def interactions(self) -> Generators:
        """All interactions of the model, the constant `()` first."""
        return interactions(self.generators)

    @property
    def g2(self) -> float:
        """Likelihood-ratio statistic against the saturated model."""
        return max(self._statistics.deviance, 0.0)

    @property
    def x2(self) -> float:
        """Pearson's statistic; cells that are forced to zero add nothing."""
        return self._statistics.x2

    @cached_property
    def _statistics(self) -> goodness_of_fit.Statistics:
        """G2 and X2, which one pass over the table yields."""
        return goodness_of_fit.statistics(self.table, self.expected)

    @cached_property
    def df(self) -> int:
        """Degrees of freedom: number of all cells minus number of all parameters."""
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
        """Degrees of freedom: cells of the facial set minus the parameters that they determine."""
        return adjusted_df(self.generators, self.facial_set)

    @cached_property
    def p_value(self) -> float:
        """Chi-square probability of a `g2` at least as large on `df_adjusted`; 1 if that is 0."""
        return goodness_of_fit.chi_square_tail(self.g2, self.df_adjusted)

    @cached_property
    def num_parameters(self) -> int:
        """Number of free parameters of the model, including the constant."""
        return num_parameters(self.generators, self.table.shape)

    @property
    def aic(self) -> float:
        """`g2` plus twice the number of parameters, as in R's `loglm`.

        This is Akaike's criterion plus a constant of the table: twice the log-likelihood of the
        saturated model.
        """
        return self.g2 + 2 * self.num_parameters

    @property
    def bic(self) -> float:
        """`g2` plus log(total count) times the number of parameters."""
        total = self.table.sum()
        return self.g2 + (float(np.log(total)) if total > 0 else 0.0) * self.num_parameters

    @cached_property
    def log_likelihood(self) -> float:
        """Log-probability of the table if all counts are Poisson."""
        n = self.table
        # Of the saturated model, log(n^n e^-n / n!), by Stirling's formula where n is large.
        few = np.minimum(n, _LARGE)
        saturated = xlogy(few, few) - few - gammaln(few + 1) - np.log(np.maximum(n / _LARGE, 1)) / 2
        return float((saturated - goodness_of_fit.deviances(n, self.expected) / 2).sum())

    def effects(self) -> dict[tuple[int, ...], Effect]:
        """Return the u-terms of all interactions, which sum to zero over each of their axes.

        Unless the model is decomposable and no cell is zero, this builds matrices with one row and
        one column per parameter. See `inference.effects`.
        """
        return inference.effects(self.expected, self.generators, self.start)

    def residuals(self, kind: str = "pearson") -> Floats:
        """Return a residual for each cell, in the shape of the table.

        See `inference.residuals`.
        """
        return inference.residuals(self.table, self.expected, self.generators, kind, self.start)

    @cached_property
    def leverages(self) -> Floats:
        """How closely each fitted cell follows its own count, 0 to 1; 0 where `expected` is 0."""
        return inference.leverages(self.expected, self.generators, self.start)

    def summary(self) -> str:
        """Return a description of the fit and, if there are not too many, its effects."""
        return _summarize(self)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        test = ""
        if self.mle_exists or self.num_parameters <= _QUICK_PARAMETERS:
            test = f", df={self.df_adjusted}, p={self.p_value:.3g}"
        told = "" if self.converged else ", not converged"
        return f"Fit({self.model}: g2={self.g2:.6g}{test}{told})"


class Fits(NamedTuple):
    """A model fitted to many tables of the same shape.

    See Also
    --------
    fit_tables : Makes it.
    """

    expected: Floats
    """Expected frequencies, (n, ...)."""
    g2: Floats
    """Likelihood-ratio statistic of each table, (n,)."""
    x2: Floats
    """Pearson's statistic of each table, (n,)."""
    df: int
    """Degrees of freedom: number of all cells minus number of all parameters."""
    iterations: NDArray[np.int64]
    """Cycles over the generators, (n,)."""
    converged: NDArray[np.bool_]
    """Whether `deviation` is within the tolerance, (n,)."""
    deviation: Floats
    """(n,) largest distance of a fitted margin from the table's, as in `Fit`."""


def _summarize(fit: Fit) -> str:
    """Describe the model, how it was fitted, how well it fits, and its effects."""
    cells = "cell" if fit.table.size == 1 else "cells"
    lines = [f"{fit.model}: a count of {fit.table.sum():g} in {fit.table.size} {cells}"]
    lines += _how_it_was_fitted(fit)
    lines += _what_is_zero(fit)
    df = f"df {fit.df_adjusted}"
    if fit.df_adjusted != fit.df:
        df += f" (not {fit.df}, as all cells and parameters would give)"
    lines.append(f"G2 {fit.g2:.4f}, X2 {fit.x2:.4f}, {df}, p {fit.p_value:.4g}")
    lines.append(f"AIC {fit.aic:.2f}, BIC {fit.bic:.2f} with {fit.num_parameters} parameters")
    return "\n".join(lines + _effects(fit))


def _how_it_was_fitted(fit: Fit) -> list[str]:
    cycles = "one cycle" if fit.iterations == 1 else f"{fit.iterations} cycles"
    if fit.converged:
        return [f"converged in {cycles}, margins within {fit.deviation:.2g}"]
    return [f"NOT CONVERGED after {cycles}: a margin is still off by {fit.deviation:.3g}"]


def _what_is_zero(fit: Fit) -> list[str]:
    lines = []
    structural = 0 if fit.start is None else int((fit.start == 0).sum())
    if structural:
        lines.append(f"structural zeros: {structural}")
    forced = fit.table.size - structural - int(fit.facial_set.sum())
    if forced:
        lines.append(
            "the maximum-likelihood estimate does not exist: zeros of the table force "
            f"{forced} of the expected frequencies to zero; the extended estimate is shown"
        )
    return lines


def _effects(fit: Fit) -> list[str]:
    if fit.num_parameters > _MOST_EFFECTS:
        return [f"{fit.num_parameters} parameters: see `effects()`"]
    try:
        effects = fit.effects()
    except ValueError as error:
        return [f"no effects: {error}"]
    rows = []
    for axes, effect in effects.items():
        name = term(axes, fit.names)
        for place in product(*(range(fit.table.shape[axis]) for axis in axes)):
            level = ":".join(fit.labels[axis][i] for axis, i in zip(axes, place, strict=True))
            values = (f"{part[place]:.4f}" for part in effect)
            rows.append((name, level, *values))
    rows.insert(0, ("effect", "level", "estimate", "std. error", "z"))
    return as_columns(rows)
