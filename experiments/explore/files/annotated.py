"""Cells in .h5ad files, as AnnData writes them.

Elements are read one by one, so that what is not asked for takes no memory.
"""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from experiments.explore.files.cells import Cells, make_cells
from experiments.explore.files.genes import named_columns
from experiments.explore.files.messages import listed, needed, no_such, reader, shown
from experiments.explore.files.names import as_names
from experiments.explore.files.numbers import sound
from experiments.explore.settings import Input

_PIECE = 2**24
"""Numbers of the matrix, zeros among them, that are read at the same time."""
_ADVICE = {
    "cell": ": `adata.obs_names_make_unique()` makes them so",
    "gene": ": `adata.var_names_make_unique()` makes them so",
}


def read_annotated(path: Path, source: Input, use_rep: str | None = None) -> Cells:
    """Read an .h5ad file; see `read_cells`."""
    needed("anndata", "reading .h5ad")
    h5py = needed("h5py", "reading .h5ad")
    file = shown(path.name)
    if not h5py.is_hdf5(path):
        raise OSError(f"{file} must be an HDF5 file as AnnData writes it, got something else")
    with reader(file, "HDF5"):
        opened = h5py.File(path, "r")
    with opened:
        with reader(file, "HDF5"):
            elsewhere = _first_reference(opened)
        if elsewhere:
            raise OSError(f"{file} must not refer to other files, got {elsewhere}")
        with reader(file, "HDF5"):
            frames = [opened.get(name) for name in ("obs", "var")]
            is_early = all(getattr(getattr(frame, "dtype", None), "names", ()) for frame in frames)
        if not is_early and not all(isinstance(frame, h5py.Group) for frame in frames):
            raise ValueError(f"{file} must hold .obs and .var of an AnnData, got {listed(opened)}")
        if not is_early:
            return _from_elements(file, opened, source, use_rep)
    with _of_today(file, path) as converted:
        return _from_elements(file, converted, source, use_rep)


def _first_reference(opened: Any) -> str | None:
    """Return what in an HDF5 file refers to something else, such as another file."""
    import h5py

    def look(name: str, link: Any) -> str | None:
        if not isinstance(link, h5py.HardLink):
            return f"a link at {shown(name)}"
        element = opened.get(name)
        if isinstance(element, h5py.Dataset) and (element.external or element.is_virtual):
            return f"values from elsewhere at {shown(name)}"
        return None

    found: str | None = opened.visititems_links(look)
    return found


def _of_today(file: str, path: Path) -> Any:
    """Return what a file of an anndata before 0.7 holds, in memory and in the present format."""
    import h5py
    from anndata.io import read_h5ad, write_elem

    with reader(file, ".h5ad"):
        adata = read_h5ad(path)
        adata.uns.clear()
        converted = h5py.File("converted", "w", driver="core", backing_store=False)
        write_elem(converted, "/", adata)
    return converted


def _from_elements(file: str, opened: Any, source: Input, use_rep: str | None) -> Cells:
    """Read what is asked for, small things before the matrix."""
    from anndata.io import read_elem

    with reader(file, ".h5ad"):
        keys = {group: _keys(opened.get(group)) for group in ("layers", "obsm", "raw")}
        has_x = "X" in opened and opened["X"].attrs.get("encoding-type") != "null"
    where = _place_of_matrix(file, keys, has_x, source)
    if use_rep is not None and use_rep not in keys["obsm"]:
        raise no_such("use_rep", "a key of .obsm", use_rep, keys["obsm"])
    with reader(file, ".h5ad"):
        obs = read_elem(opened["obs"])
        var = read_elem(opened["raw/var" if source.use_raw else "var"])
        latents: Any = None if use_rep is None else read_elem(opened["obsm"][use_rep])
    if not (hasattr(obs, "columns") and hasattr(var, "columns")):
        raise ValueError(f"{file} must hold data frames as .obs and .var, got something else")
    labels = None
    if source.labels is not None:
        if source.labels not in obs.columns:
            raise no_such("labels", "a column of .obs", source.labels, obs.columns)
        with reader(file, ".h5ad"):
            column = obs[source.labels].astype(object)
            labels = column.where(column.notna(), None).tolist()
    features = as_names(var.index, "gene", file)
    columns = named_columns(source.genes, features, var)
    with reader(file, ".h5ad"):
        values = _matrix(opened[where], columns)
    if columns is not None:
        features = [features[column] for column in columns]
    if hasattr(latents, "to_numpy"):
        latents = latents.to_numpy()
    return make_cells(file, values, obs.index, features, labels, latents, _ADVICE)


def _keys(group: Any) -> list[str]:
    """Return the names in a group; none where there is no group, or an empty element."""
    return list(group) if hasattr(group, "keys") else []


def _place_of_matrix(file: str, keys: dict[str, list[str]], has_x: bool, source: Input) -> str:
    """Return where the values are that are asked for.

    Raises
    ------
    ValueError
        If they are not there.
    """
    layers = listed(keys["layers"])
    if source.layer is not None:
        if source.layer not in keys["layers"]:
            raise no_such("layer", f"one of the layers of {file}", source.layer, keys["layers"])
        return f"layers/{source.layer}"
    if source.use_raw:
        if not {"X", "var"} <= set(keys["raw"]):
            raise ValueError(
                f"`use_raw` needs .raw, which {file} does not have (found layers: {layers})"
            )
        return "raw/X"
    if not has_x:
        raise ValueError(
            f"{file} must have .X unless `layer` or `use_raw` is given (found layers: {layers})"
        )
    return "X"


def _matrix(element: Any, columns: NDArray[Any] | None) -> Any:
    """Read a matrix; of chosen columns in pieces, so that no more than these are in memory."""
    import h5py
    from anndata.io import read_elem, sparse_dataset

    is_sparse = isinstance(element, h5py.Group)
    if columns is None:
        matrix = read_elem(element)
        return sound(matrix) if is_sparse else matrix
    stored = sparse_dataset(element) if is_sparse else element
    if is_sparse and stored.format == "csc":
        return sound(stored[:, columns])
    step = max(1, _PIECE // max(1, stored.shape[1]))
    rows = (stored[first : first + step] for first in range(0, stored.shape[0], step))
    if is_sparse:
        return scipy.sparse.vstack([sound(part)[:, columns] for part in rows], format="csr")
    return np.concatenate([part[:, columns] for part in rows])
