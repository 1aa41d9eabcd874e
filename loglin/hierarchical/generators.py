"""Hierarchical log-linear models, given by their generators (Section 2.2).

The generators of a model are its maximal interactions, as sets of axes of the table. The model
contains these and the interactions of all their subsets. ``[(0, 1), (1, 2)]`` is the model [AB][BC]
in bracket notation.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loglin.hierarchical.formulas import MOST_AXES, axis_of, parse
from loglin.validation import as_count, shown

Generators = tuple[tuple[int, ...], ...]

MODELS_KEPT = 512
"""What has been found out about as many models is kept, those used last."""
_MOST_GENERATORS = 2**20
"""Models with more generators are not made."""


def joint_independence(num_variables: int) -> Generators:
    """Return the null model of Eq. 1, [U S][j]: the last variable is independent of the others.

    Parameters
    ----------
    num_variables : int
        Number of axes of the table, at least 1.

    Returns
    -------
    tuple of tuples of int
        The generators: the axes of each of the highest interactions.

    Raises
    ------
    ValueError
        If `num_variables` is out of range.

    See Also
    --------
    conditional_independence : The other null model.
    select_features : Selection by null models.

    Examples
    --------
    >>> joint_independence(4)
    ((0, 1, 2), (3,))
    """
    num_variables = as_count(num_variables, "num_variables", 1, MOST_AXES)
    return as_generators([range(num_variables - 1), [num_variables - 1]], num_variables)


def conditional_independence(num_variables: int) -> Generators:
    """Return the null model [U S][S j]: first and last variable are independent given the rest.

    Parameters
    ----------
    num_variables : int
        Number of axes of the table, at least 2.

    Returns
    -------
    tuple of tuples of int
        The generators: the axes of each of the highest interactions.

    Raises
    ------
    ValueError
        If `num_variables` is out of range.

    See Also
    --------
    joint_independence : The null model of Eq. 1.
    select_features : Selection by null models.

    Examples
    --------
    >>> conditional_independence(4)
    ((0, 1, 2), (1, 2, 3))
    """
    num_variables = as_count(num_variables, "num_variables", 2, MOST_AXES)
    return as_generators([range(num_variables - 1), range(1, num_variables)], num_variables)


def all_interactions(num_variables: int, order: int) -> Generators:
    """Return the model with all interactions of up to `order` variables.

    Parameters
    ----------
    num_variables : int
        Number of axes of the table, at least 1.
    order : int
        Number of variables in the highest interactions, from 1 to `num_variables`.

    Returns
    -------
    tuple of tuples of int
        The generators: the axes of each of the highest interactions.

    Raises
    ------
    ValueError
        If `num_variables` is out of range, or `order` is, or gives too many
        interactions.

    See Also
    --------
    independence : Order 1.
    saturated : Interactions of all variables.

    Examples
    --------
    >>> all_interactions(3, 2)
    ((0, 1), (0, 2), (1, 2))
    """
    num_variables = as_count(num_variables, "num_variables", 1, MOST_AXES)
    order = as_count(order, "order", 1, num_variables)
    if comb(num_variables, order) > _MOST_GENERATORS:
        raise ValueError(
            f"`order` must give at most {_MOST_GENERATORS:,} interactions of {num_variables} "
            f"variables, got {order}"
        )
    return tuple(combinations(range(num_variables), order))


def independence(num_variables: int) -> Generators:
    """Return the model of mutual independence.

    Parameters
    ----------
    num_variables : int
        Number of axes of the table, at least 1.

    Returns
    -------
    tuple of tuples of int
        The generators: the axes of each of the highest interactions.

    Raises
    ------
    ValueError
        If `num_variables` is out of range.

    See Also
    --------
    joint_independence : Only the last variable is independent.
    all_interactions : Higher orders.

    Examples
    --------
    >>> independence(3)
    ((0,), (1,), (2,))
    """
    return all_interactions(num_variables, 1)


def saturated(num_variables: int) -> Generators:
    """Return the model with all interactions, which fits every table.

    Parameters
    ----------
    num_variables : int
        Number of axes of the table, at least 1.

    Returns
    -------
    tuple of tuples of int
        The generators: the axes of each of the highest interactions.

    Raises
    ------
    ValueError
        If `num_variables` is out of range.

    See Also
    --------
    all_interactions : Lower orders.

    Examples
    --------
    >>> saturated(3)
    ((0, 1, 2),)
    """
    return all_interactions(num_variables, num_variables)


def as_generators(
    generators: str | Iterable[Iterable[int | str]],
    num_axes: int | None = None,
    names: Sequence[str] | None = None,
) -> Generators:
    """Check a model; return its maximal generators, sorted, each with sorted axes.

    Axes are given by number. If `names` is given, axes may also be names, and the model may be
    text (see `formulas.parse`).
    """
    if isinstance(generators, str):
        if names is None:
            raise ValueError(f"`generators` must be sets of axes, got the text {shown(generators)}")
        return maximal(parse(generators, names))
    try:
        sets = [(axes,) if isinstance(axes, str) else tuple(axes) for axes in generators]
        distinct = set(chain.from_iterable(sets))
    except TypeError:
        raise ValueError(
            "`generators` must be an iterable of iterables of axes, such as [(0, 1), (1, 2)], "
            f"got {shown(generators)}"
        ) from None
    last = None if num_axes is None else num_axes - 1
    number = {axis: _as_axis(axis, last, names) for axis in distinct}
    return _maximal_of(tuple([tuple([number[axis] for axis in axes]) for axes in sets]))


@lru_cache(maxsize=MODELS_KEPT)
def _maximal_of(sets: Generators) -> Generators:
    """Return `maximal` of sets that have been checked."""
    return maximal(map(frozenset, sets))


def _as_axis(axis: Any, last: int | None, names: Sequence[str] | None) -> int:
    if isinstance(axis, str) and names is not None:
        return axis_of(axis, names)
    return as_count(axis, "generators", 0, last)


def maximal(sets: Iterable[frozenset[int]]) -> Generators:
    """Return the distinct sets that are not contained in another one, sorted."""
    distinct = set(sets) - {frozenset()}
    found: list[frozenset[int]] = []
    for size in sorted(set(map(len, distinct)), reverse=True):
        # Different sets of the same size do not contain each other.
        larger = found.copy()
        same = [axes for axes in distinct if len(axes) == size]
        found += [a for a in same if not any(map(a.issubset, larger))] if larger else same
    return tuple(sorted(map(tuple, map(sorted, found))))


def interactions(generators: Generators) -> Generators:
    """Return all interactions of a model, the constant first: each subset of a generator once.

    >>> interactions(((0, 1), (2,)))
    ((), (0,), (1,), (2,), (0, 1))
    """
    subsets = {
        axes
        for generator in generators
        for size in range(len(generator) + 1)
        for axes in combinations(generator, size)
    } | {()}
    return tuple(sorted(subsets, key=lambda axes: (len(axes), axes)))


@lru_cache(maxsize=MODELS_KEPT)
def as_masks(generators: Generators) -> NDArray[np.uint64]:
    """Return sets of up to 64 axes as bits; of a model without generators, the empty set.

    The array is kept for the next call, and nobody may write to it.
    """
    axes = np.array(list(chain.from_iterable(generators)), np.uint64)
    if len(axes) == 0:
        return np.zeros(1, np.uint64)
    begins = np.cumsum([0, *map(len, generators[:-1])])
    return np.bitwise_or.reduceat(np.uint64(1) << axes, begins)
