"""How well the genes of each method separate the classes of cells."""

import numpy as np
from matplotlib.figure import Figure

from experiments.analysis import figures
from experiments.analysis.evaluation import (
    principal_components,
)
from experiments.data.cortex import (
    Cells,
    Panel,
)
from experiments.studies.nmf.experiment import METHODS, RANDOM, Config, Panels
from loglin import plots


def plot_separation(found: dict[Panel, Panels]) -> Figure:
    """Draw how well the genes of each method, and random genes, separate the classes."""
    figure = Figure(figsize=(8.6, 3.4), layout="constrained")
    for ax, (panel, of) in zip(
        figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True
    ):
        random = of.separation[RANDOM].ravel()
        place = len(METHODS) + np.random.default_rng(0).uniform(-0.2, 0.2, len(random))
        ax.plot(place, random, ".", color=plots.LINE, markersize=3)
        for values in np.transpose([of.separation[method] for method in METHODS]):
            ax.plot(range(len(METHODS)), values, "o-", color=plots.BLUE, linewidth=0.8)
        ax.set_xticks(range(len(METHODS) + 1), [*METHODS, RANDOM], fontsize=8)
        ax.set(title=panel, ylabel="separation")
        plots.bare(ax)
    return figure


def plot_cells(config: Config, found: dict[Panel, Panels], cells: dict[Panel, Cells]) -> Figure:
    """Draw the held-out cells of the first split on the components of each method's genes."""
    figure = Figure(figsize=(2.9 * len(METHODS), 6.2), layout="constrained")
    for row, (panel, of) in zip(
        figure.subplots(len(found), len(METHODS), squeeze=False), found.items(), strict=True
    ):
        tuning = config.panel(panel)
        held_out = tuning.cells.split(of.splits[0]).held_out
        x = tuning.cells.codes(cells[panel])[held_out]
        for ax, method in zip(row, METHODS, strict=True):
            points = principal_components(x[:, of.sets[method][0]], 2)
            # Cells with the same pattern would coincide without this noise.
            points += np.random.default_rng(0).normal(scale=0.06, size=points.shape)
            classes = cells[panel].cell_class[held_out]
            figures.scatter_by_label(ax, points, classes, figures.CELL_CLASS_COLORS, 6)
            ax.set_title(f"{panel}: {method}", fontsize=10)
    figures.dot_legend(figure, figures.CELL_CLASS_COLORS)
    return figure
