"""Cells as they come out of a file, and the checks that all formats have in common."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from experiments.explore.files.messages import shown
from experiments.explore.files.names import as_labels, as_names, check_different
from experiments.explore.files.numbers import as_values, check_numbers, kind_of

FEWEST_CELLS = 50


class Cells(NamedTuple):
    """Cells of a file: values of their features, names, and what else was asked for."""

    values: Any
    """(n, p) finite numbers: a numpy array, or a scipy sparse csr or csc matrix."""
    names: NDArray[np.str_]
    """(n,) of the cells, all different; row numbers from 0 if the file has none."""
    features: NDArray[np.str_]
    """(p,) names, all different."""
    kind: str
    """"counts" (whole numbers >= 0), "codes" (whole numbers 0..L-1 of few levels that most features
    use) or "continuous"; see `kind_of`."""
    labels: NDArray[np.str_] | None
    """(n,) a class of each cell, `NO_LABEL` where it is missing; None if not asked for."""
    latents: NDArray[np.float64] | None
    """(n, r) latents of each cell; None if not asked for."""


def make_cells(
    file: str,
    values: Any,
    names: Iterable[Any],
    features: Iterable[Any],
    labels: Iterable[Any] | None = None,
    latents: Any = None,
    advice: dict[str, str] | None = None,
) -> Cells:
    """Check what a reader found, and find out what the values are.

    Parameters
    ----------
    file : str
        How messages call the file.
    values : (n, p) array or sparse matrix
    names, features, labels : iterables of n, p and n
    latents : (n, r) array, optional
    advice : dict of str, optional
        What to do about names of a "cell" or "gene" that occur twice.

    Raises
    ------
    ValueError
        If anything is not as described in `Cells`, or there are too few cells.
    """
    values = as_values(values, f"the values of {file}")
    cells, genes = as_names(names, "cell", file), as_names(features, "gene", file)
    if values.shape != (len(cells), len(genes)):
        raise ValueError(
            f"the values of {file} must be {len(cells)} cells by {len(genes)} genes as there are "
            f"names, got shape {values.shape}"
        )
    if not genes:
        raise ValueError(f"{file} must have at least one gene, got none")
    check_enough(file, len(cells))
    for kind, words in (("cell", cells), ("gene", genes)):
        check_different(words, kind, file, (advice or {}).get(kind, ""))
    check_numbers(file, values, cells, genes)
    return Cells(
        values,
        np.array(cells, np.str_),
        np.array(genes, np.str_),
        kind_of(values),
        None if labels is None else as_labels(labels, len(cells)),
        None if latents is None else as_latents(latents, cells),
    )


def check_enough(file: str, num_cells: int) -> None:
    """Raise a ValueError if there are too few cells to learn anything from."""
    if num_cells < FEWEST_CELLS:
        raise ValueError(f"{file} must have at least {FEWEST_CELLS} cells, got {num_cells}")


def as_latents(latents: Any, cells: Sequence[str]) -> NDArray[np.float64]:
    """Return latents as numbers.

    Raises
    ------
    ValueError
        If they are not finite numbers, some for each cell.
    """
    if scipy.sparse.issparse(latents):
        latents = latents.toarray()
    table = as_values(latents, "`use_rep`").astype(np.float64)
    if len(table) != len(cells) or not table.shape[1]:
        raise ValueError(
            f"`use_rep` must be latents of each of {len(cells)} cells, got shape {table.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(table).all(axis=1))
    if bad.size:
        raise ValueError(f"`use_rep` must be finite, got NaN or inf in cell {shown(cells[bad[0]])}")
    return table
