"""Genes by non-negative matrix factorization, beside those of the DBM (Section 3.2.4).

Both see the same cells for training and are chosen by the cells held out: the DBM by the Cramer
statistic, the factorization by the Davies-Bouldin index of these cells, labelled by the training
cells that carry the same pattern.
"""

from experiments.studies.nmf.experiment import Config, units
from experiments.studies.nmf.statements import summarize

__all__ = ["Config", "summarize", "units"]
