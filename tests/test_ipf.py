from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import fit, ipf
from loglin.hierarchy import as_generators


def by_the_book(counts, generators, num_cycles):
    """Iterative proportional fitting as textbooks write it, so many cycles."""
    expected = np.ones_like(counts)
    for _ in range(num_cycles):
        deviation = 0.0
        for axes in generators or ((),):
            others = tuple(axis for axis in range(counts.ndim) if axis not in axes)
            target, fitted = (t.sum(axis=others, keepdims=True) for t in (counts, expected))
            deviation = max(deviation, np.abs(target - fitted).max())
            ratio = np.divide(target, fitted, where=fitted > 0, out=np.zeros_like(target))
            expected = expected * ratio
    return expected, deviation


@st.composite
def problems(draw):
    levels = draw(st.lists(st.integers(1, 4), min_size=1, max_size=7))
    axes = st.sets(st.integers(0, len(levels) - 1))
    generators = as_generators(draw(st.lists(axes, max_size=8)), len(levels))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.poisson(draw(st.sampled_from([1.0, 20.0])), levels).astype(float), generators


@settings(deadline=None, max_examples=300)
@given(problems())
def test_any_plan_fits_as_the_book_says(problem):
    counts, generators = problem
    limit = 1e-11 * max(1.0, counts.sum())
    expected = np.ones_like(counts)
    cycles = ipf.cycle(counts[None], expected[None], generators, limit, 300)
    reference, deviation = by_the_book(counts, generators, 300)
    if deviation > limit:  # on the way to the boundary, where orders of the generators differ
        assert cycles.iterations[0] > 20
        np.testing.assert_allclose(expected, reference, atol=0.2)
    else:
        np.testing.assert_allclose(expected, reference, rtol=1e-6, atol=1e-6)
    # Ones that are only said to be there are the same, to the rounding.
    unset = np.full_like(counts, np.nan)
    again = ipf.cycle(counts[None], unset[None], generators, limit, 300, from_ones=True)
    np.testing.assert_allclose(unset, expected, rtol=1e-9, atol=1e-9)
    assert abs(again.iterations[0] - cycles.iterations[0]) <= 1


@pytest.mark.parametrize(
    ("levels", "order"), [((2,) * 12, 2), ((5,) * 5, 2), ((2,) * 10, 3), ((3, 2, 4, 3, 2, 5), 3)]
)
def test_each_cycle_of_a_model_with_blocks_in_blocks(rng, levels, order):
    counts = rng.gamma(2.0, 10.0, levels)
    generators = tuple(combinations(range(len(levels)), order))
    plan = ipf.plan(generators, levels)
    blocks = plan.steps[:, 0] == 0
    assert (plan.steps[blocks, 1] >= 0).any()  # a table that is itself a block has blocks
    # A cycle is the textbook's with another order of generators: both stop at the same fit.
    expected = np.ones_like(counts)
    cycles = ipf.cycle(counts[None], expected[None], generators, 1e-10 * counts.sum(), 1000)
    reference, _ = by_the_book(counts, generators, int(cycles.iterations[0]) + 5)
    np.testing.assert_allclose(expected, reference, rtol=1e-7)


def test_deviation_and_cycles_are_those_of_the_book(rng):
    # Small enough to be fitted without blocks, so in the order of the generators.
    counts = rng.gamma(2.0, 10.0, (2, 3, 2))
    generators = ((0, 1), (0, 2), (1, 2))
    for num_cycles in (1, 2, 3, 4):
        expected = np.ones_like(counts)
        cycles = ipf.cycle(counts[None], expected[None], generators, 0.0, num_cycles)
        reference, deviation = by_the_book(counts, generators, num_cycles)
        assert cycles.iterations[0] == num_cycles
        np.testing.assert_allclose(expected, reference, rtol=1e-12)
        np.testing.assert_allclose(cycles.deviation[0], deviation, rtol=1e-9)


def test_what_is_not_a_number_stops_and_is_told():
    counts = np.ones((2, 2, 2))
    counts[0, 1, 0] = np.nan
    cycles = ipf.cycle(counts[None], np.ones((1, 2, 2, 2)), ((0,), (1, 2)), 1e-8, 1000)
    assert cycles.iterations[0] == 1
    assert np.isnan(cycles.deviation[0])


@pytest.mark.parametrize("num_axes", [3, 8, 14])
def test_a_chain_is_fitted_by_the_first_cycle(rng, num_axes):
    counts = rng.gamma(2.0, 10.0, (2,) * num_axes)
    chain = [(i, i + 1) for i in range(num_axes - 1)]
    fitted = fit(counts, chain, method="ipf")
    assert fitted.iterations == 2
    np.testing.assert_allclose(fitted.expected, fit(counts, chain).expected, rtol=1e-9)


def test_a_large_table_equals_its_closed_form(rng):
    counts = rng.poisson(3.0, (2,) * 18).astype(float)
    model = [tuple(range(9)), tuple(range(6, 15)), (14, 15, 16), (17,)]
    np.testing.assert_allclose(
        fit(counts, model, method="ipf").expected, fit(counts, model).expected, rtol=1e-8
    )
