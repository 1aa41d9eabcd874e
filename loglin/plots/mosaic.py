"""Tables and log-linear models of them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle

from loglin.hierarchical import Fit
from loglin.hierarchical.mosaic import label_places, tiles
from loglin.plots.drawing import BLUE, INK, ORANGE, as_axes
from loglin.plots.showing import PathLike, can_show

_CUTS = (2.0, 4.0)
"""Absolute residuals beyond which tiles are shaded lightly and fully."""
_MOST_AXES = 4
"""Largest number of axes, since their levels are written along the four sides of the plot."""


@can_show
def mosaic_plot(
    fit: Fit,
    *,
    kind: str = "pearson",
    legend: bool = True,
    ax: Axes | None = None,
    show: bool | None = None,
    save: PathLike | None = None,
) -> Axes:
    """Draw a table as tiles whose areas are its counts, shaded by a model's residuals.

    The first axis splits the square from top to bottom, the second each part from left to right,
    and so on in turn. A tile is blue if its count is larger than the model expects, orange if
    it is smaller: lightly for a residual beyond 2, fully beyond 4. A circle marks an empty cell.

    Parameters
    ----------
    fit : Fit
        Fit of a table with one to four axes; its names and labels are written around the plot.
    kind : str
        Kind of residual, as in `Fit.residuals`.
    legend : bool
        Whether to explain the shades beside the plot.
    ax, show, save : optional
        Where to draw, whether to show all figures, and a file to write; see `loglin.plots`.

    Returns
    -------
    matplotlib Axes
        Where it was drawn; None if `show`.

    Raises
    ------
    ValueError
        If the table has more than four axes or no counts, or the kind is unknown.

    See Also
    --------
    loglin.fit : Fits the model.

    Examples
    --------
    >>> from loglin import fit
    >>> ax = mosaic_plot(fit([[10, 20], [30, 40]], "A + B"), legend=False)
    >>> len(ax.patches)
    4
    """
    if not isinstance(fit, Fit):
        raise ValueError(f"`fit` must be a Fit, got {type(fit).__name__}")
    if fit.table.ndim > _MOST_AXES or fit.table.sum() == 0:
        raise ValueError(
            f"`fit` must be of a table with counts and at most {_MOST_AXES} axes, "
            f"got {fit.table.ndim} axes and a total of {fit.table.sum():g}"
        )
    residuals = fit.residuals(kind)
    ax = as_axes(ax, (6.4, 5.2))
    for tile, residual in zip(tiles(fit.table), residuals.ravel(), strict=True):
        x, y, width, height = tile
        if width * height == 0:
            ax.plot(x + width / 2, y + height / 2, "o", ms=4, mfc="white", mec=INK, mew=0.8)
            continue
        ax.add_patch(
            Rectangle(
                (x, y), width, height, facecolor=_residual_color(residual), edgecolor=INK, lw=0.8
            )
        )
    _write_levels(ax, fit)
    ax.set_xlim(-0.01, 1.01)
    ax.set_ylim(-0.01, 1.01)
    ax.set_axis_off()
    if legend:
        words = ("> 4", "2 to 4", "-2 to 2", "-4 to -2", "< -4")
        patches = [
            Patch(facecolor=_residual_color(value), edgecolor=INK, lw=0.8, label=word)
            for value, word in zip((5, 3, 0, -3, -5), words, strict=True)
        ]
        ax.legend(
            handles=patches, title=f"{kind}\nresidual", loc="center left",
            bbox_to_anchor=(1.12, 0.5), frameon=False, alignment="left",
        )  # fmt: skip
    return ax


def _residual_color(residual: float) -> tuple[float, float, float]:
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
        for label, at in zip(fit.labels[axis], label_places(fit.table, axis), strict=True):
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
