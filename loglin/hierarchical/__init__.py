"""Hierarchical log-linear models of one contingency table, as in R's `loglin` (Section 2.2).

Each module imports only modules before it: formulas -> generators -> graphs -> parameters ->
design_matrix, decomposable, goodness_of_fit -> existence, inference -> results; factored,
large_tables -> ipf -> fitting -> comparison -> search. Modules with an underscore are compiled.
"""

from loglin.hierarchical.comparison import Comparison, KWay, compare, k_way_tests
from loglin.hierarchical.fitting import NotConvergedError, fit, fit_tables
from loglin.hierarchical.formulas import bracket
from loglin.hierarchical.generators import (
    all_interactions,
    conditional_independence,
    independence,
    joint_independence,
    saturated,
)
from loglin.hierarchical.goodness_of_fit import g_squared, pearson_x2
from loglin.hierarchical.graphs import Junction, is_decomposable, is_graphical, junction
from loglin.hierarchical.inference import Effect
from loglin.hierarchical.parameters import degrees_of_freedom
from loglin.hierarchical.results import Fit, Fits
from loglin.hierarchical.search import Search, Step, stepwise

__all__ = [
    "Comparison",
    "Effect",
    "Fit",
    "Fits",
    "Junction",
    "KWay",
    "NotConvergedError",
    "Search",
    "Step",
    "all_interactions",
    "bracket",
    "compare",
    "conditional_independence",
    "degrees_of_freedom",
    "fit",
    "fit_tables",
    "g_squared",
    "independence",
    "is_decomposable",
    "is_graphical",
    "joint_independence",
    "junction",
    "k_way_tests",
    "pearson_x2",
    "saturated",
    "stepwise",
]
