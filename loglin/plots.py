"""Plots of tables, patterns, maps and selections, in the colours of Okabe and Ito.

This is the only module of `loglin` that imports matplotlib, and ``import loglin`` does not import
it: use ``from loglin.plots import mosaic_plot``. Each function draws on `ax`, or on a new figure,
and returns the axes.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_rgb
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike, NDArray

from loglin.hierarchical import Fit
from loglin.hierarchical.mosaic import label_places, tiles
from loglin.patterns import Patterns
from loglin.selection import Coverage, Selection
from loglin.validation import as_count, as_features, as_frequencies, as_table

ORANGE, GREEN, GREY, BLUE = "#E69F00", "#009E73", "#8C8C8C", "#0072B2"
PURPLE, YELLOW, RED = "#CC79A7", "#F0E442", "#D55E00"
INK, LINE = "#1A1A1A", "#BFBFBF"

NOT_SELECTED, LOWEST, HIGHEST = -1.0, 0.0, 1.0
"""Tones of a tile: light if the feature is not selected, otherwise from medium for its lowest level
to dark for its highest. NaN leaves a tile blank."""

_CUTS = (2.0, 4.0)
"""Absolute residuals beyond which tiles are shaded lightly and fully."""
_MOST_AXES = 4
"""Largest number of axes, since their levels are written along the four sides of the plot."""
_MARKS = {0: "-", 1: "|"}
"""Of a pattern on a map; a hyphen does not join its neighbours, as longer dashes do."""


def mosaic_plot(
    fit: Fit, *, ax: Axes | None = None, kind: str = "pearson", legend: bool = True
) -> Axes:
    """Draw a table as tiles whose areas are its counts, shaded by a model's residuals.

    The first axis splits the square from top to bottom, the second each part from left to right,
    and so on in turn. A tile is blue if its count is larger than the model expects, orange if
    it is smaller: lightly for a residual beyond 2, fully beyond 4. A circle marks an empty cell.

    Parameters
    ----------
    fit : Fit
        Fit of a table with one to four axes; its names and labels are written around the plot.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    kind : str
        Kind of residual, as in `Fit.residuals`.
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
    ax = _as_axes(ax, (6.4, 5.2))
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


def pattern_plot(
    patterns: Patterns,
    *,
    names: Sequence[str] | None = None,
    features: Sequence[int] | None = None,
    colors: Sequence[str] | str = BLUE,
    ax: Axes | None = None,
) -> Axes:
    """Draw patterns as tiles: one row per pattern, with its count, and one column per feature.

    A tile is medium if the feature has its lowest level and dark if it has its highest: off and on
    for binary features.

    Parameters
    ----------
    patterns : Patterns
        Patterns, for instance from `frequent_patterns`. A row with negative states stays blank.
    names : sequence of str, optional
        Names of the columns.
    features : sequence of q ints, optional
        Positions of the patterns' features among all features. Then all features get a column, as
        many as there are `colors`, and the features that are not selected are light.
    colors : sequence of str, or str
        Colour of each column, or of all columns.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If an argument is invalid.
    """
    if not isinstance(patterns, Patterns):
        raise ValueError(f"`patterns` must be Patterns, got {type(patterns).__name__}")
    states = as_table(patterns.states, "patterns")
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
    own_colors = _as_colors([colors] * num_columns if isinstance(colors, str) else colors)
    if len(own_colors) != num_columns:
        raise ValueError(f"`colors` must be {num_columns}, one per column, got {len(own_colors)}")
    words = None if names is None else _as_words(names, "names", num_columns, "column")
    longest = max(map(len, words or [""]))
    size = 0.45 * num_columns + 1.6, 0.28 * len(states) + 0.8 + 0.11 * longest
    ax = _as_axes(ax, size)
    tones = np.full((len(states), num_columns), NOT_SELECTED)
    tones[:, columns] = states / np.maximum(states.max(axis=0), 1)
    tones[(states < 0).any(axis=1)] = np.nan
    draw_tiles(ax, tones, own_colors)
    ax.set_yticks(range(len(states)), [f"{count:,}" for count in patterns.counts], fontsize=8)
    ax.set_ylabel("samples")
    if words is None:
        ax.set_xticks([])
    else:
        ax.set_xticks(range(num_columns), words, rotation=90, parse_math=False)
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
    """Draw patterns on a map, for instance from `embed`, each written with one mark per feature.

    A dash stands for 0, a bar for 1, and digits for other levels.

    Parameters
    ----------
    points : (k, 2) array
        Positions of the patterns. A pattern with a NaN is left out.
    states : (k, q) int array
        The patterns.
    labels : sequence of k str, optional
        Text to write above each pattern.
    counts : (k,) array, optional
        Number of samples that carry each pattern; the areas of the dots are proportional to it.
    path : sequence of ints, optional
        Patterns to connect by a line, in this order.
    color : str
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If an argument is invalid.
    """
    places, codes = as_table(points, "points"), as_table(states, "states")
    if places.shape != (len(codes), 2):
        raise ValueError(
            f"`points` must be two numbers for each of `states`: expected shape {(len(codes), 2)}, "
            f"got {places.shape}"
        )
    if codes.dtype.kind == "f" and (codes != np.floor(codes)).any():
        raise ValueError("`states` must hold whole numbers, got others")
    words = None if labels is None else _as_words(labels, "labels", len(codes), "pattern")
    (own_color,) = _as_colors([color])
    areas, opacity = np.full(len(codes), 8.0), 1.0
    if counts is not None:
        sizes = as_frequencies(counts, "counts")
        if sizes.shape != (len(codes),):
            raise ValueError(
                f"`counts` must be {len(codes)}, one per pattern, got shape {sizes.shape}"
            )
        areas, opacity = 300 * sizes / max(sizes.max(), 1), 0.35
    steps = [as_count(step, "path", 0, len(codes) - 1) for step in _as_path(path)]
    ax = _as_axes(ax, (5.0, 5.0))
    if steps:
        ax.plot(*places[steps].T, color=LINE, linewidth=1, zorder=0)
    ax.scatter(places[:, 0], places[:, 1], s=areas, color=own_color, alpha=opacity, linewidths=0)
    for pattern, (state, place) in enumerate(zip(codes.astype(int), places, strict=True)):
        if np.isfinite(place).all():
            marks = "".join(_MARKS.get(code, str(code)) for code in state.tolist())
            ax.annotate(
                marks if words is None else f"{words[pattern]}\n{marks}", place, (0, 3),
                textcoords="offset points", fontsize=6, ha="center", va="bottom",
                family="DejaVu Sans Mono", parse_math=False,
            )  # fmt: skip
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.2)
    ax.set_xticks([])
    ax.set_yticks([])
    return ax


def gain_plot(
    selection: Selection, *, names: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the gain of each step, its two parts, and the gain expected by chance.

    Under Eq. 1 the lower part of a bar is the association with the features chosen before, the
    upper part the association with the latent given these features. Under another null model a bar
    is the whole gain. Points and error bars are mean and standard deviation of the gain by chance,
    if the feature was shuffled or the gains are corrected.

    Parameters
    ----------
    selection : Selection
    names : sequence of str, optional
        Names of all features; by default their numbers are written.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If an argument is invalid.
    """
    if not isinstance(selection, Selection):
        raise ValueError(f"`selection` must be a Selection, got {type(selection).__name__}")
    features, chance = selection.features, selection.chance
    words = [str(feature) for feature in features]
    if names is not None:
        all_names = _as_words(names, "names", selection.scores.shape[2], "feature")
        words = [all_names[feature] for feature in features]
    steps = np.arange(len(features))
    ax = _as_axes(ax, (0.5 * len(steps) + 2.4, 3.2 + 0.08 * max(map(len, words), default=0)))
    gains, before, latent = (
        np.nan_to_num(part)
        for part in (selection.gains, selection.feature_gains, selection.latent_gains)
    )
    if np.allclose(before + latent, gains):
        ax.bar(steps, before, color=LINE, label="with the features before")
        ax.bar(steps, latent, bottom=before, color=BLUE, label="with the latent, given these")
    else:
        ax.bar(steps, gains, color=BLUE, label="gain")
    if np.isfinite(chance.mean).any():
        # From corrected gains, the mean by chance is already subtracted.
        mean = np.where(selection.corrected, 0.0, chance.mean)
        ax.errorbar(
            steps, mean, chance.sd, fmt="o", color=ORANGE, markersize=4, capsize=3,
            label="by chance",
        )  # fmt: skip
    ax.set_xticks(steps, words, rotation=90, parse_math=False)
    ax.set_ylabel("gain (G2)")
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9)
    bare(ax)
    return ax


def coverage_plot(
    coverage: Coverage, *, names: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw which share of what all features say about the latents the first ones say.

    The thick line is the share summed over the latents, the thin ones are single latents.

    Parameters
    ----------
    coverage : Coverage
        Of q features.
    names : sequence of q str, optional
        Names of these features, in order; by default the steps are numbered.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If an argument is invalid.
    """
    if not isinstance(coverage, Coverage):
        raise ValueError(f"`coverage` must be a Coverage, got {type(coverage).__name__}")
    curve = coverage.curve
    words = [str(step) for step in range(1, len(curve) + 1)]
    if names is not None:
        words = _as_words(names, "names", len(curve), "feature")
    ax = _as_axes(ax, (0.4 * len(curve) + 2.4, 3.2 + 0.08 * max(map(len, words), default=0)))
    steps = np.arange(len(curve))
    known = coverage.shares[:, np.isfinite(coverage.shares).all(axis=0)]
    lines = ax.plot(steps, known, color=LINE, linewidth=0.9)
    for line in lines[:1]:
        line.set_label("each latent")
    ax.plot(steps, curve, color=BLUE, linewidth=2.2, marker="o", markersize=4, label="all latents")
    ax.set_xticks(steps, words, rotation=0 if names is None else 90, parse_math=False)
    ax.set_ylim(min(0.0, float(np.nanmin(known, initial=0.0))), 1.03)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_ylabel("share of the information")
    ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, fontsize=9)
    bare(ax)
    return ax


def shade(color: str, tone: float) -> NDArray[np.float64]:
    """Return a colour in a tone (see `NOT_SELECTED`, `LOWEST` and `HIGHEST`) as (3,) RGB."""
    rgb = np.array(to_rgb(color))
    if tone == NOT_SELECTED:
        return rgb + (1 - rgb) * 0.82
    medium, dark = rgb + (1 - rgb) * 0.35, 0.55 * rgb
    return medium + (dark - medium) * tone


def draw_tiles(ax: Axes, tones: NDArray[np.float64], colors: Sequence[str]) -> None:
    """Draw a grid of tiles, one colour per column, in the given tones (rows, columns)."""
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
    """Leave only the left and bottom spines, in a light colour."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(LINE)
    ax.tick_params(color=LINE, labelcolor=INK)


def _as_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    if ax is None:
        return plt.subplots(figsize=size, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise ValueError(f"`ax` must be matplotlib Axes, got {type(ax).__name__}")
    return ax


def _as_words(values: Any, name: str, number: int, each: str) -> list[str]:
    """Check that there are `number` words, one per `each`."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ValueError(f"`{name}` must be a sequence of names, got {values!r}")
    words = [str(value) for value in values]
    if len(words) != number:
        raise ValueError(f"`{name}` must be {number}, one per {each}, got {len(words)}")
    return words


def _as_colors(values: Any) -> list[str]:
    for value in values:
        if not is_color_like(value):
            raise ValueError(f"`colors` must be colours that matplotlib knows, got {value!r}")
    return list(values)


def _as_path(path: Any) -> Iterable[Any]:
    if path is not None and not isinstance(path, Iterable):
        raise ValueError(f"`path` must be a sequence of patterns, got {path!r}")
    return () if path is None else path
