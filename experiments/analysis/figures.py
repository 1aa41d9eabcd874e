"""Plotting functions that the studies share, in addition to `loglin.plots`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from loglin.plots import BLUE, GREEN, GREY, LINE, LOWEST, ORANGE, PURPLE, RED, YELLOW, bare, shade

ROLE_COLORS = {"stage": ORANGE, "overlap": GREEN, "noise": GREY}
"""Colours of the roles of simulated genes, as in the paper's figures."""

TYPE_COLORS = {"Vip": PURPLE, "Sst": YELLOW, "Pvalb": RED, "L4": BLUE, "L5b": GREEN}
"""Colours of the cell types that are highlighted in Fig. 6."""
CELL_CLASS_COLORS = {"GABA": ORANGE, "Glutamate": BLUE}
GENE_CLASS_COLORS = {
    "gabaergic": GREEN,
    "glutamatergic": ORANGE,
    "non-neural": GREY,
    "neurotransmitter": BLUE,
}

SERIES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, ":"), (PURPLE, "-."))
"""Colours and line styles for series without fixed colours."""


def scatter_by_label(
    ax: Axes,
    points: NDArray[np.float64],
    labels: NDArray[np.str_],
    colors: Mapping[str, str],
    size: float,
) -> None:
    """Draw cells in the colours of their labels, with cells of other labels in grey behind them."""
    others = ~np.isin(labels, list(colors))
    ax.scatter(points[others, 0], points[others, 1], s=size, color=LINE, linewidths=0)
    # Draw the cells in random order, so that no label covers the others.
    order = np.random.default_rng(0).permutation(np.flatnonzero(~others))
    own_colors = [colors[name] for name in labels[order]]
    ax.scatter(points[order, 0], points[order, 1], s=size, c=own_colors, linewidths=0)
    ax.set_xticks([])
    ax.set_yticks([])


def tone_patch(color: str, tone: float, label: str) -> Patch:
    """Return a swatch for a legend."""
    return Patch(color=tuple(shade(color, tone)), label=label)


def dot_legend(figure: FigureBase, colors: Mapping[str, str]) -> None:
    """Add a legend for the colours of a scatter plot above a figure."""
    handles = [
        Line2D([], [], marker="o", linestyle="", color=color, label=name)
        for name, color in colors.items()
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False)


def tile_legend(figure: FigureBase, colors: Mapping[str, str], tones: Mapping[str, float]) -> None:
    """Add a legend above a figure: the colours, and each tone as a swatch in all colours."""
    swatches: list[Any] = [tone_patch(color, LOWEST, name) for name, color in colors.items()]
    swatches += [
        tuple(tone_patch(color, tone, name) for color in colors.values())
        for name, tone in tones.items()
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
