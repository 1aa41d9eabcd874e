from itertools import chain, combinations

import pytest

from loglin import is_decomposable, is_graphical, junction
from loglin.hierarchical.graphs import exact_in_order
from tests.loglin.hierarchical.by_the_book import by_the_book
from tests.loglin.hierarchical.small_models import models_of_four_variables


@pytest.mark.parametrize(
    ("generators", "expected"),
    [
        ([(0, 1), (1, 2)], True),
        ([(0,), (1,), (2,)], True),
        ([(0, 1, 2)], True),
        ([(0, 1), (1, 2), (0, 2)], False),  # a triangle without its three-way interaction
        ([(0, 1), (1, 2), (2, 3), (0, 3)], False),  # the four-cycle is not chordal
        ([(0, 1, 2), (1, 2, 3), (0, 4)], True),
        ([(0, 1, 2), (1, 2, 3), (0, 3)], False),
        ([], True),
    ],
)
def test_is_decomposable(generators, expected):
    assert is_decomposable(generators) is expected


def brute_force_is_decomposable(generators):
    """Whether some order of the generators has the running-intersection property."""

    def search(placed, rest):
        if not rest:
            return True
        union = set(chain(*placed))
        return any(
            (not placed or any(set(g) & union <= set(p) for p in placed))
            and search([*placed, g], [r for r in rest if r != g])
            for g in rest
        )

    return search([], list(generators))


def cliques_of_graph(generators):
    """The maximal sets of axes all of whose pairs are in a generator, by trying all sets."""
    axes = sorted(set(chain(*generators)))
    complete = [
        set(chosen)
        for size in range(1, len(axes) + 1)
        for chosen in combinations(axes, size)
        if all(any(set(pair) <= set(g) for g in generators) for pair in combinations(chosen, 2))
    ]
    return {tuple(sorted(s)) for s in complete if not any(s < other for other in complete)}


def test_decomposable_and_graphical_agree_with_enumeration():
    counted = {(d, g): 0 for d in (False, True) for g in (False, True)}
    for generators in models_of_four_variables():
        decomposable, graphical = is_decomposable(generators), is_graphical(generators)
        assert decomposable == brute_force_is_decomposable(generators), generators
        assert graphical == (cliques_of_graph(generators) == set(generators)), generators
        counted[decomposable, graphical] += 1
    # Every decomposable model is graphical; all other kinds occur.
    assert counted.pop((True, False)) == 0
    assert all(counted.values())


def test_junction_has_the_running_intersection_property():
    models = [*models_of_four_variables(), ((0, 1, 2), (1, 2, 3), (3, 4), (5,))]
    found = 0
    for generators in models:
        tree = junction(generators)
        if tree is None:
            continue
        found += 1
        assert sorted(tree.cliques) == list(generators)
        seen = set()
        for k, (clique, separator) in enumerate(zip(*tree, strict=True)):
            assert seen & set(clique) == set(separator)
            assert k == 0 or any(set(separator) <= set(other) for other in tree.cliques[:k])
            seen |= set(clique)
    assert found > 40


def test_orders_that_are_exact_are_those_that_one_cycle_fits(rng):
    counts = rng.gamma(2.0, 10.0, (2, 3, 2, 2))
    seen = {True: 0, False: 0}
    for generators in models_of_four_variables():
        order = tuple(generators[i] for i in rng.permutation(len(generators)))
        _, deviation = by_the_book(counts, order, 2)  # measured before the second cycle adjusts
        exact = exact_in_order(order)
        assert exact == (deviation < 1e-9 * counts.sum()), order
        seen[exact] += 1
    assert min(seen.values()) > 20


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: is_decomposable([(0, -1)]), "`generators` must be at least 0, got -1"),
        (lambda: is_decomposable([(0, 1.5)]), "`generators` must be an integer, got 1.5"),
        (lambda: is_decomposable([0, 1]), "`generators` must be an iterable of iterables"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
