"""Genes selected by non-negative matrix factorization and by the DBM (Section 3.2.4).

Both are fitted to the same training cells and chosen on the same held-out cells: the DBM by the
Cramer statistic, the factorization by the Davies-Bouldin index of the held-out cells, labelled by
the training cells with the same pattern.
"""

from experiments.studies.nmf.experiment import Config, units
from experiments.studies.nmf.statements import summarize

__all__ = ["Config", "summarize", "units"]
