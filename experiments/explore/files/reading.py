"""Read cells from a file of any format."""

from collections.abc import Callable
from pathlib import Path

from experiments.explore.files.annotated import read_annotated
from experiments.explore.files.arrays import read_arrays
from experiments.explore.files.cells import Cells
from experiments.explore.files.genes import most_variable
from experiments.explore.files.messages import shown
from experiments.explore.files.tables import read_parquet, read_text
from experiments.explore.settings import Input

READERS: dict[str, Callable[..., Cells]] = {
    ".h5ad": read_annotated,
    ".csv": read_text,
    ".csv.gz": read_text,
    ".tsv": read_text,
    ".tsv.gz": read_text,
    ".parquet": read_parquet,
    ".npz": read_arrays,
}
_ONLY_ANNOTATED = {"layer": None, "use_raw": False}
"""Settings that need .h5ad, and their defaults."""


def read_cells(path: Path, source: Input, use_rep: str | None = None) -> Cells:
    """Read the cells of a file.

    Parameters
    ----------
    path : Path
        .h5ad as of anndata, with dense or sparse values. .csv, .tsv (also .gz) or .parquet with
        a row for each cell and the names of the features above; the first column holds the names
        of the cells if it has no name, or holds text. .npz with an array `x` (n, p) and, if they
        are known, `features` and `cells`; or as written by `scipy.sparse.save_npz`.
    source : Input
        Which genes and which of the values are meant. `labels` names a column of .obs or of the
        table, or an array of the .npz.
    use_rep : str, optional
        Key in .obsm of the latents of the cells, for .h5ad.

    Returns
    -------
    Cells

    Raises
    ------
    ValueError
        If something asked for is not in the file, or what is there is not what it must be.
    OSError
        If the file is not there, is damaged, refers to other files, or a package for it is missing.
    """
    suffix = _readable(path)
    if suffix != ".h5ad":
        given = [
            name for name, default in _ONLY_ANNOTATED.items() if getattr(source, name) != default
        ]
        given += ["use_rep"] if use_rep is not None else []
        if given:
            raise ValueError(f"`{given[0]}` is for .h5ad files, got {shown(path.name)}")
    cells = READERS[suffix](path, source, use_rep)
    if source.genes is not None and source.genes.isdecimal():
        return most_variable(cells, int(source.genes))
    return cells


def _readable(path: Path) -> str:
    """Return the suffix by which the format is known.

    Raises
    ------
    ValueError
        If it is not known.
    OSError
        If there is no such file, or nothing in it.
    """
    file = shown(path.name)
    if not path.exists():
        raise OSError(f"there is no file {shown(path, 150)}")
    if not path.is_file():
        raise OSError(f"{shown(path, 150)} must be a file, got something else, such as a folder")
    suffix = next((known for known in READERS if path.name.lower().endswith(known)), "")
    if not suffix:
        raise ValueError(f"the name of a file must end in one of {', '.join(READERS)}, got {file}")
    if path.stat().st_size == 0:
        raise OSError(f"{file} must hold cells, got an empty file")
    return suffix
