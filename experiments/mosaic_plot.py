"""A contingency table as tiles, shaded by the residuals of a log-linear model (Friendly 1994)."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from experiments.figures import BLUE, INK, ORANGE
from loglin import Fit

_CUTS = (2.0, 4.0)
"""Residuals beyond these are shaded lightly, and fully."""
_MOST_AXES = 4
"""Axes whose levels find room around the plot."""
_LABEL_SPACE = 0.08
"""Least distance of two labels."""
_GAP = 0.03
"""Space between tiles of the first split; it shrinks with each further one."""


def mosaic_plot(
    fit: Fit, *, ax: Axes | None = None, kind: str = "pearson", legend: bool = True
) -> Axes:
    """Draw a table as tiles whose areas are its counts, shaded by a model's residuals.

    The first axis splits the square from top to bottom, the second each part from left to right,
    and so on in turn. A tile is blue where more was counted than the model expects, orange where
    less: lightly beyond 2, fully beyond 4. A circle stands for an empty cell.

    Parameters
    ----------
    fit : Fit
        Of a table with one to four axes; its names and labels are written around the plot.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    kind : str
        Of residual, as in `Fit.residuals`.
    legend : bool
        Whether to explain the shades beside the plot.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the table has more than four axes or no counts, or the kind is unknown.
    """
    if not isinstance(fit, Fit):
        raise ValueError(f"`fit` must be a Fit, got {type(fit).__name__}")
    if fit.table.ndim > _MOST_AXES or fit.table.sum() == 0:
        raise ValueError(
            f"`fit` must be of a table with counts and at most {_MOST_AXES} axes, "
            f"got {fit.table.ndim} axes and a total of {fit.table.sum():g}"
        )
    residuals = fit.residuals(kind)
    if ax is None:
        ax = plt.subplots(figsize=(6.4, 5.2))[1]
    for tile, residual in zip(tiles(fit.table), residuals.ravel(), strict=True):
        x, y, width, height = tile
        if width * height == 0:
            ax.plot(x + width / 2, y + height / 2, "o", ms=4, mfc="white", mec=INK, mew=0.8)
            continue
        ax.add_patch(
            Rectangle((x, y), width, height, facecolor=_shade(residual), edgecolor=INK, lw=0.8)
        )
    _write_levels(ax, fit)
    ax.set_xlim(-0.01, 1.01)
    ax.set_ylim(-0.01, 1.01)
    ax.set_axis_off()
    if legend:
        words = ("> 4", "2 to 4", "-2 to 2", "-4 to -2", "< -4")
        patches = [
            Patch(facecolor=_shade(value), edgecolor=INK, lw=0.8, label=word)
            for value, word in zip((5, 3, 0, -3, -5), words, strict=True)
        ]
        ax.legend(
            handles=patches, title=f"{kind}\nresidual", loc="center left",
            bbox_to_anchor=(1.12, 0.5), frameon=False, alignment="left",
        )  # fmt: skip
    return ax


def tiles(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Split the unit square in proportion to counts.

    Returns
    -------
    (cells, 4) array
        Left, bottom, width and height of each cell's tile, in C order. Areas are proportional to
        counts but for the gaps; where a whole part is empty it is split evenly.
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


def _shade(residual: float) -> tuple[float, float, float]:
    strength = int(np.searchsorted(_CUTS, abs(residual)))
    color = np.array(to_rgb(BLUE if residual > 0 else ORANGE))
    red, green, blue = 1 - (1 - color) * (0.0, 0.4, 1.0)[strength]
    return red, green, blue


def _write_levels(ax: Axes, fit: Fit) -> None:
    """Write the levels of each axis along one side: left, top, right and bottom, in turn."""
    sides: Sequence[tuple[str, float, float]] = (
        ("left", -0.02, 0.5), ("top", 0.5, 1.02), ("right", 1.02, 0.5), ("bottom", 0.5, -0.02),
    )  # fmt: skip
    for axis, (side, x_name, y_name) in zip(range(fit.table.ndim), sides, strict=False):
        vertical = axis % 2 == 0
        for label, at in zip(fit.labels[axis], _label_places(fit.table, axis), strict=True):
            if vertical:
                ax.text(
                    x_name, at, label, rotation=90, va="center", fontsize=9, parse_math=False,
                    ha="right" if side == "left" else "left",
                )  # fmt: skip
            else:
                ax.text(
                    at, y_name, label, ha="center", fontsize=9, parse_math=False,
                    va="bottom" if side == "top" else "top",
                )  # fmt: skip
        if vertical:
            far = -0.09 if side == "left" else 1.09
            ax.text(
                far, y_name, fit.names[axis], rotation=90, ha="center", va="center", weight="bold"
            )
        else:
            far = 1.09 if side == "top" else -0.09
            ax.text(x_name, far, fit.names[axis], ha="center", va="center", weight="bold")


def _label_places(table: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return where along its side each level of an axis is written.

    That is beside the middle of its tiles, in the part of the plot where these are farthest apart.
    """
    grid = tiles(table.sum(axis=tuple(range(axis + 1, table.ndim)))).reshape(
        *table.shape[: axis + 1], 4
    )
    # Of the axes that split the other way, the last level touches the right and the bottom.
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
