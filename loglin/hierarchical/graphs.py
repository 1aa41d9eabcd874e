"""The graph of a model: whether a fit has a closed form, and in which order of the generators.

A hierarchical model has a graph whose nodes are the axes of the table; two of them are joined if an
interaction has both. If the generators can be joined to a tree, the model is decomposable.
"""

from collections.abc import Iterable
from functools import lru_cache, reduce
from itertools import combinations
from operator import or_
from typing import NamedTuple

from loglin.hierarchical.generators import MODELS_KEPT, Generators, as_generators


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


@lru_cache(maxsize=MODELS_KEPT)
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


def _as_sets(masks: Iterable[int]) -> Generators:
    """Return the axes whose bits are set."""
    return tuple(
        tuple(axis for axis in range(mask.bit_length()) if mask >> axis & 1) for mask in masks
    )


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
