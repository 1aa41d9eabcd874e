"""From values of cells to codes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from experiments.explore.files import Cells
from experiments.explore.files.messages import listed, shown
from experiments.explore.settings import Input
from loglin import categorize, dichotomize, size_factors
from loglin.containers import as_matrix

FEWEST = 5
"""A feature is left out if fewer cells than this differ from all others in it."""

Cut = Callable[[NDArray[Any]], NDArray[np.int8]]
"""From a dense block of columns (n, width) to its codes."""


class Coded(NamedTuple):
    """Codes of cells, of the features that say something about them."""

    x: NDArray[np.int8]
    """(n, p) codes of the features that are kept."""
    features: NDArray[np.str_]
    """(p,) their names."""
    left_out: dict[str, list[str]]
    """Reason -> names of the features that were left out for it."""
    how: str
    """One sentence on how values became codes."""


def as_codes(cells: Cells, source: Input) -> Coded:
    """Turn values of cells into codes, and leave out features that hardly differ among them.

    Parameters
    ----------
    cells : Cells
    source : Input
        Where values are cut, and into how many levels.

    Returns
    -------
    Coded

    Raises
    ------
    ValueError
        If a cell without any count cannot be compared with others, or fewer than two features are
        left.
    """
    cut, uses_depth, how = _rule(cells, source)
    depth = _size_factors(cells)[:, None] if uses_depth else None
    x = np.empty(cells.values.shape, np.int8)
    num_kept = 0
    features: list[str] = []
    left_out: dict[str, list[str]] = {}
    for columns, block in as_matrix(cells.values, "values").blocks():
        codes = cut(block if depth is None else block / depth)
        reasons = [_why_left_out(column) for column in codes.T]
        for name, reason in zip(cells.features[columns].tolist(), reasons, strict=True):
            if reason is None:
                features.append(name)
            else:
                left_out.setdefault(reason, []).append(name)
        kept = codes[:, [reason is None for reason in reasons]]
        x[:, num_kept : num_kept + kept.shape[1]] = kept
        num_kept += kept.shape[1]
    if num_kept < 2:
        gone = [f"; {reason}: {listed(names, 2)}" for reason, names in left_out.items()]
        raise ValueError(
            f"at least two features must differ among the cells, got {num_kept}{''.join(gone[:3])}"
        )
    x = x if num_kept == x.shape[1] else np.ascontiguousarray(x[:, :num_kept])
    return Coded(x, np.array(features, np.str_), left_out, how)


def _rule(cells: Cells, source: Input) -> tuple[Cut, bool, str]:
    """Return how a block is cut, whether counts are divided by size factors, and a sentence."""
    if cells.kind == "codes":
        largest = int(cells.values.max())
        is_auto = source.cut == "auto" and (source.levels == 2 or largest < source.levels)
        if largest <= 1 or is_auto:
            return _unchanged, False, "Values are codes already and were left as they are."
    zeros = 1 - _count_nonzero(cells.values) / np.prod(cells.values.shape, dtype=float)
    if source.cut == "detected" or (source.cut == "auto" and source.levels == 2 and zeros > 0.5):
        how = f"A feature is on (1) in a cell if its value is above 0; {zeros:.0%} of values are 0."
        return _detected, False, how
    uses_depth = cells.kind == "counts"
    first = "Counts were divided by size factors of the cells, then " if uses_depth else ""
    if source.levels > 2:
        how = (
            f"each feature was cut at its quantiles into {source.levels} levels, "
            f"0 to {source.levels - 1}."
        )
        return lambda block: categorize(block, source.levels), uses_depth, _sentence(first + how)
    quantile = source.quantile() or 0.5
    name = "median" if quantile == 0.5 else f"{quantile:g} quantile"
    how = f"a feature is on (1) in a cell if its value is above the {name} of that feature."
    return lambda block: dichotomize(block, quantile), uses_depth, _sentence(first + how)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _unchanged(block: NDArray[Any]) -> NDArray[np.int8]:
    return block.astype(np.int8)


def _detected(block: NDArray[Any]) -> NDArray[np.int8]:
    return (block > 0).astype(np.int8)


def _count_nonzero(values: Any) -> int:
    return int(
        values.count_nonzero() if scipy.sparse.issparse(values) else np.count_nonzero(values)
    )


def _why_left_out(codes: NDArray[np.int8]) -> str | None:
    """Return why codes (n,) of a feature say next to nothing; None if they do."""
    counts = np.bincount(codes)
    common = int(counts.argmax())
    others = len(codes) - counts[common]
    if others >= FEWEST:
        return None
    few = f"in fewer than {FEWEST} cells"
    if len(counts) > 2:
        return "constant" if others == 0 else f"differs {few}"
    if others == 0:
        return "always on" if common else "never on"
    return f"off {few}" if common else f"on {few}"


def _size_factors(cells: Cells) -> NDArray[np.float64]:
    """Return the size factors (n,) of the cells.

    Raises
    ------
    ValueError
        If a cell has no counts.
    """
    empty = np.flatnonzero(np.asarray(cells.values.sum(axis=1)).ravel() == 0)
    if empty.size:
        raise ValueError(
            "every cell must have counts to be compared with others, got none in "
            f"{empty.size}, such as {shown(cells.names[empty[0]])}: leave them out, or give "
            "detected as `cut`"
        )
    return size_factors(cells.values, "positive-counts")
