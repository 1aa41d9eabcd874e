"""The values of cells: whether they are numbers that can be used, and what they are."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from experiments.explore.files.messages import shown

_MOST_LEVELS = 16
"""Whole numbers from here on are counts."""
_OFTEN = 5
"""Cells in which the largest code of a feature occurs at least."""
_PIECE = 2**22
"""Numbers that are looked at at the same time."""


def as_values(values: Any, name: str) -> Any:
    """Return a table of real numbers in the byte order of this machine, sparse if it was.

    Raises
    ------
    ValueError
        If it is none.
    """
    array: Any = values if scipy.sparse.issparse(values) else np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be real numbers, got dtype {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, got shape {array.shape}")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if scipy.sparse.issparse(array):
        array.sum_duplicates()
    return array


def sound(matrix: Any) -> Any:
    """Return a sparse matrix by rows or columns, once its indices are known to be within it.

    Compiled code of scipy takes indices for granted.

    Raises
    ------
    ValueError
        If they are not, or it is in another format.
    """
    if matrix.format not in ("csr", "csc"):
        raise ValueError(f"a sparse matrix must be csr or csc, got {matrix.format}")
    matrix.check_format(full_check=True)
    return matrix


def pieces(values: Any) -> Iterator[NDArray[Any]]:
    """Yield all numbers that are stored, some at a time."""
    stored = values.data if scipy.sparse.issparse(values) else values
    step = max(1, _PIECE // max(1, stored[:1].size))
    for first in range(0, len(stored), step):
        yield stored[first : first + step]


def check_numbers(file: str, values: Any, cells: Sequence[str], genes: Sequence[str]) -> None:
    """Raise a ValueError if a number is not finite, or whole numbers are negative."""
    if not all(np.isfinite(piece).all() for piece in pieces(values)):
        place = _first(values, lambda piece: ~np.isfinite(piece), cells, genes)
        raise ValueError(f"values of {file} must be finite and not missing, got {place}")
    if any((piece < 0).any() for piece in pieces(values)) and are_whole(values):
        place = _first(values, lambda piece: piece < 0, cells, genes)
        raise ValueError(f"counts or codes of {file} must not be negative, got {place}")


def are_whole(values: Any) -> bool:
    """Return whether all values are whole numbers, of whatever type."""
    return values.dtype.kind != "f" or all(
        (np.floor(part) == part).all() for part in pieces(values)
    )


def kind_of(values: Any) -> str:
    """Return what finite values are: "counts", "codes" or "continuous".

    Whole numbers are codes if they are 0 and 1 only, or if they are below 16 and at least half of
    the features have the largest one in at least 5 cells: codes share their levels, while few cells
    reach the largest of all counts. Features that are 0 throughout are not asked.

    >>> kind_of(np.array([[0, 2, 1], [2, 1, 0], [1, 0, 2]] * 5))
    'codes'
    >>> kind_of(np.array([[0, 2, 1], [5, 1, 0], [1, 0, 2]] * 5))
    'counts'
    """
    if not are_whole(values):
        return "continuous"
    most = values.max(axis=0)
    most = most.toarray().ravel() if scipy.sparse.issparse(most) else most
    largest = most.max()
    if largest <= 1:
        return "codes"
    if largest >= _MOST_LEVELS:
        return "counts"
    reached = np.asarray((values == largest).sum(axis=0)).ravel()[most > 0]
    return "codes" if np.median(reached) >= _OFTEN else "counts"


def _first(
    values: Any, is_bad: Callable[[Any], Any], cells: Sequence[str], genes: Sequence[str]
) -> str:
    """Return the first bad value, and where it is."""
    if scipy.sparse.issparse(values):
        stored = values.tocoo()
        place = np.flatnonzero(is_bad(stored.data))[0]
        row, column, value = stored.row[place], stored.col[place], stored.data[place]
    else:
        row = next(row for row, numbers in enumerate(values) if is_bad(numbers).any())
        column = np.flatnonzero(is_bad(values[row]))[0]
        value = values[row, column]
    return f"{value} in gene {shown(genes[column])} of cell {shown(cells[row])}"
