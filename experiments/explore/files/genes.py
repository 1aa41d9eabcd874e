"""Which genes of a file are used."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.explore.files.cells import Cells
from experiments.explore.files.messages import listed, no_such, shown


def named_columns(genes: str | None, features: list[str], var: Any = None) -> NDArray[Any] | None:
    """Return the columns of the genes that a file or a column of .var names, in the data's order.

    Parameters
    ----------
    genes : str, optional
        As `Input.genes`.
    features : list of p
        Names of all genes.
    var : data frame of p rows, optional
        What else is known of them, if it is.

    Returns
    -------
    int array, or None if all genes are used or their number is given

    Raises
    ------
    ValueError
        If there is no such column or gene, or none is named.
    """
    if genes is None or genes.isdecimal():
        return None
    is_kept = _true_in(genes, var) if genes.startswith("var:") else _in_file(genes, features)
    if not is_kept.any():
        raise ValueError(f"`genes` must name at least one gene, got none from {shown(genes)}")
    return np.flatnonzero(is_kept)


def _true_in(genes: str, var: Any) -> NDArray[np.bool_]:
    column = genes.removeprefix("var:")
    if var is None:
        raise ValueError(f"`genes` can be a column of .var in .h5ad files only, got {shown(genes)}")
    if column not in var.columns:
        raise no_such("genes", "a column of .var", column, var.columns)
    values = var[column].to_numpy()
    if values.dtype.kind != "b":
        raise ValueError(
            f"`genes` must be a column of .var that is true or false, got dtype {values.dtype} in "
            f"{shown(column)}"
        )
    return np.asarray(values)


def _in_file(genes: str, features: list[str]) -> NDArray[np.bool_]:
    expected = "`genes` must be a number, var:COLUMN, or a text file with a name in each line"
    try:
        lines = Path(genes).read_text("utf-8-sig").split("\n")
    except (OSError, ValueError):
        raise ValueError(f"{expected}, got {shown(genes)}, which cannot be read as text") from None
    names = {line.strip() for line in lines} - {""}
    # In the order of the file, for the message.
    unknown = [line.strip() for line in lines if line.strip() in names.difference(features)]
    if unknown:
        raise ValueError(
            f"`genes` must name genes of the data, which are named like {shown(features[0])}, got "
            f"{listed(unknown, 5)}"
        )
    return np.array([feature in names for feature in features])


def most_variable(cells: Cells, number: int) -> Cells:
    """Return the cells with their most variable genes, as scanpy finds them, in the data's order.

    Counts are normalized and their logarithms taken for it, in a copy.

    Raises
    ------
    ValueError
        If there are fewer genes, values are negative, or scanpy is not installed.
    """
    if not 0 < number <= len(cells.features):
        raise ValueError(
            f"`genes` must be from 1 to {len(cells.features)}, the number of genes, got {number}"
        )
    if number == len(cells.features):
        return cells
    if cells.values.min() < 0:
        raise ValueError(
            f"`genes` = {number} needs counts or their logarithms, got negative values such as "
            f"{cells.values.min():.3g}: name the genes in a file, or give `layer` or `use_raw`"
        )
    try:
        import anndata
        import scanpy
    except ImportError:
        raise ValueError(
            f"`genes` = {number}, the most variable ones, needs scanpy: `pip install scanpy`"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about coming versions, and types of columns
        adata = anndata.AnnData(cells.values.astype(np.float32))
        if cells.kind == "counts":
            scanpy.pp.normalize_total(adata)
            scanpy.pp.log1p(adata)
        table = scanpy.pp.highly_variable_genes(adata, n_top_genes=number, inplace=False)
    # Ranked again: scanpy's choice may be larger where genes tie, or smaller.
    dispersions = table["dispersions_norm"].fillna(-np.inf).to_numpy()
    kept = np.sort(np.argsort(-dispersions, kind="stable")[:number])
    return cells._replace(values=cells.values[:, kept], features=cells.features[kept])
