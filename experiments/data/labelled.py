"""Real data with known classes, as codes: the mouse cortex, blood cells, and handwritten digits.

Nothing here is downloaded: the cortex cells are those of `experiments.data.cortex`, the others come
with scanpy and scikit-learn.
"""

from functools import cache
from importlib.util import find_spec
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.data.cortex import CortexConfig, load_cortex
from loglin import dichotomize

DataName = Literal["cortex", "blood", "digits"]
DESCRIPTIONS: dict[DataName, str] = {
    "cortex": "cells of the mouse cortex, marker genes cut at the median (Tasic et al. 2016)",
    "blood": "blood cells, the 200 most variable genes detected or not (scanpy's pbmc68k_reduced)",
    "digits": "handwritten digits, pixels cut at the median (scikit-learn)",
}
NUM_BLOOD_GENES = 200
SMALLEST_CLASS = 20
"""Classes of the cortex cells with fewer cells are left out."""


class Labelled(NamedTuple):
    """Codes of features, with the class of each sample."""

    x: NDArray[np.int8]
    """(n, p) binary codes."""
    labels: NDArray[np.int64]
    """(n,) number of the class."""


def why_missing(name: DataName) -> str | None:
    """Return why the data cannot be had here, or None."""
    if name == "blood" and find_spec("scanpy") is None:
        return "scanpy is not installed (`pip install scanpy`)"
    return None


@cache
def load_labelled(name: DataName) -> Labelled:
    """Return one of the data sets; features that never or nearly always are 1 are left out.

    Raises
    ------
    OSError
        If the cortex data are not available.
    """
    if name == "cortex":
        cells = load_cortex("markers")
        x, names = CortexConfig().codes(cells), cells.cell_type
        types, counts = np.unique(names, return_counts=True)
        kept = np.isin(names, types[counts >= SMALLEST_CLASS])
        x, names = x[kept], names[kept]
    elif name == "blood":
        from scanpy.datasets import pbmc68k_reduced

        blood = pbmc68k_reduced()
        detected = (blood.raw.to_adata().to_df().to_numpy() > 0).astype(np.int8)
        # A gene varies most if it is on in half of the cells.
        most = np.argsort(np.abs(detected.mean(axis=0) - 0.5), kind="stable")[:NUM_BLOOD_GENES]
        x, names = detected[:, np.sort(most)], blood.obs["bulk_labels"].to_numpy().astype(str)
    else:
        from sklearn.datasets import load_digits

        digits = load_digits()
        x, names = dichotomize(digits.data), digits.target
    share = x.mean(axis=0)
    x = x[:, (share > 0.01) & (share < 0.99)]
    return Labelled(x, np.unique(names, return_inverse=True)[1].astype(np.int64))
