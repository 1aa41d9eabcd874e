"""Stepwise selection of features from samples (x, u) (Section 2.2).

Each module imports only modules before it: counting -> memory, chunks -> sources -> scoring ->
chance -> results, steps -> search -> permutation, stand_ins; coverage and stability stand alone.
"""

from loglin.selection.chance import Chance
from loglin.selection.coverage import Coverage, coverage
from loglin.selection.permutation import PermutationTest, permutation_test
from loglin.selection.results import Selection
from loglin.selection.search import COVERING, select_features
from loglin.selection.stability import Stability, stability
from loglin.selection.stand_ins import StandIns, stand_ins

__all__ = [
    "COVERING",
    "Chance",
    "Coverage",
    "PermutationTest",
    "Selection",
    "Stability",
    "StandIns",
    "coverage",
    "permutation_test",
    "select_features",
    "stability",
    "stand_ins",
]
