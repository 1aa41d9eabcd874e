"""Log-linear models on the samples of a generative model (Sections 2.2 and 2.3 of the paper).

All functions work on codes: integers 0..L-1 with one column per variable, where each variable has
its own number of levels L. The steps of an analysis are codes -> tables -> selection -> patterns ->
distances -> map.

`tables` makes codes and contingency tables, `hierarchical` fits log-linear models to one table,
`selection` chooses features from samples, `patterns` finds their patterns and the distances between
these, `monitoring` does so for each epoch of a training, and `plots` draws the results.
"""

from loglin.hierarchical import (
    Comparison,
    Effect,
    Fit,
    Fits,
    Junction,
    KWay,
    NotConvergedError,
    Search,
    all_interactions,
    bracket,
    compare,
    conditional_independence,
    degrees_of_freedom,
    fit,
    fit_tables,
    g_squared,
    independence,
    is_decomposable,
    is_graphical,
    joint_independence,
    junction,
    k_way_tests,
    pearson_x2,
    saturated,
    stepwise,
)
from loglin.monitoring import Checkpoint, follow
from loglin.patterns import (
    Patterns,
    embed,
    frequent_patterns,
    kruskal_stress,
    pattern_distances,
    transfer_labels,
    union_of_features,
    union_of_patterns,
)
from loglin.selection import (
    Chance,
    PermutationTest,
    Selection,
    permutation_test,
    select_features,
)
from loglin.tables import (
    categorize,
    contingency_table,
    dichotomize,
    latent_codes,
    normalize,
    size_factors,
)

__all__ = [
    "Chance",
    "Checkpoint",
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
    "follow",
    "frequent_patterns",
    "g_squared",
    "independence",
    "is_decomposable",
    "is_graphical",
    "joint_independence",
    "junction",
    "k_way_tests",
    "kruskal_stress",
    "latent_codes",
    "normalize",
    "pattern_distances",
    "pearson_x2",
    "permutation_test",
    "saturated",
    "select_features",
    "size_factors",
    "stepwise",
    "transfer_labels",
    "union_of_features",
    "union_of_patterns",
]
