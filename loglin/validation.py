"""Check the arguments of public functions.

Each error message names the argument, what was expected, and what was given.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin import _validation_kernels as _kernels
from loglin._threads import by_parts, num_cores, threads_for

MAX_LEVELS = 127
"""Largest number of levels of a variable: codes are stored as int8."""
_MANY = 2**26
"""Threads look through more bytes than this."""
_LONGEST = 200
"""Characters of a given value that a message shows."""


def shown(value: Any) -> str:
    """Return how a message shows what was given: in one line, and not too long.

    >>> shown(np.zeros((2, 2))), len(shown("a" * 1000))
    ('array([[0., 0.], [0., 0.]])', 200)
    """
    text = " ".join(part.strip() for part in repr(value).splitlines())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def is_iterable(value: Any) -> TypeGuard[Iterable[Any]]:
    """Tell whether a value can be iterated over; an array without axes only looks as if."""
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) > 0


def as_codes(
    values: ArrayLike,
    name: str,
    levels: Sequence[int] | None = None,
    levels_name: str = "levels",
    num_threads: int | None = None,
) -> tuple[NDArray[np.int8], tuple[int, ...]]:
    """Check a table of codes; return it as int8, with the number of levels of each column.

    Integers and booleans of any width and order are accepted, and floats that are whole numbers.
    Large tables are looked at by `num_threads` threads, by default one on each core.
    """
    if is_annotated(values):
        raise ValueError(
            f"`{name}` must be an array of codes, got {type(values).__name__}: pass "
            f"`dichotomize({name})`"
        )
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
    # Where codes are bytes, a negative one is above 127 if read as unsigned: one pass for both.
    is_bytes = codes.dtype == np.int8
    most = _largest_byte(codes.view(np.uint8), num_threads) if is_bytes else codes.max()
    smallest = 0 if is_bytes and most < 128 else codes.min()
    if smallest < 0:
        raise ValueError(f"`{name}` must hold codes 0..L-1, got {smallest}")
    if most >= MAX_LEVELS:
        raise ValueError(
            f"`{name}` must hold codes below {MAX_LEVELS}, the most levels a variable may have, "
            f"got {most}"
        )
    # The maxima of the columns are slow to compute; they are not needed if all codes are 0 or 1.
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


def _largest_byte(codes: NDArray[np.uint8], num_threads: int | None) -> int:
    """Return the maximum, by threads if there are many codes."""
    found: list[int] = []

    def look(part: slice) -> None:
        found.append(int(codes[part].max(initial=0)))

    by_parts(look, len(codes), (num_threads or num_cores()) if codes.size > _MANY else 1)
    return max(found)


def as_table(values: ArrayLike, name: str) -> NDArray[Any]:
    """Check that values are a table of real numbers with rows and columns."""
    array = as_numbers(values, name)
    if array.ndim == 1 and array.size:
        raise ValueError(
            f"`{name}` must have two dimensions, got shape {array.shape}: for a single column pass "
            f"`{name}[:, None]`"
        )
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"`{name}` must have two dimensions, at least one row and one column, "
            f"got shape {array.shape}"
        )
    return array


def as_numbers(values: ArrayLike, name: str) -> NDArray[Any]:
    """Check that values are an array of real numbers, none of them masked."""
    check_container(values, name)
    try:
        array = np.asarray(values)
    except ValueError:  # numpy's own message is about inhomogeneous shapes
        _check_parts(values, name)
        raise ValueError(f"`{name}` must have rows of equal length, got ragged ones") from None
    if array.dtype.kind not in "fiub":
        _check_parts(values, name)
        raise ValueError(f"`{name}` must hold real numbers, got dtype {array.dtype}")
    if np.ma.is_masked(values):
        raise ValueError(f"`{name}` must not be masked, got {np.ma.count_masked(values)} masked")
    return array


def is_annotated(values: Any) -> bool:
    """Tell whether values are an AnnData, or look like one."""
    return hasattr(values, "obs") and hasattr(values, "var")


def check_container(values: Any, name: str) -> None:
    """Check that values are not a container that numpy takes for a single object."""
    if hasattr(values, "toarray"):
        raise ValueError(
            f"`{name}` must be an array, got a sparse {type(values).__name__}: pass "
            f"`{name}.toarray()`"
        )
    if is_annotated(values):
        dense = ".toarray()" if hasattr(values.X, "toarray") else ""
        raise ValueError(
            f"`{name}` must be an array, got {type(values).__name__}: pass its matrix, such as "
            f"`{name}.X{dense}`"
        )


def _check_parts(values: Any, name: str) -> None:
    """Check the items of a list that is no array for the same."""
    for place, part in enumerate(values if isinstance(values, list | tuple) else ()):
        check_container(part, f"{name}[{place}]")


class Frequencies(NamedTuple):
    """A table of frequencies that has been checked."""

    values: NDArray[np.float64]
    """A copy in C order."""
    total: float
    smallest: float


def as_frequencies(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Check that values are finite and not negative; return a copy in C order."""
    return checked_frequencies(values, name).values


def checked_frequencies(values: ArrayLike, name: str) -> Frequencies:
    """Check that values are finite and not negative; return a copy, its total and its minimum.

    Large tables are divided among threads; the result does not depend on their number.
    """
    given = as_numbers(values, name)
    if given.ndim == 0 or given.size == 0:
        raise ValueError(f"`{name}` must have at least one cell, got shape {given.shape}")
    array = np.empty(given.shape)
    source, copy = np.ascontiguousarray(given).reshape(-1), array.reshape(-1)
    num_parts = -(-array.size // _kernels.PART)
    sums, minima = np.empty(num_parts), np.empty(num_parts)

    def look(parts: slice) -> None:
        cells = slice(parts.start * _kernels.PART, parts.stop * _kernels.PART)
        with np.errstate(over="ignore"):  # of floats with more than 64 bits
            copy[cells] = source[cells]
        _kernels.sums_and_minima(copy, parts.start, parts.stop, sums, minima)

    by_parts(look, num_parts, threads_for(array.size))
    total, smallest = sum(sums.tolist()), min(minima.tolist())  # numpy would warn of overflow
    if not (math.isfinite(total) and smallest >= 0):
        bad = array[~(np.isfinite(array) & (array >= 0))]
        got = bad[0] if len(bad) else f"a total of {total}"
        raise ValueError(f"`{name}` must hold finite counts of at least 0, got {got}")
    return Frequencies(array, total, smallest)


def as_number(value: Any, name: str, smallest: float, largest: float = np.inf) -> float:
    """Check that a setting is a finite number within its range."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ValueError(f"`{name}` must be a number, got {shown(value)}")
    try:
        is_finite = math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        is_finite = False
    if not (is_finite and smallest <= value <= largest):
        expected = f"between {smallest} and {largest}"
        if largest == np.inf:
            expected = "a finite number"
            expected += "" if smallest == -np.inf else f" of at least {smallest}"
        raise ValueError(f"`{name}` must be {expected}, got {value}")
    return float(value)


def as_choice(value: Any, name: str, choices: Sequence[str]) -> str:
    """Check that a setting is one of the allowed words."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"`{name}` must be one of {choices}, got {shown(value)}")
    return value


def as_flag(value: Any, name: str) -> bool:
    """Check that a setting is true or false."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"`{name}` must be True or False, got {shown(value)}")
    return bool(value)


def check_rows(u: Any, x: Any) -> None:
    """Check that there is a row of latents for every sample; of data frames, with its name."""
    if len(u) != len(x):
        raise ValueError(f"`u` must have as many rows as `x`: expected {len(x)}, got {len(u)}")
    are_frames = all(hasattr(table, "columns") and hasattr(table, "index") for table in (u, x))
    if are_frames and not x.index.equals(u.index):
        raise ValueError("`u` must have the rows of `x` in their order, got another index")


def as_levels(
    levels: Iterable[int],
    name: str,
    num_variables: int | None = None,
    smallest: int = 1,
    largest: int | None = None,
) -> tuple[int, ...]:
    """Check a sequence of numbers of levels, one per variable."""
    if not is_iterable(levels):
        raise ValueError(f"`{name}` must be integers, one per variable, got {shown(levels)}")
    checked = tuple(as_count(level, name, smallest, largest) for level in levels)
    if num_variables is not None and len(checked) != num_variables:
        raise ValueError(f"`{name}` must be {num_variables}, one per variable, got {len(checked)}")
    return checked


def as_count(value: int, name: str, smallest: int, largest: int | None = None) -> int:
    """Check that a setting is an integer within its range."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"`{name}` must be an integer, got {shown(value)}")
    if value < smallest or (largest is not None and value > largest):
        expected = f"at least {smallest}" if largest is None else f"from {smallest} to {largest}"
        raise ValueError(f"`{name}` must be {expected}, got {value}")
    return int(value)


def as_tuple(given: Any) -> Any:
    """Turn an iterable into a tuple, since it may be readable only once; keep other values."""
    return tuple(given) if is_iterable(given) else given


def as_candidates(candidates: Iterable[int] | None, num_columns: int) -> NDArray[np.intp]:
    """Check the columns that may be chosen; return them sorted."""
    if candidates is None:
        return np.arange(num_columns)
    if not is_iterable(candidates):
        raise ValueError(f"`candidates` must be columns, got {shown(candidates)}")
    candidates = list(candidates)
    if any(isinstance(candidate, bool | np.bool_) for candidate in candidates):
        raise ValueError(
            "`candidates` must be columns, got True or False: pass `np.flatnonzero(candidates)`"
        )
    allowed = {as_count(candidate, "candidates", 0, num_columns - 1) for candidate in candidates}
    if not allowed:
        raise ValueError("`candidates` must name at least one feature, got none")
    return np.array(sorted(allowed))


def as_features(features: Sequence[int], num_columns: int, name: str = "features") -> list[int]:
    """Check a sequence of different columns."""
    try:
        num_dimensions = np.ndim(features)
    except ValueError:  # ragged
        num_dimensions = 2
    if num_dimensions != 1:
        raise ValueError(f"`{name}` must be a sequence of columns, got {shown(features)}")
    checked = [as_count(feature, name, 0, num_columns - 1) for feature in features]
    if not checked or len(set(checked)) < len(checked):
        raise ValueError(f"`{name}` must be different columns, at least one, got {checked}")
    return checked
