import numpy as np

from loglin.hierarchical import ipf
from tests.loglin.hierarchical.by_the_book import by_the_book


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
