"""Hierarchical log-linear models, given by their generators (Section 2.2).

The generators of a model are its maximal interactions, as sets of axes of the table. The model
contains these and the interactions of all their subsets. ``[(0, 1), (1, 2)]`` is the model [AB][BC]
in bracket notation.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from itertools import chain, combinations
from math import comb, prod
from operator import or_
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.hierarchical._generator_kernels import count_parameters
from loglin.hierarchical.formulas import MOST_AXES, axis_of, parse
from loglin.validation import as_count, as_levels, shown

Generators = tuple[tuple[int, ...], ...]

_MOST_INTERACTIONS = 2**16
"""Parameters of models with more interactions are counted without listing the interactions."""

_MOST_GENERATORS = 2**20
"""Models with more generators are not made."""

_WORD = 64
"""Bits of a set of axes, and of a number, in compiled code."""
_MODELS_KEPT = 512
"""What has been found out about as many models is kept, those used last."""


class Junction(NamedTuple):
    """The cliques of a decomposable model in running-intersection order.

    ``separators[i]`` is the intersection of ``cliques[i]`` with all cliques before it; the first
    one is empty. The maximum-likelihood fit is the product of the clique margins over the product
    of the separator margins.

    See Also
    --------
    junction : Finds it.
    """

    cliques: Generators
    """The generators, in this order."""
    separators: Generators
    """What each clique has in common with those before it."""


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
        return _maximal(parse(generators, names))
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


@lru_cache(maxsize=_MODELS_KEPT)
def _maximal_of(sets: Generators) -> Generators:
    """Return `_maximal` of sets that have been checked."""
    return _maximal(map(frozenset, sets))


def _as_axis(axis: Any, last: int | None, names: Sequence[str] | None) -> int:
    if isinstance(axis, str) and names is not None:
        return axis_of(axis, names)
    return as_count(axis, "generators", 0, last)


def _maximal(sets: Iterable[frozenset[int]]) -> Generators:
    """Return the distinct sets that are not contained in another one, sorted."""
    distinct = set(sets) - {frozenset()}
    maximal: list[frozenset[int]] = []
    for size in sorted(set(map(len, distinct)), reverse=True):
        # Different sets of the same size do not contain each other.
        larger = maximal.copy()
        same = [axes for axes in distinct if len(axes) == size]
        maximal += [a for a in same if not any(map(a.issubset, larger))] if larger else same
    return tuple(sorted(map(tuple, map(sorted, maximal))))


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


def junction(generators: Iterable[Iterable[int]]) -> Junction | None:
    """Return the cliques of a decomposable model in order; None if it is not decomposable.

    The generators are joined one by one to a tree: next comes the generator that has the most axes
    in common with one already in the tree. This tree has the running-intersection property if any
    tree of the generators has it (Bernstein & Goodman 1981). It has it if and only if all axes that
    a generator has in common with the tree are in this one generator.

    Parameters
    ----------
    generators : iterable of iterables of int
        The model, by the axes of each of its highest interactions.

    Returns
    -------
    Junction or None
        Cliques and separators.

    Raises
    ------
    ValueError
        If `generators` are not sets of axes.

    See Also
    --------
    is_decomposable : Only whether it is.

    Examples
    --------
    >>> junction([(0, 1), (1, 2)])
    Junction(cliques=((0, 1), (1, 2)), separators=((), (1,)))
    """
    return junction_of(as_generators(generators))


@lru_cache(maxsize=_MODELS_KEPT)
def junction_of(generators: Generators) -> Junction | None:
    """Return `junction` of generators that `as_generators` has already checked."""
    waiting = [sum(1 << axis for axis in axes) for axes in generators]  # sets of axes as bits
    num_axes = reduce(or_, waiting, 0).bit_count()
    if len(waiting) > num_axes:  # in running-intersection order each clique adds a new axis
        return None
    shared, sizes = [0] * len(waiting), [0] * len(waiting)
    cliques: list[int] = []
    separators: list[int] = []
    seen = 0
    while waiting:
        at = max(range(len(waiting)), key=sizes.__getitem__)
        clique, separator = waiting.pop(at), shared.pop(at)
        del sizes[at]
        if clique & seen != separator:
            return None
        cliques.append(clique)
        separators.append(separator)
        seen |= clique
        for i, axes in enumerate(waiting):
            common = axes & clique
            if common.bit_count() > sizes[i]:
                shared[i], sizes[i] = common, common.bit_count()
    return Junction(_as_sets(cliques), _as_sets(separators))


def exact_in_order(generators: Iterable[Iterable[int]]) -> bool:
    """Tell whether adjusting a table of ones to these margins, each once, fits all of them.

    Divide the generators before one of them in connected components, of which no two share an axis.
    The fit so far is the product of one table for each component. If what the generator shares with
    a component lies in one generator of it, whose margin is right, then the ratios with which the
    table is multiplied sum to one given any other margin of the component: all stay right. Orders
    with running intersection are such orders, but so is any way of joining parts of a tree.

    >>> exact_in_order([(0, 1), (2, 3), (1, 2)])
    True
    >>> exact_in_order([(0, 1), (1, 2), (0, 2)])
    False
    """
    components: list[list[set[int]]] = []
    for axes in map(set, generators):
        joined, apart = [axes], []
        for component in components:
            shared = axes.intersection(set().union(*component))
            if not shared:
                apart.append(component)
            elif any(shared <= other for other in component):
                joined += component
            else:
                return False
        components = [*apart, joined]
    return True


def _as_sets(masks: Iterable[int]) -> Generators:
    """Return the axes whose bits are set."""
    return tuple(
        tuple(axis for axis in range(mask.bit_length()) if mask >> axis & 1) for mask in masks
    )


@lru_cache(maxsize=_MODELS_KEPT)
def as_masks(generators: Generators) -> NDArray[np.uint64]:
    """Return sets of up to 64 axes as bits; of a model without generators, the empty set.

    The array is kept for the next call, and nobody may write to it.
    """
    axes = np.array(list(chain.from_iterable(generators)), np.uint64)
    if len(axes) == 0:
        return np.zeros(1, np.uint64)
    ends = np.cumsum([len(generator) for generator in generators])
    return np.bitwise_or.reduceat(np.uint64(1) << axes, np.concatenate([[0], ends[:-1]]))


def is_graphical(generators: Iterable[Iterable[int]]) -> bool:
    """Tell whether the generators are the maximal cliques of the graph of two-way interactions.

    A decomposable model is a graphical model whose graph is chordal; the model of all two-way
    interactions of three variables is neither. The test is Gilmore's criterion: for any three
    generators, the axes that are in at least two of them must lie together in one generator.

    Parameters
    ----------
    generators : iterable of iterables of int
        The model, by the axes of each of its highest interactions.

    Returns
    -------
    bool
        Whether the model is graphical.

    Raises
    ------
    ValueError
        If `generators` are not sets of axes.

    See Also
    --------
    is_decomposable : A stronger property.

    Examples
    --------
    >>> cycle = [(0, 1), (1, 2), (2, 3), (0, 3)]
    >>> is_graphical(cycle), is_decomposable(cycle)
    (True, False)
    """
    sets = [set(axes) for axes in as_generators(generators)]
    return all(
        any((a & b) | (b & c) | (a & c) <= other for other in sets)
        for a, b, c in combinations(sets, 3)
    )


def is_decomposable(generators: Iterable[Iterable[int]]) -> bool:
    """Tell whether a model is decomposable, so that its fit has a closed form.

    Parameters
    ----------
    generators : iterable of iterables of int
        The model, by the axes of each of its highest interactions.

    Returns
    -------
    bool
        Whether the generators can be joined to a tree, see `junction`.

    Raises
    ------
    ValueError
        If `generators` are not sets of axes.

    See Also
    --------
    is_graphical : A weaker property.
    junction : The cliques in order.

    Examples
    --------
    >>> is_decomposable([(0, 1), (1, 2)]), is_decomposable([(0, 1), (1, 2), (0, 2)])
    (True, False)
    """
    return junction(generators) is not None


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


@lru_cache(maxsize=_MODELS_KEPT)
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
        shared = _maximal(frozenset(axes) & frozenset(other) for other in generators[:i])
        total += prod(levels[axis] for axis in axes) - num_parameters(shared, levels)
    return total
