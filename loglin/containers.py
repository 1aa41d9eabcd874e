"""Tables in the containers of other packages: data frames, AnnData and sparse matrices.

They are recognized by what they offer, so that none of these packages has to be there. pandas is
imported where a data frame is made.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.validation import as_features, as_table, is_annotated, is_iterable, shown

_BLOCK = 2**22
"""Numbers of a matrix that are dense at the same time."""


class Matrix(NamedTuple):
    """Numbers of a table, with the names of its rows and columns if it has names."""

    values: Any
    """(n, p) numpy array, sparse matrix in columns, or array in a file."""
    rows: Any = None
    """pandas Index, or None."""
    columns: Any = None
    """pandas Index, or None."""

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield the columns in dense blocks."""
        num_rows, num_columns = self.values.shape
        width = max(1, _BLOCK // num_rows)
        for first in range(0, num_columns, width):
            part = slice(first, min(first + width, num_columns))
            block = self.values[:, part]
            dense = block.toarray() if hasattr(block, "toarray") else block
            yield part, np.asarray(dense, np.float64)

    def row_blocks(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield the rows in dense blocks."""
        num_rows, num_columns = self.values.shape
        height = max(1, _BLOCK // num_columns)
        values = self.values.tocsr() if hasattr(self.values, "tocsr") else self.values
        for first in range(0, num_rows, height):
            part = slice(first, min(first + height, num_rows))
            block = values[part]
            dense = block.toarray() if hasattr(block, "toarray") else block
            yield part, np.asarray(dense, np.float64, order="C")

    def name(self, column: int) -> str:
        """Return how a message calls a column."""
        return f"column {column if self.columns is None else repr(str(self.columns[column]))}"

    def map(self, codes_of: Callable[[NDArray[np.float64]], NDArray[Any]], name: str) -> Any:
        """Return codes of all columns, as a data frame if there are names.

        Parameters
        ----------
        codes_of : callable
            From a dense block (n, columns) to its codes.
        name : str
            Name of the argument, for messages.

        Raises
        ------
        ValueError
            If a value is not finite.
        """
        codes = np.empty(self.values.shape, np.int8)
        for part, block in self.blocks():
            is_finite = np.isfinite(block)
            if not is_finite.all():
                row, column = np.argwhere(~is_finite)[0]
                raise ValueError(
                    f"`{name}` must be finite (for logarithms of counts, add one first), "
                    f"got {block[row, column]} in {self.name(part.start + column)}"
                )
            codes[:, part] = codes_of(block)
        return codes if self.columns is None else self.frame(codes)

    def frame(self, values: NDArray[Any]) -> Any:
        """Return a data frame of other values with these names."""
        import pandas as pd

        return pd.DataFrame(values, index=self.rows, columns=self.columns, copy=False)


def as_matrix(values: Any, name: str, layer: str | None = None) -> Matrix:
    """Check that values are a table of real numbers, in whatever container.

    Raises
    ------
    ValueError
        If they are none, or there is no such layer.
    """
    if is_annotated(values):
        matrix = _layer(values, name, layer)
        return Matrix(_by_columns(matrix, name), values.obs_names, values.var_names)
    if layer is not None:
        raise ValueError(f"`layer` is for AnnData, got `{name}` of type {type(values).__name__}")
    if hasattr(values, "columns") and hasattr(values, "dtypes"):
        for column, dtype in zip(values.columns, values.dtypes, strict=True):
            if getattr(dtype, "kind", "O") not in "fiub":
                raise ValueError(
                    f"`{name}` must hold real numbers, got {dtype} in column {str(column)!r}"
                )
        is_plain = all(isinstance(dtype, np.dtype) for dtype in values.dtypes)
        array = values.to_numpy() if is_plain else values.to_numpy(np.float64, na_value=np.nan)
        return Matrix(as_table(array, name), values.index, values.columns)
    return Matrix(_by_columns(values, name))


def _layer(adata: Any, name: str, layer: str | None) -> Any:
    if layer is not None and layer not in adata.layers:
        raise ValueError(f"`layer` must be one of {sorted(adata.layers)}, got {shown(layer)}")
    matrix = adata.X if layer is None else adata.layers[layer]
    if matrix is None:
        raise ValueError(f"`{name}` has no .X: pass `layer`, one of {sorted(adata.layers)}")
    return matrix


def _by_columns(values: Any, name: str) -> Any:
    """Return a matrix whose columns can be sliced."""
    if hasattr(values, "to_memory"):  # a sparse matrix in the file of a backed AnnData
        values = values.to_memory()
    if not hasattr(values, "tocsc"):
        is_in_file = hasattr(values, "chunks") and hasattr(values, "shape")  # an HDF5 data set
        return values if is_in_file else as_table(values, name)
    if values.ndim != 2 or 0 in values.shape or values.dtype.kind not in "fiub":
        raise ValueError(
            f"`{name}` must hold real numbers in at least one row and one column, got "
            f"{values.dtype} of shape {values.shape}"
        )
    return values.tocsc()


def names_of(x: Any) -> list[str] | None:
    """Return the names of the columns of a data frame; None if it has none, or of anything else."""
    columns = getattr(x, "columns", None)
    if columns is None or not hasattr(columns, "dtype") or columns.dtype.kind in "iu":
        return None
    return [str(column) for column in columns]


def check_same_names(names: Sequence[str], expected: Sequence[str], what: str) -> None:
    """Check that the columns of `x` have the names of others, of which there are as many."""
    for got, wanted in zip(names, expected, strict=True):
        if got != wanted:
            raise ValueError(f"`x` must {what}: expected {wanted!r}, got {got!r}")


def as_names(names: Any, num_columns: int) -> list[str] | None:
    """Check that there is a name for each column, or that there are none."""
    if names is None:
        return None
    if isinstance(names, str) or not is_iterable(names):
        raise ValueError(f"`names` must be a sequence of names, got {shown(names)}")
    words = [str(name) for name in names]
    if len(words) != num_columns:
        raise ValueError(f"`names` must be {num_columns}, one per column, got {len(words)}")
    return words


def as_columns_of(
    features: Any, names: Sequence[str] | None, num_columns: int, argument: str = "features"
) -> list[int]:
    """Check a sequence of different columns, by number or by name; return their numbers."""
    return as_features(as_positions(features, names, argument), num_columns, argument)


def as_positions(columns: Any, names: Sequence[str] | None, argument: str) -> Any:
    """Replace names of columns by their positions; leave everything else for others to check.

    Raises
    ------
    ValueError
        If there is no such name, or it is the name of several columns.
    """
    if isinstance(columns, str):
        raise ValueError(f"`{argument}` must be a sequence of columns, got {shown(columns)}")
    if not is_iterable(columns):
        return columns
    found = list(columns)
    if not any(isinstance(column, str) for column in found):
        return found
    if names is None:
        raise ValueError(
            f"`{argument}` must be numbers of columns, got {_first_word(found)!r}: names are known "
            "for data frames only, or where `names` are given"
        )
    return [_position(c, names, argument) if isinstance(c, str) else c for c in found]


def _first_word(columns: list[Any]) -> str:
    return next(str(column) for column in columns if isinstance(column, str))


def _position(word: str, names: Sequence[str], argument: str) -> int:
    places = [place for place, name in enumerate(names) if name == word]
    if len(places) == 1:
        return places[0]
    if places:
        raise ValueError(
            f"`{argument}` must be unique names, got {shown(word)} of {len(places)} columns"
        )
    from difflib import get_close_matches

    close = get_close_matches(word, names, n=1, cutoff=0)
    raise ValueError(f"`{argument}` must be names of columns, such as {close[0]!r}, got {word!r}")
