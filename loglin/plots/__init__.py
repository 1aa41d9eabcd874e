"""Plots of tables, selections, patterns, maps and trainings, in the colours of Okabe and Ito.

Nothing else in `loglin` imports matplotlib, and ``import loglin`` does not import it: use ``from
loglin.plots import mosaic_plot``. `mosaic` draws log-linear models, `selection` gains and coverage,
`patterns` tiles, maps and labels, `training` the course of a training; `drawing` is what these
share.

All functions with names that end in ``_plot`` take three arguments as those of scanpy do:

ax : matplotlib Axes, optional
    Where to draw; a new figure by default. The axes are returned.
show : bool, optional
    If true, show all open figures (``plt.show()``) and return None, which keeps a notebook from
    printing the axes.
save : path, optional
    Write the figure to this file, whose ending decides the format. Whatever is in the figure is
    written, also on other axes than `ax`.
"""

from loglin.plots.drawing import (
    BLUE,
    GREEN,
    GREY,
    HIGHEST,
    INK,
    LINE,
    LOWEST,
    NOT_SELECTED,
    ORANGE,
    PURPLE,
    RED,
    YELLOW,
    bare,
    draw_shares,
    draw_tiles,
    shade,
)
from loglin.plots.mosaic import mosaic_plot
from loglin.plots.patterns import label_plot, map_plot, pattern_plot
from loglin.plots.selection import coverage_plot, gain_plot
from loglin.plots.training import course_plot

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "HIGHEST",
    "INK",
    "LINE",
    "LOWEST",
    "NOT_SELECTED",
    "ORANGE",
    "PURPLE",
    "RED",
    "YELLOW",
    "bare",
    "course_plot",
    "coverage_plot",
    "draw_shares",
    "draw_tiles",
    "gain_plot",
    "label_plot",
    "map_plot",
    "mosaic_plot",
    "pattern_plot",
    "shade",
]
