"""Compare nested models, and test the interactions of each order."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from loglin.hierarchical.fitting import Names, fit
from loglin.hierarchical.formulas import bracket
from loglin.hierarchical.generators import Generators, all_interactions
from loglin.hierarchical.goodness_of_fit import chi_square_tail
from loglin.hierarchical.results import Fit
from loglin.validation import as_frequencies, shown


class Comparison(NamedTuple):
    """A likelihood-ratio test of a model against a larger one.

    See Also
    --------
    compare : Makes it.
    """

    g2: float
    """G2 of the smaller model minus G2 of the larger one."""
    df: int
    """Difference of their adjusted degrees of freedom."""
    p_value: float
    """Chi-square probability of a `g2` at least as large; 1 where `df` is 0."""


class KWay(NamedTuple):
    """Tests of the interactions of one order.

    See Also
    --------
    k_way_tests : Makes them.
    """

    order: int
    """Number of variables in an interaction, k."""
    and_higher: Comparison
    """Test that all interactions of k or more variables are zero."""
    alone: Comparison
    """Test that the interactions of k variables are zero, given that all of more variables are."""


def compare(smaller: Fit, larger: Fit) -> Comparison:
    """Test a model against a larger one that contains it.

    Parameters
    ----------
    smaller, larger : Fit
        Fits of the same table with the same `start`.

    Returns
    -------
    Comparison
        Difference in G2, its degrees of freedom, and the p-value.

    Raises
    ------
    ValueError
        If the tables differ, or a generator of the smaller model is not in the larger one.

    See Also
    --------
    fit : Fits a model.
    stepwise : Searches among many models.

    Examples
    --------
    >>> table = [[10, 20], [30, 40]]
    >>> round(compare(fit(table, "A + B"), fit(table, "A*B")).p_value, 6)
    0.369796
    """
    for name, model in (("smaller", smaller), ("larger", larger)):
        if not isinstance(model, Fit):
            raise ValueError(f"`{name}` must be a Fit, got {shown(model)}")
    if not np.array_equal(smaller.table, larger.table):
        raise ValueError("`smaller` and `larger` must be fits of the same table, got two tables")
    if not np.array_equal(_factors(smaller), _factors(larger)):
        raise ValueError("`smaller` and `larger` must have the same `start`, got different ones")
    for axes in smaller.generators:
        if not any(set(axes) <= set(other) for other in larger.generators):
            raise ValueError(
                f"`smaller` must be nested in `larger`: {larger.model} does not contain "
                f"{bracket([axes], larger.names)} of {smaller.model}"
            )
    g2 = max(smaller.g2 - larger.g2, 0.0)
    df = smaller.df_adjusted - larger.df_adjusted
    return Comparison(g2, df, chi_square_tail(g2, df))


def k_way_tests(table: ArrayLike, *, names: Names | None = None) -> list[KWay]:
    """Test, for every k, that all interactions of k variables are zero.

    Parameters
    ----------
    table : array of any shape
        Counts, with one axis per variable.
    names : optional
        Names of the axes, as in `fit`.

    Returns
    -------
    list of KWay
        One for each k = 1, 2, ..., number of axes.

    Raises
    ------
    ValueError
        As in `fit`.

    See Also
    --------
    compare : Test one model against another.
    stepwise : Search for a model.

    Examples
    --------
    >>> [round(test.alone.g2, 4) for test in k_way_tests([[10, 20], [30, 40]])]
    [20.4837, 0.8043]
    """
    counts = as_frequencies(table, "table")
    orders = range(1, counts.ndim + 1)
    models: list[Generators] = [(), *(all_interactions(counts.ndim, order) for order in orders)]
    fits = [fit(counts, model, names=names) for model in models]
    return [KWay(k, compare(fits[k - 1], fits[-1]), compare(fits[k - 1], fits[k])) for k in orders]


def _factors(model: Fit) -> np.ndarray:
    return np.ones_like(model.table) if model.start is None else model.start
