import numpy as np

from loglin.hierarchical.design_matrix import blocks, gram
from loglin.hierarchical.generators import all_interactions

PAIRS = all_interactions(3, 2)


def test_designs_in_pieces_are_the_same(rng, monkeypatch):
    weights = rng.random(24)
    whole = gram(PAIRS, (2, 3, 4), np.arange(24), weights)
    monkeypatch.setattr("loglin.hierarchical.design_matrix._BLOCK_ENTRIES", 50)
    pieces = list(blocks(PAIRS, (2, 3, 4), np.arange(24)))
    assert len(pieces) > 5
    np.testing.assert_allclose(gram(PAIRS, (2, 3, 4), np.arange(24), weights), whole)
