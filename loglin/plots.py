"""Plots of tables, patterns, maps and selections. Colours are Okabe and Ito's.

This is the only module of `loglin` that imports matplotlib, and ``import loglin`` does not import
it: ``from loglin.plots import mosaic_plot``. Each function draws on `ax`, or on a new figure, and
returns the axes.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
from numpy.typing import ArrayLike, NDArray

from loglin.hierarchical import Fit
from loglin.patterns import Patterns
from loglin.selection import Selection
from loglin.validation import as_features, as_table

ORANGE, GREEN, GREY, BLUE = "#E69F00", "#009E73", "#8C8C8C", "#0072B2"
PURPLE, YELLOW, RED = "#CC79A7", "#F0E442", "#D55E00"
INK, LINE = "#1A1A1A", "#BFBFBF"

NOT_SELECTED, LOWEST, HIGHEST = -1.0, 0.0, 1.0
"""Tones of a tile: bright where a feature is not selected, else medium for its lowest level to dark
for its highest. NaN leaves a tile blank."""

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


def pattern_plot(
    patterns: Patterns,
    *,
    names: Sequence[str] | None = None,
    features: Sequence[int] | None = None,
    colors: Sequence[str] | str = BLUE,
    ax: Axes | None = None,
) -> Axes:
    """Draw patterns as tiles: a row for each, with its count; a column for each feature.

    A tile is medium where the feature has its lowest level and dark where it has its highest: off
    and on for binary features.

    Parameters
    ----------
    patterns : Patterns
        As from `frequent_patterns`. A row of negative states stays blank.
    names : sequence of str, optional
        Of the columns.
    features : sequence of q ints, optional
        Where the features of the patterns stand among all features. Then all of them have a column,
        as many as there are colors, bright where a feature is not selected.
    colors : sequence of str, or str
        Of each column, or of all.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If an argument does not fit.
    """
    if not isinstance(patterns, Patterns):
        raise ValueError(f"`patterns` must be Patterns, got {type(patterns).__name__}")
    states = np.asarray(patterns.states)
    if features is None:
        num_columns, columns = states.shape[1], list(range(states.shape[1]))
    elif isinstance(colors, str):
        raise ValueError("`colors` must be one for each feature where `features` are given")
    else:
        num_columns, columns = len(colors), as_features(features, len(colors))
    if len(columns) != states.shape[1]:
        raise ValueError(
            f"`features` must be one for each column of the states: expected {states.shape[1]}, "
            f"got {len(columns)}"
        )
    column_colors = [colors] * num_columns if isinstance(colors, str) else list(colors)
    for name, values in (("names", names), ("colors", column_colors)):
        if values is not None and len(values) != num_columns:
            raise ValueError(f"`{name}` must be {num_columns}, one a column, got {len(values)}")
    ax = _as_axes(ax, (0.45 * num_columns + 1.6, 0.28 * len(states) + 1.2))
    tones = np.full((len(states), num_columns), NOT_SELECTED)
    tones[:, columns] = states / np.maximum(states.max(axis=0), 1)
    tones[(states < 0).any(axis=1)] = np.nan
    draw_tiles(ax, tones, column_colors)
    ax.set_yticks(range(len(states)), [f"{count:,}" for count in patterns.counts], fontsize=8)
    ax.set_ylabel("samples")
    if names is None:
        ax.set_xticks([])
    else:
        ax.set_xticks(range(num_columns), list(names), rotation=90, parse_math=False)
    return ax


def map_plot(
    points: ArrayLike,
    states: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    counts: ArrayLike | None = None,
    path: Sequence[int] | None = None,
    color: str = BLUE,
    ax: Axes | None = None,
) -> Axes:
    """Draw where patterns lie on a map, as from `embed`, each written as one mark a feature.

    A dash is a 0, a bar a 1, other levels are their digits.

    Parameters
    ----------
    points : (k, 2) array
        A pattern whose place is NaN is left out.
    states : (k, q) int array
        The patterns.
    labels : sequence of k str, optional
        Written above each.
    counts : (k,) array, optional
        Samples that carry each pattern: dots have areas in proportion to them.
    path : sequence of ints, optional
        Patterns to join by a line, in their order.
    color : str
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If an argument does not fit.
    """
    places, codes = as_table(points, "points"), as_table(states, "states")
    if places.shape != (len(codes), 2):
        raise ValueError(
            f"`points` must be two numbers for each of `states`: expected shape {len(codes), 2}, "
            f"got {places.shape}"
        )
    sizes = np.full(len(codes), np.nan) if counts is None else np.asarray(counts, float)
    for name, values in (("labels", labels), ("counts", sizes)):
        if values is not None and len(values) != len(codes):
            raise ValueError(f"`{name}` must be {len(codes)}, one a pattern, got {len(values)}")
    ax = _as_axes(ax, (5.0, 5.0))
    if path is not None:
        ax.plot(*places[list(path)].T, color=LINE, linewidth=1, zorder=0)
    areas = np.full(len(codes), 8.0) if counts is None else 300 * sizes / max(sizes.max(), 1)
    opacity = 1.0 if counts is None else 0.35
    ax.scatter(places[:, 0], places[:, 1], s=areas, color=color, alpha=opacity, linewidths=0)
    for pattern, (state, place) in enumerate(zip(codes, places, strict=True)):
        if np.isfinite(place).all():
            marks = "".join("\u2013|"[code] if code in (0, 1) else str(code) for code in state)
            text = marks if labels is None else f"{labels[pattern]}\n{marks}"
            ax.annotate(
                text, place, fontsize=6, ha="center", va="center", family="DejaVu Sans Mono",
                parse_math=False,
            )  # fmt: skip
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.2)
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def gain_plot(
    selection: Selection, *, names: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the gain of each step, its two parts, and what chance would have given.

    Under Eq. 1 the lower part of a bar is association with the features chosen before, the upper
    one association with the latent given these. A point with its standard deviation is the mean
    gain of the same feature shuffled among the samples, where it was shuffled.

    Parameters
    ----------
    selection : Selection
    names : sequence of str, optional
        Of all features; by default their numbers are written.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If an argument does not fit.
    """
    if not isinstance(selection, Selection):
        raise ValueError(f"`selection` must be a Selection, got {type(selection).__name__}")
    num_columns = selection.scores.shape[2]
    if names is not None and len(names) != num_columns:
        raise ValueError(f"`names` must be {num_columns}, one a feature, got {len(names)}")
    steps = np.arange(len(selection.features))
    ax = _as_axes(ax, (0.5 * len(steps) + 2.4, 3.4))
    before = np.nan_to_num(selection.feature_gains)
    latent = np.nan_to_num(selection.latent_gains)
    ax.bar(steps, before, color=LINE, label="with the features before")
    ax.bar(steps, latent, bottom=before, color=BLUE, label="with the latent, given these")
    chance = selection.chance
    if np.isfinite(chance.mean).any():
        ax.errorbar(
            steps, chance.mean, chance.sd, fmt="o", color=ORANGE, markersize=4, capsize=3,
            label="shuffled",
        )  # fmt: skip
    written = [str(feature) if names is None else names[feature] for feature in selection.features]
    ax.set_xticks(steps, written, rotation=90, parse_math=False)
    ax.set_ylabel("gain (G2)")
    ax.legend(frameon=False)
    bare(ax)
    return ax


def shade(color: str, tone: float) -> NDArray[np.float64]:
    """Return a colour as (3,) RGB in a tone: see `NOT_SELECTED`, `LOWEST` and `HIGHEST`."""
    rgb = np.array(to_rgb(color))
    if tone == NOT_SELECTED:
        return rgb + (1 - rgb) * 0.82
    medium, dark = rgb + (1 - rgb) * 0.35, 0.55 * rgb
    return medium + (dark - medium) * tone


def draw_tiles(ax: Axes, tones: NDArray[np.float64], colors: Sequence[str]) -> None:
    """Draw tiles in rows, one colour a column, in the tone given for each (rows, columns)."""
    image = np.ones((*tones.shape, 3))
    for tone in np.unique(tones[~np.isnan(tones)]):
        rows, columns = np.nonzero(tones == tone)
        image[rows, columns] = np.array([shade(color, tone) for color in colors])[columns]
    ax.imshow(image, aspect="auto", interpolation="nearest")
    # White lines between the tiles.
    ax.set_xticks(np.arange(-0.5, tones.shape[1]), minor=True)
    ax.set_yticks(np.arange(-0.5, tones.shape[0]), minor=True)
    ax.grid(which="minor", color="white", linewidth=0.6)
    ax.tick_params(which="both", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def bare(ax: Axes) -> None:
    """Leave only the left and bottom axis, in a light line."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(LINE)
    ax.tick_params(color=LINE, labelcolor=INK)


def _as_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    if ax is not None:
        return ax
    return plt.subplots(figsize=size, layout="constrained")[1]
