"""Cells in .npz files."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from experiments.explore.files.cells import Cells, make_cells
from experiments.explore.files.genes import named_columns
from experiments.explore.files.messages import listed, no_such, reader, shown
from experiments.explore.files.names import as_names
from experiments.explore.files.numbers import sound
from experiments.explore.settings import Input


def read_arrays(path: Path, source: Input, use_rep: None = None) -> Cells:
    """Read an .npz file; see `read_cells`."""
    file = shown(path.name)
    with reader(file, ".npz of arrays without pickles"), path.open("rb") as opened:
        loaded = np.load(opened, allow_pickle=False)
        arrays = dict(loaded) if isinstance(loaded, np.lib.npyio.NpzFile) else {}
        is_sparse = {"format", "shape", "data", "indices", "indptr"} <= set(arrays)
        if is_sparse and "x" not in arrays:
            opened.seek(0)
            arrays = {"x": sound(scipy.sparse.load_npz(opened))}
    if "x" not in arrays:
        raise ValueError(f"{file} must hold an array `x` (n, p), got {listed(arrays)}")
    x = arrays["x"]
    if x.ndim != 2:
        raise ValueError(f"`x` of {file} must have two dimensions, got shape {x.shape}")
    num_cells, num_features = x.shape
    features = as_names(_words(arrays, "features", num_features, file), "gene", file)
    labels = None
    if source.labels is not None:
        if source.labels not in arrays:
            there = [name for name, array in arrays.items() if array.shape == (num_cells,)]
            raise no_such("labels", f"an array of {file}", source.labels, there)
        labels = _words(arrays, source.labels, num_cells, file)
    columns = named_columns(source.genes, features)
    if columns is not None:
        x, features = x[:, columns], [features[column] for column in columns]
    return make_cells(file, x, _words(arrays, "cells", num_cells, file), features, labels)


def _words(arrays: dict[str, Any], name: str, length: int, file: str) -> list[Any]:
    """Return the entries of an array with one dimension; their numbers if there is none."""
    array = arrays.get(name, np.arange(length))
    if array.shape != (length,):
        raise ValueError(f"`{name}` of {file} must have shape ({length},), got {array.shape}")
    if array.dtype.kind == "S":
        with reader(file, "text in UTF-8"):
            array = np.char.decode(array, "utf-8")
    return list(array.tolist())
