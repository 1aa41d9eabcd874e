from itertools import combinations

import numpy as np
import pytest

from loglin.hierarchical import ipf
from tests.loglin.hierarchical.by_the_book import by_the_book


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
