"""Hierarchical log-linear models as their generators (Section 2.2).

A model is given by its generators: the sets of axes whose interactions, with everything these
contain, the model has. ``[(0, 1), (1, 2)]`` is the model [AB][BC] in the field's notation.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, combinations
from math import prod
from typing import NamedTuple

from loglin.tables import as_count, as_levels

Generators = tuple[tuple[int, ...], ...]


class Junction(NamedTuple):
    """The cliques of a decomposable model in running-intersection order.

    ``separators[i]`` is what ``cliques[i]`` shares with all cliques before it; the first one
    is empty. The maximum-likelihood fit is the product of the clique margins over the product
    of the separator margins.
    """

    cliques: Generators
    separators: Generators


def joint_independence(num_variables: int) -> Generators:
    """Return the null model of Eq. 1, [U S][j]: the last variable is independent of the others.

    >>> joint_independence(4)
    ((0, 1, 2), (3,))
    """
    num_variables = as_count(num_variables, "num_variables", 1)
    return as_generators([range(num_variables - 1), [num_variables - 1]], num_variables)


def conditional_independence(num_variables: int) -> Generators:
    """Return the null model [U S][S j]: first and last variable are independent given the rest.

    >>> conditional_independence(4)
    ((0, 1, 2), (1, 2, 3))
    """
    num_variables = as_count(num_variables, "num_variables", 2)
    return as_generators([range(num_variables - 1), range(1, num_variables)], num_variables)


def all_interactions(num_variables: int, order: int) -> Generators:
    """Return the model with all interactions of up to `order` variables.

    >>> all_interactions(3, 2)
    ((0, 1), (0, 2), (1, 2))
    """
    num_variables = as_count(num_variables, "num_variables", 1)
    order = as_count(order, "order", 1, num_variables)
    return tuple(combinations(range(num_variables), order))


def as_generators(generators: Iterable[Iterable[int]], num_axes: int | None = None) -> Generators:
    """Check generators; return the maximal ones, each with sorted axes, in order."""
    try:
        sets = [tuple(generator) for generator in generators]
    except TypeError:
        raise ValueError(
            "`generators` must be an iterable of iterables of axes, such as [(0, 1), (1, 2)], "
            f"got {generators!r}"
        ) from None
    for axis in chain(*sets):
        as_count(axis, "generators", 0, None if num_axes is None else num_axes - 1)
    unique = {frozenset(map(int, generator)) for generator in sets}
    maximal = [s for s in unique if s and not any(s < other for other in unique)]
    return tuple(sorted(tuple(sorted(s)) for s in maximal))


def junction(generators: Generators) -> Junction | None:
    """Order the generators of a decomposable model; None if the model is not decomposable.

    A generator that shares with all others together no more than it shares with one of them
    is a leaf. Taking off leaf after leaf leaves one generator if, and only if, the model is
    decomposable (Graham's algorithm on the hypergraph of generators).
    """
    remaining = list(generators)
    leaves = []
    while len(remaining) > 1:
        for leaf in remaining:
            others = [set(other) for other in remaining if other is not leaf]
            separator = set(leaf) & set().union(*others)
            if any(separator <= other for other in others):
                break
        else:
            return None
        remaining.remove(leaf)
        leaves.append((leaf, tuple(sorted(separator))))
    leaves += [(clique, ()) for clique in remaining]
    cliques, separators = zip(*reversed(leaves), strict=True) if leaves else ((), ())
    return Junction(cliques, separators)


def is_decomposable(generators: Iterable[Iterable[int]]) -> bool:
    """Tell whether the model has a closed-form fit.

    Raises
    ------
    ValueError
        If `generators` are not sets of axes.

    Examples
    --------
    >>> is_decomposable([(0, 1), (1, 2)]), is_decomposable([(0, 1), (1, 2), (0, 2)])
    (True, False)
    """
    return junction(as_generators(generators)) is not None


def degrees_of_freedom(generators: Iterable[Iterable[int]], levels: Sequence[int]) -> int:
    """Return the number of cells less the number of free parameters of the model.

    Parameters
    ----------
    generators : iterable of iterables of int
    levels : sequence of int
        Number of levels of each axis.

    Raises
    ------
    ValueError
        If `generators` are not sets of axes of a table with these `levels`.

    Examples
    --------
    >>> degrees_of_freedom([(0,), (1,)], [3, 4])
    6
    """
    levels = as_levels(levels, "levels")
    checked = as_generators(generators, len(levels))
    # One parameter block per interaction the model has: every subset of a generator, once.
    interactions = {
        axes
        for generator in checked
        for size in range(len(generator) + 1)
        for axes in combinations(generator, size)
    } | {()}
    num_parameters = sum(prod(levels[axis] - 1 for axis in axes) for axes in interactions)
    return prod(levels) - num_parameters
