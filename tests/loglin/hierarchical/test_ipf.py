import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loglin import fit
from loglin.hierarchical import ipf
from loglin.hierarchical.generators import as_generators
from tests.depth import usual_or_deep
from tests.loglin.hierarchical.by_the_book import by_the_book


@st.composite
def problems(draw):
    levels = draw(st.lists(st.integers(1, 4), min_size=1, max_size=7))
    axes = st.sets(st.integers(0, len(levels) - 1))
    generators = as_generators(draw(st.lists(axes, max_size=8)), len(levels))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.poisson(draw(st.sampled_from([1.0, 20.0])), levels).astype(float), generators


@settings(deadline=None, max_examples=usual_or_deep(100, 300))
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
