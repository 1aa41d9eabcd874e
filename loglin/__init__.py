"""Log-linear models on the samples of a generative model (Sections 2.2 and 2.3 of the paper).

All functions work on codes: integers 0..L-1 with one column per variable, where each variable has
its own number of levels L. The steps of an analysis are codes -> tables -> selection -> patterns ->
distances -> map.

`tables` makes codes and contingency tables, `hierarchical` fits log-linear models to one table,
`selection` chooses features from samples, `patterns` finds their patterns and the distances between
these, `monitoring` does so for each epoch of a training, `scverse` for an AnnData, `selector` for
scikit-learn, and `plots` draws the results. Codes of a data frame or AnnData keep their names.
"""

from typing import TYPE_CHECKING, Any

from loglin import get
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
from loglin.scverse import annotate, explain
from loglin.selection import (
    COVERING,
    Chance,
    Coverage,
    PermutationTest,
    Selection,
    Stability,
    StandIns,
    coverage,
    permutation_test,
    select_features,
    stability,
    stand_ins,
)
from loglin.tables import (
    categorize,
    contingency_table,
    dichotomize,
    latent_codes,
    normalize,
    size_factors,
)

if TYPE_CHECKING:
    from loglin.selector import LogLinearSelector
else:

    def __getattr__(name: str) -> Any:
        """Import the selector when it is asked for, since scikit-learn is slow to import."""
        if name == "LogLinearSelector":
            from loglin.selector import LogLinearSelector

            return LogLinearSelector
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "COVERING",
    "Chance",
    "Checkpoint",
    "Comparison",
    "Coverage",
    "Effect",
    "Fit",
    "Fits",
    "Junction",
    "KWay",
    "LogLinearSelector",
    "NotConvergedError",
    "Patterns",
    "PermutationTest",
    "Search",
    "Selection",
    "Stability",
    "StandIns",
    "all_interactions",
    "annotate",
    "bracket",
    "categorize",
    "compare",
    "conditional_independence",
    "contingency_table",
    "coverage",
    "degrees_of_freedom",
    "dichotomize",
    "embed",
    "explain",
    "fit",
    "fit_tables",
    "follow",
    "frequent_patterns",
    "g_squared",
    "get",
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
    "stability",
    "stand_ins",
    "stepwise",
    "transfer_labels",
    "union_of_features",
    "union_of_patterns",
]
