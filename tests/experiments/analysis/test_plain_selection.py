import numpy as np

from experiments.analysis.plain_selection import joint_g2, select_from_tables
from loglin import fit, select_features


def test_the_plain_way_selects_the_same(rng):
    u = rng.integers(2, size=(200, 2)).astype(np.int8)
    x = rng.integers(2, size=(200, 5)).astype(np.int8)
    x[:, 3] = u[:, 1] ^ (rng.random(200) < 0.2)
    assert select_from_tables(x, u, 3) == select_features(x, u, 3).features.tolist()


def test_g2_is_that_of_independence(rng):
    table = rng.integers(1, 20, size=(4, 2)).astype(float)
    np.testing.assert_allclose(joint_g2(table), fit(table, [(0,), (1,)]).g2, rtol=1e-6)
