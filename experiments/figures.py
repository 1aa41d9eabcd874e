"""Drawing that the studies share. Colours are Okabe and Ito's, told apart by all readers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import FigureBase
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

ORANGE, GREEN, GREY, BLUE = "#E69F00", "#009E73", "#8C8C8C", "#0072B2"
PURPLE, YELLOW, RED = "#CC79A7", "#F0E442", "#D55E00"
INK, LINE = "#1A1A1A", "#BFBFBF"

ROLE_COLORS = {"stage": ORANGE, "overlap": GREEN, "noise": GREY}
"""Of the simulated genes, as in the paper's figures."""

SERIES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, ":"), (PURPLE, "-."))
"""Colour and line style of series that have no colours of their own."""

NOT_SELECTED, SELECTED_0, SELECTED_1 = 0, 1, 2
"""Brightness of a mosaic's tile: bright, medium, dark."""


def shade(color: str, brightness: int) -> NDArray[np.float64]:
    """Return the bright, medium or dark tone of a colour, as (3,) RGB."""
    rgb = np.array(to_rgb(color))
    if brightness == SELECTED_1:
        return 0.55 * rgb
    return rgb + (1 - rgb) * (0.82 if brightness == NOT_SELECTED else 0.35)


def mosaic(ax: Axes, brightness: NDArray[np.int64], colors: Sequence[str]) -> None:
    """Draw tiles in rows, one colour a column, in the brightness given for each (rows, columns).

    -1 leaves a tile blank.
    """
    image = np.ones((*brightness.shape, 3))
    for tone in (NOT_SELECTED, SELECTED_0, SELECTED_1):
        rows, columns = np.nonzero(brightness == tone)
        tones = np.array([shade(color, tone) for color in colors])
        image[rows, columns] = tones[columns]
    ax.imshow(image, aspect="auto", interpolation="nearest")
    # White lines between the tiles.
    ax.set_xticks(np.arange(-0.5, brightness.shape[1]), minor=True)
    ax.set_yticks(np.arange(-0.5, brightness.shape[0]), minor=True)
    ax.grid(which="minor", color="white", linewidth=0.6)
    ax.tick_params(which="both", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def pattern_tiles(
    features: NDArray[np.int64], states: NDArray[np.int8], num_features: int
) -> NDArray[np.int64]:
    """Brightness of each feature in each pattern (k, p), to draw with `mosaic`."""
    tiles = np.full((len(states), num_features), NOT_SELECTED)
    tiles[:, features] = np.where(states == 1, SELECTED_1, SELECTED_0)
    tiles[(states < 0).any(axis=1)] = -1
    return tiles


def tone_patch(color: str, brightness: int, label: str) -> Patch:
    """Return a legend's swatch."""
    return Patch(color=tuple(shade(color, brightness)), label=label)


def dot_legend(figure: FigureBase, colors: Mapping[str, str]) -> None:
    """Explain the colours of a scatter plot above a figure."""
    handles = [
        Line2D([], [], marker="o", linestyle="", color=color, label=name)
        for name, color in colors.items()
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False)


def mosaic_legend(figure: FigureBase, colors: Mapping[str, str], tones: Mapping[str, int]) -> None:
    """Explain the colours, and the tones by a swatch of all colours in each, above a figure."""
    swatches: list[Any] = [tone_patch(color, SELECTED_0, name) for name, color in colors.items()]
    swatches += [
        tuple(tone_patch(color, brightness, name) for color in colors.values())
        for name, brightness in tones.items()
    ]
    figure.legend(
        swatches,
        [*colors, *tones],
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0)},
        loc="outside upper right",
        ncols=len(swatches),
        frameon=False,
        fontsize=9,
    )


def mean_and_range(
    ax: Axes,
    epochs: NDArray[np.int64],
    counts: NDArray[np.float64 | np.int64],
    color: str,
    style: str,
    label: str,
) -> None:
    """Draw the mean of counts (seeds, t) as a line and their range as a band."""
    ax.fill_between(epochs, counts.min(axis=0), counts.max(axis=0), color=color, alpha=0.2, lw=0)
    ax.plot(epochs, counts.mean(axis=0), color=color, linestyle=style, linewidth=2, label=label)
    if len(epochs) > 1:
        ax.set_xlim(epochs[0], epochs[-1])


def role_lines(
    ax: Axes, epochs: NDArray[np.int64], counts: NDArray[np.int64], num_selected: int
) -> None:
    """Draw how many of the selected genes have each role, counts (seeds, t, roles)."""
    for column, (role, style) in enumerate(zip(ROLE_COLORS, ("--", "-", ":"), strict=True)):
        mean_and_range(ax, epochs, counts[:, :, column], ROLE_COLORS[role], style, role)
    ax.set_ylim(0, num_selected + 0.2)
    bare(ax)


def bare(ax: Axes) -> None:
    """Leave only the left and bottom axis, in a light line."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(LINE)
    ax.tick_params(color=LINE, labelcolor=INK)
