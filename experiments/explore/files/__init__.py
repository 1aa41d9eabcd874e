"""Cells of one's own from files: .h5ad, .csv, .tsv, .parquet and .npz.

The readers are those of anndata, pandas and numpy. What is here finds the columns that are meant,
checks them, and turns what is wrong into one sentence.
"""

from experiments.explore.files.cells import Cells
from experiments.explore.files.names import NO_LABEL
from experiments.explore.files.reading import read_cells

__all__ = ["NO_LABEL", "Cells", "read_cells"]
