"""Models to try all of."""

from itertools import combinations, product

from loglin.hierarchical.generators import as_generators


def models_of_four_variables():
    """Return the models of pairs and triples of four variables, as a set."""
    pairs = [frozenset(pair) for pair in combinations(range(4), 2)]
    triples = [frozenset(triple) for triple in combinations(range(4), 3)]
    tested = set()
    for chosen in product([0, 1], repeat=len(pairs + triples)):
        sets = [s for s, keep in zip(pairs + triples, chosen, strict=True) if keep]
        tested.add(as_generators(sets, 4))
    assert len(tested) > 100
    return tested
