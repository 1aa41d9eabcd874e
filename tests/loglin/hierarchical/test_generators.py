from itertools import chain, combinations, product

import numpy as np
import pytest

from loglin import (
    all_interactions,
    conditional_independence,
    degrees_of_freedom,
    independence,
    is_decomposable,
    is_graphical,
    joint_independence,
    junction,
    saturated,
)
from loglin.hierarchical.generators import (
    _num_parameters,
    as_generators,
    exact_in_order,
    interactions,
)
from tests.loglin.hierarchical.by_the_book import by_the_book
from tests.references import reference


def test_generators_are_reduced_to_sorted_maximal_ones():
    assert as_generators([(2, 1), (1,), (1, 2), [0]], 3) == ((0,), (1, 2))


def test_named_families():
    assert joint_independence(3) == ((0, 1), (2,))
    assert joint_independence(1) == ((0,),)
    assert conditional_independence(3) == ((0, 1), (1, 2))
    assert conditional_independence(2) == ((0,), (1,))
    assert all_interactions(3, 3) == saturated(3) == ((0, 1, 2),)
    assert all_interactions(3, 1) == independence(3) == ((0,), (1,), (2,))
    assert interactions(((0, 1),)) == ((), (0,), (1,), (0, 1))


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


def models_of_four_variables():
    pairs = [frozenset(pair) for pair in combinations(range(4), 2)]
    triples = [frozenset(triple) for triple in combinations(range(4), 3)]
    tested = set()
    for chosen in product([0, 1], repeat=len(pairs + triples)):
        sets = [s for s, keep in zip(pairs + triples, chosen, strict=True) if keep]
        tested.add(as_generators(sets, 4))
    assert len(tested) > 100
    return tested


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


def test_degrees_of_freedom_equal_r():
    data = reference("loglin/r_loglin.json")
    shapes = {table["name"]: table["shape"] for table in data["tables"]}
    for model in data["models"]:
        df = degrees_of_freedom(model["margins"], shapes[model["table"]])
        assert df == model["df"], (model["table"], model["model"])


def test_degrees_of_freedom_are_cells_less_the_rank_of_the_design(rng):
    levels = (2, 3, 2, 2)
    cells = np.array(list(np.ndindex(*levels)))
    for generators in [[(0, 1), (1, 2)], [(0, 1), (1, 2), (0, 2)], [(0, 1, 2), (3,)], [(1,)], []]:
        columns = [np.ones(len(cells))]
        for generator in generators:
            for state in np.ndindex(*(levels[axis] for axis in generator)):
                columns.append((cells[:, generator] == state).all(axis=1).astype(float))
        rank = np.linalg.matrix_rank(np.column_stack(columns))
        assert degrees_of_freedom(generators, levels) == len(cells) - rank


def test_parameters_are_counted_with_and_without_a_list(monkeypatch):
    levels = (2, 3, 2, 4)
    models = models_of_four_variables()
    _num_parameters.cache_clear()  # what is kept would hide the other way of counting
    listed = [degrees_of_freedom(generators, levels) for generators in models]
    monkeypatch.setattr("loglin.hierarchical.generators._MOST_INTERACTIONS", 0)
    _num_parameters.cache_clear()
    assert [degrees_of_freedom(generators, levels) for generators in models] == listed
    _num_parameters.cache_clear()


def test_parameters_of_tables_beyond_64_bits():
    # All pairs of 40 axes of 100 levels: the table has 10^80 cells.
    pairs = list(combinations(range(40), 2))
    assert degrees_of_freedom(pairs, [100] * 40) == 100**40 - (1 + 40 * 99 + 780 * 99**2)


def test_parameters_of_an_interaction_of_40_axes_are_counted_without_a_list_of_its_subsets():
    model = [range(40), (40, 41), (41, 42), (40, 42)]
    assert degrees_of_freedom(model, [2] * 43) == 2**43 - (2**40 + 3 + 3)


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
        (lambda: degrees_of_freedom([(0, 2)], [2, 2]), "`generators` must be from 0 to 1, got 2"),
        (lambda: degrees_of_freedom([(0,)], [0, 2]), "`levels` must be at least 1, got 0"),
        (lambda: all_interactions(3, 4), "`order` must be from 1 to 3, got 4"),
        (lambda: joint_independence(0), "`num_variables` must be from 1 to 10000, got 0"),
    ],
)
def test_bad_input_gets_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "make", [independence, saturated, joint_independence, conditional_independence]
)
def test_models_of_too_many_variables_are_not_begun(make):
    for number in (10_001, 2**63, 2**64):
        with pytest.raises(ValueError, match="`num_variables` must be from . to 10000, got"):
            make(number)


def test_models_of_too_many_interactions_are_not_begun():
    assert len(all_interactions(20, 10)) == 184_756
    with pytest.raises(ValueError, match="`order` must give at most 1,048,576 interactions of 40"):
        all_interactions(40, 20)
