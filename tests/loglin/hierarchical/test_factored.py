from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from loglin import fit, fit_tables
from loglin.hierarchical import factored, ipf
from loglin.hierarchical.generators import as_generators
from tests.depth import usual_or_deep
from tests.loglin.hierarchical.by_the_book import by_the_book


def is_factored(generators, shape):
    return factored.divide(ipf.in_order(generators), shape) is not None


@st.composite
def problems(draw):
    """Tables of odd sizes with axes of one level, some with zeros, and models of near axes."""
    levels = draw(
        st.sampled_from([(5, 3, 1, 7, 3, 11), (2,) * 11, (3, 4, 2, 5, 3, 9), (13, 12, 15)])
    )
    num_axes = len(levels)
    near = [
        axes
        for size in (1, 2, 3)
        for axes in combinations(range(num_axes), size)
        if axes[-1] - axes[0] < 3 or size < 3
    ]
    chosen = draw(st.lists(st.sampled_from(near), min_size=1, max_size=8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    counts = rng.poisson(draw(st.sampled_from([0.5, 20.0])), levels).astype(float)
    return counts, as_generators(chosen, num_axes)


@settings(deadline=None, max_examples=usual_or_deep(40, 200))
@given(problems())
def test_factors_fit_as_the_book_says(problem):
    counts, generators = problem
    limit = 1e-11 * counts.sum()
    expected = np.full_like(counts, np.nan)
    cycles = ipf.cycle(counts[None], expected[None], generators, limit, 300, from_ones=True)
    reference, deviation = by_the_book(counts, generators, 300)
    if deviation <= limit:
        np.testing.assert_allclose(expected, reference, rtol=1e-6, atol=1e-6)
        assert cycles.deviation[0] <= limit
    else:  # on the way to the boundary, where orders of the generators differ
        np.testing.assert_allclose(expected, reference, atol=0.2)
    assert ((expected == 0) >= (reference == 0)).all()


def test_models_of_both_kinds_are_tested(rng):
    pairs = tuple(combinations(range(6), 2))
    assert is_factored(pairs, (5, 3, 1, 7, 3, 11))
    assert is_factored(((0, 1), (1, 2)), (13, 12, 15))
    assert not is_factored(((0, 1, 2),), (13, 12, 15))
    assert not is_factored(pairs, (2,) * 6)
    assert not is_factored(((0, 5, 10), (1, 3, 8)), (2,) * 11)  # in no two of three groups


def test_deviation_and_cycles_are_those_of_the_book(rng):
    # With these three generators the order of the blocks is that of the book.
    counts = rng.gamma(2.0, 10.0, (13, 12, 15))
    generators = ((0, 1), (0, 2), (1, 2))
    for num_cycles in (1, 2, 3):
        expected = np.empty_like(counts)
        cycles = ipf.cycle(
            counts[None], expected[None], generators, 0.0, num_cycles, from_ones=True
        )
        reference, deviation = by_the_book(counts, generators, num_cycles)
        np.testing.assert_allclose(expected, reference, rtol=1e-12)
        np.testing.assert_allclose(cycles.deviation[0], deviation, rtol=1e-9)
        assert cycles.iterations[0] == num_cycles


@pytest.mark.parametrize("shape", [(3, 5, 7), (2, 1, 9), (17, 4, 33)])
def test_margins_and_products_by_their_definition(rng, shape):
    table = rng.gamma(2.0, 1.0, shape)
    pq, pr, qr = factored.margins(table, shape)
    np.testing.assert_allclose(pq, table.sum(axis=2))
    np.testing.assert_allclose(pr, table.sum(axis=1))
    np.testing.assert_allclose(qr, table.sum(axis=0))
    product = np.empty(shape)
    factored.write((pq, pr, qr), product)
    np.testing.assert_allclose(product, np.einsum("pq,pr,qr->pqr", pq, pr, qr))


def test_factors_that_would_leave_the_range_of_floats(rng):
    # The factor of the first block takes the whole size of the counts.
    counts = rng.gamma(2.0, 10.0, (13, 12, 15))
    generators = ((0, 1), (0, 2), (1, 2))
    model = factored.divide(generators, counts.shape)
    untouched = np.full_like(counts, 7.0)
    assert factored.fit(1e150 * counts, untouched, model, 0.0, 5) is None
    assert (untouched == 7).all()
    ours = fit(1e150 * counts, generators)
    assert ours.converged
    np.testing.assert_allclose(ours.expected / 1e150, fit(counts, generators).expected, rtol=1e-7)
    # One such table among others does not change these.
    many = fit_tables([counts, 1e150 * counts], generators)
    np.testing.assert_array_equal(many.expected[0], fit(counts, generators).expected)
    np.testing.assert_array_equal(many.expected[1], ours.expected)


def test_the_same_bits_by_any_number_of_threads(rng, monkeypatch):
    counts = rng.poisson(3.0, (2,) * 18).astype(float)
    chain = [(i, i + 1) for i in range(17)]
    answers = []
    for cores in (1, 2, 5):
        monkeypatch.setattr("loglin._threads.num_cores", lambda cores=cores: cores)
        fitted = fit(counts, chain, method="ipf")
        answers.append((fitted.expected, fitted.deviation, fitted.g2, fitted.x2))
    for other in answers[1:]:
        for one, same in zip(answers[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_the_same_bits_by_any_number_of_threads_of_blas(rng):
    shape, pairs = (80, 90, 100), tuple(combinations(range(3), 2))
    counts = rng.poisson(20.0, shape) + 1.0
    assert is_factored(pairs, shape)
    answers = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads, user_api="blas"):
            answers.append(fit(counts, pairs).expected)
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])
