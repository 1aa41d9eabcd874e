"""The geometry of a mosaic plot: where each cell of a table has its tile (Friendly 1994)."""

import numpy as np
from numpy.typing import NDArray

_LABEL_SPACE = 0.08
"""Smallest distance between two labels."""
_GAP = 0.03
"""Space between tiles of the first split; it shrinks with each further one."""


def tiles(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Split the unit square in proportion to counts.

    Returns
    -------
    (cells, 4) array
        Left, bottom, width and height of each cell's tile, in C order. Areas are proportional to
        counts except for the gaps; a part without counts is split evenly.
    """
    parts = np.array([[0.0, 0.0, 1.0, 1.0]])
    for axis in range(table.ndim):
        sums = table.sum(axis=tuple(range(axis + 1, table.ndim))).reshape(len(parts), -1)
        totals = sums.sum(axis=1, keepdims=True)
        shares = np.where(totals > 0, sums / np.where(totals > 0, totals, 1), 1 / sums.shape[1])
        vertical = axis % 2 == 0  # the first axis goes down the page
        begin, length = parts[:, 1 if vertical else 0], parts[:, 3 if vertical else 2]
        levels = sums.shape[1]
        gap = np.minimum(_GAP / (1 + axis), 0.5 / max(levels - 1, 1)) * length[:, None]
        lengths = shares * (length[:, None] - gap * (levels - 1))
        offsets = np.cumsum(lengths + gap, axis=1) - lengths - gap
        split = np.repeat(parts[:, None], levels, axis=1)
        if vertical:
            split[:, :, 1] = (begin + length)[:, None] - offsets - lengths
            split[:, :, 3] = lengths
        else:
            split[:, :, 0] = begin[:, None] + offsets
            split[:, :, 2] = lengths
        parts = split.reshape(-1, 4)
    return parts


def label_places(table: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the positions along its side at which the levels of an axis are written.

    Each level is written beside the middle of its tiles. Where these differ within the plot, the
    part is used in which they are farthest apart.
    """
    grid = tiles(table.sum(axis=tuple(range(axis + 1, table.ndim)))).reshape(
        *table.shape[: axis + 1], 4
    )
    # Of the axes that split in the other direction, use the level at this edge of the plot: the
    # last level touches the right and the bottom.
    edge = tuple(
        slice(None) if other % 2 == axis % 2 else (-1 if axis > 1 else 0) for other in range(axis)
    )
    begin, length = (1, 3) if axis % 2 == 0 else (0, 2)
    middles = (grid[..., begin] + grid[..., length] / 2)[edge].reshape(-1, table.shape[axis])
    if middles.shape[1] == 1:
        return middles[0]
    places = middles[np.abs(np.diff(middles, axis=1)).min(axis=1).argmax()]
    # Labels of thin tiles are pushed apart.
    direction = -1 if axis % 2 == 0 else 1
    ordered = direction * places
    for i in range(1, len(ordered)):
        ordered[i] = max(ordered[i], ordered[i - 1] + _LABEL_SPACE)
    return direction * ordered
