from itertools import combinations

import numpy as np
import pytest

from loglin import fit, fit_tables
from loglin.hierarchical import ipf, large_tables
from tests.loglin.hierarchical.by_the_book import by_the_book

CASES = [
    ((2,) * 10, ((0, 4, 9), (1, 5, 8), (2, 6, 7), (0, 3, 9))),
    ((3, 2, 4, 3, 2, 5), tuple(combinations(range(6), 3))),
    ((2,) * 10, tuple(combinations(range(10), 3))),
    ((4, 5, 6), ((0, 1, 2),)),
    ((7, 3, 5), ((0, 1), (2,))),
    ((2, 3), ((0,), (1,))),  # fewer rows than parts
    ((6, 5), ()),
]


@pytest.mark.parametrize(("shape", "generators"), CASES)
@pytest.mark.parametrize("mean", [0.7, 20.0])
def test_a_table_in_parts_is_fitted_as_the_book_says(rng, shape, generators, mean):
    counts = rng.poisson(mean, shape).astype(float)
    limit = 1e-10 * counts.sum()
    expected = np.ones(counts.size)
    plan = ipf.plan(generators, shape)
    iterations, deviation = large_tables.fit(counts.reshape(-1), expected, plan, limit, 40)
    reference, deviation_there = by_the_book(counts, generators, 40)
    if deviation_there <= limit:
        np.testing.assert_allclose(expected.reshape(shape), reference, rtol=1e-6, atol=1e-6)
        assert deviation <= limit
    else:
        np.testing.assert_allclose(expected.reshape(shape), reference, atol=0.3)
    # Cycle by cycle it is what is done in one part, to the rounding of sums.
    whole = np.ones_like(counts)
    cycles = ipf.cycle(counts[None], whole[None], generators, limit, 40)
    assert iterations == cycles.iterations[0]
    np.testing.assert_allclose(expected.reshape(shape), whole, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(deviation, cycles.deviation[0], rtol=1e-6, atol=1e-10)


def test_what_is_not_a_number_stops_and_is_told():
    counts = np.ones(8)
    counts[2] = np.nan
    plan = ipf.plan(((0,), (1, 2)), (2, 2, 2))
    iterations, deviation = large_tables.fit(counts, np.ones(8), plan, 1e-8, 1000)
    assert iterations == 1
    assert np.isnan(deviation)


def test_the_same_bits_by_any_number_of_threads(rng, monkeypatch):
    monkeypatch.setattr(large_tables, "FEWEST_CELLS", 1)
    shape, generators = CASES[2]
    tables = rng.poisson(3.0, (2, *shape)).astype(float)
    start = rng.uniform(0.5, 2.0, shape)
    answers = []
    for cores in (1, 2, 3):
        monkeypatch.setattr(large_tables, "num_cores", lambda cores=cores: cores)
        many = fit_tables(tables, generators)
        alone = fit(tables[1], generators, start=start)
        answers.append((many.expected, many.deviation, alone.expected, alone.deviation))
    for other in answers[1:]:
        for one, same in zip(answers[0], other, strict=True):
            np.testing.assert_array_equal(one, same)
    monkeypatch.setattr(large_tables, "FEWEST_CELLS", 10**9)
    np.testing.assert_allclose(fit_tables(tables, generators).expected, answers[0][0], rtol=1e-9)
    np.testing.assert_allclose(
        fit(tables[1], generators, start=start).expected, answers[0][2], rtol=1e-9
    )
