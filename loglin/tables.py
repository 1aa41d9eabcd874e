"""From values to codes, and from codes to contingency tables (Sections 2.2 and 2.5)."""

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_LEVELS = 127
"""Most levels of one variable: codes are stored as int8."""

MAX_TABLE_BYTES = 2**32
"""Largest dense table that is built (4 GiB)."""


def dichotomize(values: ArrayLike, quantile: float = 0.5) -> NDArray[np.int8]:
    """Return 1 where a value is larger than that quantile of its column, else 0 (Sec. 2.5).

    The comparison is strict, so where more than half of a column is zero the median cut
    separates zero from everything above it.

    Parameters
    ----------
    values : (n, p) array
        Real numbers, such as expression or continuous latents.
    quantile : float
        Between 0 and 1; 0.5 cuts at the median.

    Returns
    -------
    (n, p) int8 array

    Raises
    ------
    ValueError
        If `values` is not a table of finite numbers, or `quantile` is not between 0 and 1.

    Examples
    --------
    >>> dichotomize([[0.0, 5.0], [0.0, 7.0], [3.0, 6.0]])
    array([[0, 0],
           [0, 1],
           [1, 0]], dtype=int8)
    """
    values = _as_values(values)
    quantile = as_number(quantile, "quantile", 0, 1)
    return (values > np.quantile(values, quantile, axis=0)).astype(np.int8)


def categorize(values: ArrayLike, num_levels: int) -> NDArray[np.int8]:
    """Return the quantile bin of each value within its column, 0..num_levels-1.

    The bins of a column are cut at its quantiles 1/L, 2/L, ..., (L-1)/L; a value equal to a
    cut falls below it. `dichotomize` is the case of two levels.

    Parameters
    ----------
    values : (n, p) array
    num_levels : int
        From 2 to 127.

    Returns
    -------
    (n, p) int8 array

    Raises
    ------
    ValueError
        As `dichotomize`, or if `num_levels` is out of range.

    Examples
    --------
    >>> categorize([[1.0], [2.0], [3.0], [4.0]], num_levels=4).ravel()
    array([0, 1, 2, 3], dtype=int8)
    """
    values = _as_values(values)
    num_levels = as_count(num_levels, "num_levels", 2, MAX_LEVELS)
    codes = np.zeros(values.shape, np.int8)
    for cut in np.quantile(values, np.arange(1, num_levels) / num_levels, axis=0):
        codes += values > cut
    return codes


def contingency_table(codes: ArrayLike, levels: Sequence[int] | None = None) -> NDArray[np.float64]:
    """Count how often each combination of values occurs.

    Parameters
    ----------
    codes : (n, d) int array
        One column a variable.
    levels : sequence of d ints, optional
        Number of levels of each variable; by default one more than its largest code, at
        least two.

    Returns
    -------
    float64 array of shape `levels`
        Axis i is column i of `codes`.

    Raises
    ------
    ValueError
        If `codes` are no codes, `levels` do not fit them, or the table would be larger than
        `MAX_TABLE_BYTES`.

    Examples
    --------
    >>> contingency_table([[0, 0], [1, 0], [1, 1], [1, 1]])
    array([[1., 0.],
           [1., 2.]])
    """
    codes, levels = as_codes(codes, "codes", levels)
    num_bytes = 8 * prod(levels)
    if num_bytes > MAX_TABLE_BYTES:
        raise ValueError(
            f"the table of `codes` must fit in {MAX_TABLE_BYTES:,} bytes: "
            f"{len(levels)} variables with {prod(levels):,} cells need {num_bytes:,}"
        )
    cells = np.ravel_multi_index(tuple(codes.T.astype(np.intp)), levels)
    return np.bincount(cells, minlength=prod(levels)).reshape(levels).astype(np.float64)


def margin(table: NDArray, axes: tuple[int, ...]) -> NDArray:
    """Add a table up to the margin of some axes, keeping all dimensions."""
    others = tuple(axis for axis in range(table.ndim) if axis not in axes)
    return table.sum(axis=others, keepdims=True)


def as_codes(
    values: ArrayLike, name: str, levels: Sequence[int] | None = None, levels_name: str = "levels"
) -> tuple[NDArray[np.int8], tuple[int, ...]]:
    """Check a table of codes at the door; return it as int8 with each column's number of levels.

    Integers and booleans of any width and order are taken, and floats that are whole numbers.
    """
    codes = as_table(values, name)
    if codes.dtype.kind == "f":
        if np.isnan(codes).any():
            raise ValueError(f"`{name}` must hold codes 0..L-1, got NaN")
        if (codes != np.floor(codes)).any():
            bad = codes[codes != np.floor(codes)][0]
            raise ValueError(
                f"`{name}` must hold whole numbers 0..L-1, got {bad} "
                "(`dichotomize` or `categorize` turn values into codes)"
            )
    smallest, most = codes.min(), codes.max()
    if smallest < 0:
        raise ValueError(f"`{name}` must hold codes 0..L-1, got {smallest}")
    if most >= MAX_LEVELS:
        raise ValueError(
            f"`{name}` must hold codes below {MAX_LEVELS}, the most levels a variable may have, "
            f"got {most}"
        )
    # Columns are looked at one by one, which takes long, only where not all are binary.
    all_binary = np.ones(codes.shape[1], np.int64)
    largest = codes.max(axis=0).astype(np.int64) if most > 1 else all_binary
    if levels is None:
        levels = tuple(np.maximum(largest + 1, 2).tolist())
    else:
        levels = as_levels(levels, levels_name, codes.shape[1], 2, MAX_LEVELS)
        for column, (code, level) in enumerate(zip(largest, levels, strict=True)):
            if code >= level:
                raise ValueError(
                    f"`{name}` must hold codes below `{levels_name}`: column {column} has "
                    f"{level} levels and the code {code}"
                )
    return codes.astype(np.int8, copy=False), levels


def as_table(values: ArrayLike, name: str) -> NDArray[Any]:
    """Check that values are a table of real numbers with rows and columns."""
    array = as_numbers(values, name)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"`{name}` must have two dimensions, at least one row and one column, "
            f"got shape {array.shape}"
        )
    return array


def as_numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    """Check that values are an array of real numbers, none of them masked."""
    try:
        array = np.asarray(values)
    except ValueError:  # numpy's message speaks of inhomogeneous shapes
        raise ValueError(f"`{name}` must have rows of equal length, got ragged ones") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"`{name}` must hold real numbers, got dtype {array.dtype}")
    if np.ma.is_masked(values):
        raise ValueError(f"`{name}` must not be masked, got {np.ma.count_masked(values)} masked")
    return array


def as_frequencies(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Check that values are finite and not negative; return a copy in C order."""
    array = np.array(as_numbers(values, name), np.float64, order="C")
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"`{name}` must have at least one cell, got shape {array.shape}")
    with np.errstate(over="ignore"):
        total = array.sum()
    if not (np.isfinite(total) and array.min() >= 0):
        bad = array[~(np.isfinite(array) & (array >= 0))]
        got = bad[0] if len(bad) else f"a total of {total}"
        raise ValueError(f"`{name}` must hold finite counts of at least 0, got {got}")
    return array


def as_number(value: Any, name: str, smallest: float, largest: float = np.inf) -> float:
    """Check that a setting is a finite number within its range."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ValueError(f"`{name}` must be a number, got {value!r}")
    if not (np.isfinite(value) and smallest <= value <= largest):
        expected = f"between {smallest} and {largest}"
        if largest == np.inf:
            expected = f"a finite number of at least {smallest}"
        raise ValueError(f"`{name}` must be {expected}, got {value}")
    return float(value)


def as_choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """Check that a setting is one of some words."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"`{name}` must be one of {choices}, got {value!r}")
    return value


def check_rows(u: NDArray[Any], x: NDArray[Any]) -> None:
    """Check that there are latents for every sample."""
    if len(u) != len(x):
        raise ValueError(f"`u` must have as many rows as `x`: expected {len(x)}, got {len(u)}")


def as_levels(
    levels: Iterable[int],
    name: str,
    num_variables: int | None = None,
    smallest: int = 1,
    largest: int | None = None,
) -> tuple[int, ...]:
    """Check one number of levels per variable."""
    if not isinstance(levels, Iterable):
        raise ValueError(f"`{name}` must be integers, one a variable, got {levels!r}")
    checked = tuple(as_count(level, name, smallest, largest) for level in levels)
    if num_variables is not None and len(checked) != num_variables:
        raise ValueError(f"`{name}` must be {num_variables}, one a variable, got {len(checked)}")
    return checked


def as_count(value: int, name: str, smallest: int, largest: int | None = None) -> int:
    """Check that a setting is an integer within its range."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"`{name}` must be an integer, got {value!r}")
    if value < smallest or (largest is not None and value > largest):
        expected = f"at least {smallest}" if largest is None else f"from {smallest} to {largest}"
        raise ValueError(f"`{name}` must be {expected}, got {value}")
    return int(value)


def _as_values(values: ArrayLike) -> NDArray[np.float64]:
    array = as_table(values, "values").astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(
            "`values` must be finite (for logarithms of counts, add one first), "
            f"got {array[~np.isfinite(array)][0]}"
        )
    return array
