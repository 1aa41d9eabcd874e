"""Cells in tables with a header: .csv, .tsv and .parquet."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.explore.files.cells import Cells, check_enough, make_cells
from experiments.explore.files.genes import named_columns
from experiments.explore.files.messages import needed, no_such, reader, shown
from experiments.explore.files.names import as_names, check_different
from experiments.explore.settings import Input

_ADVICE = {"cell": " (if they are classes of cells, give the name of their column as `labels`)"}


def read_text(path: Path, source: Input, use_rep: None = None) -> Cells:
    """Read a .csv or .tsv file, also compressed by gzip; see `read_cells`."""
    pandas = needed("pandas", "reading .csv and .tsv")
    file = shown(path.name)
    is_csv = ".csv" in path.name.lower()[-7:]
    options = {
        "sep": "," if is_csv else "\t",
        "compression": "gzip" if path.name.lower().endswith(".gz") else None,
    }
    with reader(file, f"text in UTF-8, fields separated by {'commas' if is_csv else 'tabs'}"):
        # pandas renames columns whose name occurs twice, so the header is read on its own.
        first = pandas.read_csv(path, header=None, nrows=1, dtype=str, na_filter=False, **options)
        frame = pandas.read_csv(
            path,
            dtype={source.labels: str},
            float_precision="round_trip",
            low_memory=False,
            **options,
        )
    header = first.iloc[0].tolist()
    # Rows that have one field more than the header start with a name, as R writes them.
    if len(header) != frame.shape[1] or isinstance(frame.index, pandas.MultiIndex):
        fields = frame.shape[1] + frame.index.nlevels
        raise ValueError(
            f"{file} must have as many names in its first line as there are columns, got "
            f"{len(header)} names and rows of {fields} fields"
        )
    if _are_values(header[1:] or header):
        raise ValueError(
            f"{file} must have the names of the features in its first line, got the numbers "
            f"{', '.join(header[:3])}"
        )
    has_names = not isinstance(frame.index, pandas.RangeIndex)
    return _from_frame(file, frame, header, has_names, source)


def read_parquet(path: Path, source: Input, use_rep: None = None) -> Cells:
    """Read a .parquet file; see `read_cells`."""
    pandas = needed("pandas", "reading .parquet")
    needed("pyarrow", "reading .parquet")
    file = shown(path.name)
    # Opened here: pyarrow takes folders of the path such as `a=1` for a column.
    with reader(file, ".parquet"), path.open("rb") as opened:
        frame = pandas.read_parquet(opened, engine="pyarrow")
    if isinstance(frame.index, pandas.MultiIndex):
        raise ValueError(f"{file} must have one name for each cell, got {frame.index.nlevels}")
    has_names = not isinstance(frame.index, pandas.RangeIndex)
    return _from_frame(file, frame, [str(name) for name in frame.columns], has_names, source)


def _are_values(header: list[str]) -> bool:
    """Return whether the first line of a table is one of numbers.

    Features may have numbers for names, if they are whole and different.
    """
    try:
        [float(name) for name in header]
    except ValueError:
        return False
    return not all(name.isdecimal() for name in header) or len(set(header)) < len(header)


def _from_frame(file: str, frame: Any, header: list[str], has_names: bool, source: Input) -> Cells:
    """Find names, labels and values among the columns of a table."""
    check_enough(file, len(frame))
    rest = list(range(len(header)))
    labels = None
    if source.labels is not None:
        if source.labels not in header:
            raise no_such(
                "labels", "a column of the table", source.labels, [name for name in header if name]
            )
        rest.remove(header.index(source.labels))
        column = frame.iloc[:, header.index(source.labels)].astype(object)
        labels = column.where(column.notna(), None).tolist()
    names = frame.index
    if not has_names and 0 in rest and (not header[0].strip() or not _is_numeric(frame.iloc[:, 0])):
        names = frame.iloc[:, 0]
        rest.remove(0)
    if names.isna().any():
        row = int(np.flatnonzero(names.isna())[0])
        raise ValueError(f"every cell of {file} must have a name, got none for cell {row}")
    features = as_names([header[column] for column in rest], "gene", file)
    if not features:
        raise ValueError(f"{file} must have a column of numbers with a name, got none")
    check_different(features, "gene", file)
    columns = named_columns(source.genes, features)
    if columns is not None:
        rest, features = [rest[c] for c in columns], [features[c] for c in columns]
    for column in rest:
        if not _is_numeric(frame.iloc[:, column]):
            raise ValueError(
                f"column {shown(header[column])} of {file} must hold numbers, got "
                f"{_not_a_number(frame.iloc[:, column])}: if it is a class of each cell, give its "
                "name as `labels`, otherwise take it out"
            )
    values = _numbers(frame.iloc[:, rest])
    return make_cells(file, values, names, features, labels, advice=_ADVICE)


def _is_numeric(column: Any) -> bool:
    return getattr(column.dtype, "kind", "O") in "fiubc"


def _not_a_number(column: Any) -> str:
    """Return the first value of a column that is no number."""
    for value in column.dropna():
        try:
            float(value)
        except (TypeError, ValueError):
            return shown(value)
    return f"dtype {column.dtype}"


def _numbers(frame: Any) -> Any:
    """Return columns of numbers as an array of a type that holds them all, NaN where missing."""
    is_plain = all(isinstance(dtype, np.dtype) for dtype in frame.dtypes)
    if is_plain:
        return frame.to_numpy(np.result_type(*frame.dtypes))
    return frame.to_numpy(np.float64, na_value=np.nan)
