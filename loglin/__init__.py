"""Log-linear models on the samples of a generative model (Sections 2.2 and 2.3 of the paper).

Everything here works on codes: integers 0..L-1, one column a variable, each column with its own
number of levels L. The path is codes -> tables -> selection -> patterns -> distances -> map.
"""

from loglin.distances import embed, kruskal_stress, pattern_distances
from loglin.fitting import Fit, fit, g_squared, pearson_x2
from loglin.hierarchy import (
    all_interactions,
    conditional_independence,
    degrees_of_freedom,
    is_decomposable,
    joint_independence,
)
from loglin.patterns import (
    Patterns,
    frequent_patterns,
    transfer_labels,
    union_of_features,
    union_of_patterns,
)
from loglin.selection import Selection, select_features
from loglin.significance import Chance
from loglin.tables import categorize, contingency_table, dichotomize

__all__ = [
    "Chance",
    "Fit",
    "Patterns",
    "Selection",
    "all_interactions",
    "categorize",
    "conditional_independence",
    "contingency_table",
    "degrees_of_freedom",
    "dichotomize",
    "embed",
    "fit",
    "frequent_patterns",
    "g_squared",
    "is_decomposable",
    "joint_independence",
    "kruskal_stress",
    "pattern_distances",
    "pearson_x2",
    "select_features",
    "transfer_labels",
    "union_of_features",
    "union_of_patterns",
]
