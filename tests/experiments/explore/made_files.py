"""Cells that are made for tests, and files of them."""

import warnings

import numpy as np

NUM_CELLS, NUM_GENES = 60, 4
NAMES = np.array([f"cell {i}" for i in range(NUM_CELLS)])
GENES = np.array(["Gad1", "Sst", "Vip", "Pvalb"])
CLASSES = np.array(["neuron", "glia", "other"])[np.arange(NUM_CELLS) % 3]


def made_counts(seed=0):
    """Return counts (60, 4), most of them 0, of which the largest is in one gene."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(3.0, (NUM_CELLS, NUM_GENES)) * (rng.random((NUM_CELLS, NUM_GENES)) < 0.4)
    counts[7, 2] = 40
    return counts


def made_logs():
    return np.log1p(made_counts()) - 0.1


def write_annotated(path, x, genes=GENES, names=NAMES, labels=CLASSES, **parts):
    """Write an .h5ad with labels in the column `type`; return the path."""
    import anndata
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # names that occur twice
        obs = pd.DataFrame({"type": labels}, index=list(names))
        raw = parts.pop("raw", None)
        var = pd.DataFrame({"chosen": np.arange(len(genes)) % 2 == 1, "length": 5}, list(genes))
        adata = anndata.AnnData(x, obs=obs, var=var, **parts)
        if raw is not None:
            adata.raw = raw
        adata.write_h5ad(path)
    return path


def write_csv(path, x, genes=GENES, names=NAMES, labels=None, sep=","):
    """Write a table with a header, a column without name for the cells, and one for labels."""
    import pandas as pd

    frame = pd.DataFrame(x, index=None if names is None else list(names), columns=list(genes))
    if labels is not None:
        frame["type"] = list(labels)
    frame.to_csv(path, sep=sep, index=names is not None)
    return path
