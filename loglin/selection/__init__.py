"""Stepwise selection of features from samples (x, u), by Eq. 1 (Section 2.2).

Each module imports only modules before it: counting -> memory, chunks -> scoring -> chance ->
results -> search -> permutation.
"""

from loglin.selection.chance import Chance
from loglin.selection.permutation import PermutationTest, permutation_test
from loglin.selection.results import Selection
from loglin.selection.search import select_features

__all__ = ["Chance", "PermutationTest", "Selection", "permutation_test", "select_features"]
