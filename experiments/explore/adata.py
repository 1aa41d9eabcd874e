"""Write what was found back to the cells, as an .h5ad file."""

import warnings
from pathlib import Path
from typing import Any

from experiments.explore.coding import Coded
from experiments.explore.files import Cells
from experiments.explore.findings import Findings
from experiments.explore.settings import Input
from loglin.scverse import annotate


def check_keys(file: Path, source: Input, key_added: str) -> None:
    """Check that the AnnData has nothing under the names that are to be added.

    Raises
    ------
    ValueError
        If it has.
    """
    taken = {"obs": {source.labels or ""}}
    if file.suffix.lower() == ".h5ad":
        import h5py

        with h5py.File(file) as opened:
            parts = {"obs": "obs", "var": "raw/var" if source.use_raw else "var", "uns": "uns"}
            taken = {part: _names_in(opened.get(place)) for part, place in parts.items()}
    added = {
        "obs": {f"{key_added}_pattern"},
        "var": {f"{key_added}_{name}" for name in ("rank", "gain", "stand_in_for")},
        "uns": {key_added},
    }
    for part, names in taken.items():
        for name in sorted(added[part] & names):
            raise ValueError(
                f"`key_added` must be new to {file.name}, got {key_added!r}: there is {name!r} in "
                f".{part}"
            )


def _names_in(part: Any) -> set[str]:
    """Return the names in a part of an .h5ad; before anndata 0.7 .obs was one compound array."""
    if part is None:
        return set()
    return set(part.dtype.names or ()) if hasattr(part, "dtype") else set(part)


def write_adata(
    path: Path,
    file: Path,
    source: Input,
    cells: Cells,
    coded: Coded,
    findings: Findings,
    settings: dict[str, str],
    key_added: str,
) -> None:
    """Write the cells of a file with the genes and patterns that were found.

    Cells of a table become an AnnData of their codes. If .raw was used, the AnnData has its genes.
    """
    import pandas as pd

    adata = _read(file, source, cells, coded)
    annotate(
        adata,
        pd.DataFrame(coded.x, cells.names, coded.features),
        findings.selection,
        patterns=findings.patterns if findings.selection.features.size else None,
        alternatives=findings.stand_ins,
        settings={"model": findings.model} | settings,
        key_added=key_added,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    # anndata writes to a path only, which is renamed once it is complete.
    partial = path.with_name(f".{path.name}.partial")
    try:
        adata.write_h5ad(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _read(file: Path, source: Input, cells: Cells, coded: Coded) -> Any:
    import anndata
    import pandas as pd

    if file.suffix.lower() == ".h5ad":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files of older versions
            adata = anndata.read_h5ad(file)
        return adata.raw.to_adata() if source.use_raw else adata
    obs = pd.DataFrame(index=pd.Index(cells.names))
    if cells.labels is not None and source.labels is not None:
        obs[source.labels] = pd.Categorical(cells.labels)
    return anndata.AnnData(coded.x, obs, pd.DataFrame(index=pd.Index(coded.features)))
