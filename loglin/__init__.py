"""Log-linear models on the samples of a generative model (Sections 2.2 and 2.3 of the paper).

Everything here works on codes: integers 0..L-1, one column a variable, each column with its own
number of levels L. The path is codes -> tables -> selection -> patterns -> distances -> map.
"""

from loglin.comparison import Comparison, KWay, Search, compare, k_way_tests, stepwise
from loglin.distances import embed, kruskal_stress, pattern_distances
from loglin.fitting import (
    Fit,
    Fits,
    NotConvergedError,
    fit,
    fit_tables,
)
from loglin.formulas import bracket
from loglin.goodness import g_squared, pearson_x2
from loglin.hierarchy import (
    Junction,
    all_interactions,
    conditional_independence,
    degrees_of_freedom,
    independence,
    is_decomposable,
    is_graphical,
    joint_independence,
    junction,
    saturated,
)
from loglin.inference import Effect
from loglin.patterns import (
    Patterns,
    frequent_patterns,
    transfer_labels,
    union_of_features,
    union_of_patterns,
)
from loglin.permutation import PermutationTest, permutation_test
from loglin.selection import Selection, select_features
from loglin.significance import Chance
from loglin.tables import categorize, contingency_table, dichotomize

__all__ = [
    "Chance",
    "Comparison",
    "Effect",
    "Fit",
    "Fits",
    "Junction",
    "KWay",
    "NotConvergedError",
    "Patterns",
    "PermutationTest",
    "Search",
    "Selection",
    "all_interactions",
    "bracket",
    "categorize",
    "compare",
    "conditional_independence",
    "contingency_table",
    "degrees_of_freedom",
    "dichotomize",
    "embed",
    "fit",
    "fit_tables",
    "frequent_patterns",
    "g_squared",
    "independence",
    "is_decomposable",
    "is_graphical",
    "joint_independence",
    "junction",
    "k_way_tests",
    "kruskal_stress",
    "pattern_distances",
    "pearson_x2",
    "permutation_test",
    "saturated",
    "select_features",
    "stepwise",
    "transfer_labels",
    "union_of_features",
    "union_of_patterns",
]
