"""The number of free parameters of a model, and its degrees of freedom."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import prod

import numpy as np

from loglin.hierarchical._parameter_kernels import count_parameters
from loglin.hierarchical.generators import (
    MODELS_KEPT,
    Generators,
    as_generators,
    as_masks,
    maximal,
)
from loglin.hierarchical.graphs import junction_of
from loglin.validation import as_levels

_MOST_INTERACTIONS = 2**16
"""Parameters of models with more interactions are counted without listing the interactions."""
_WORD = 64
"""Bits of a set of axes, and of a number, in compiled code."""


def degrees_of_freedom(generators: Iterable[Iterable[int]], levels: Sequence[int]) -> int:
    """Return the number of cells minus the number of free parameters of the model.

    Parameters
    ----------
    generators : iterable of iterables of int
        The model, by the axes of each of its highest interactions.
    levels : sequence of int
        Number of levels of each axis.

    Returns
    -------
    int
        Without regard to zeros of a table; see `Fit.df_adjusted`.

    Raises
    ------
    ValueError
        If `generators` are not sets of axes of a table with these `levels`.

    See Also
    --------
    fit : Fit a model.

    Examples
    --------
    >>> degrees_of_freedom([(0,), (1,)], [3, 4])
    6
    """
    levels = as_levels(levels, "levels")
    checked = as_generators(generators, len(levels))
    return prod(levels) - num_parameters(checked, levels)


def num_parameters(generators: Generators, levels: Sequence[int]) -> int:
    """Return the number of free parameters, including the constant."""
    return _num_parameters(generators, tuple(levels))


@lru_cache(maxsize=MODELS_KEPT)
def _num_parameters(generators: Generators, levels: tuple[int, ...]) -> int:
    tree = junction_of(generators)
    if tree is not None:
        cliques, separators = (
            sum(prod(levels[axis] for axis in axes) for axes in sets)
            for sets in (tree.cliques or ((),), tree.separators[1:])
        )
        return cliques - separators
    if (
        sum(2 ** len(axes) for axes in generators) <= _MOST_INTERACTIONS
        and len(levels) <= _WORD and prod(levels) < 2 ** (_WORD - 1)
    ):  # fmt: skip
        return int(count_parameters(as_masks(generators), np.array(levels, np.int64)))
    # A generator adds its parameters, except those of its intersections with the ones before.
    total = prod(levels[axis] for axis in generators[0])
    for i, axes in enumerate(generators[1:], start=1):
        shared = maximal(frozenset(axes) & frozenset(other) for other in generators[:i])
        total += prod(levels[axis] for axis in axes) - num_parameters(shared, levels)
    return total
