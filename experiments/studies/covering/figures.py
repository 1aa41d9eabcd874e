"""The share of classes told right against the number of features."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.studies.covering.experiment import Result, Task
from experiments.studies.covering.methods import (
    ALL,
    CONSENSUS,
    METHODS,
    NMF,
    RECOMMENDED,
    VARIANCE,
    WITH_LABELS,
)
from loglin import plots


def draw_accuracy(found: Mapping[Task, Sequence[Result]], numbers: Sequence[int]) -> Figure:
    """Draw a panel for each data set and model: mean over the seeds."""
    styles = {
        "Eq. 1": (plots.BLUE, "-"), "conditional, maximum": (plots.ORANGE, "-"),
        RECOMMENDED: (plots.RED, "-"), CONSENSUS: (plots.PURPLE, "-"), NMF: (plots.GREEN, "-"),
        VARIANCE: (plots.GREY, "-"), WITH_LABELS[0]: (plots.INK, "--"), ALL: (plots.INK, ":"),
    }  # fmt: skip
    columns = min(3, len(found))
    num_rows = -(-len(found) // columns)
    figure = Figure(figsize=(3.0 * columns + 0.4, 2.7 * num_rows + 0.9), layout="constrained")
    axes = figure.subplots(num_rows, columns, squeeze=False, sharex=True).ravel()
    order = sorted(found, key=lambda task: task.model, reverse=True)
    for ax, task in zip(axes, order, strict=False):
        mean = np.mean([result.accuracy for result in found[task]], axis=0)
        for name, (color, style) in styles.items():
            ax.plot(numbers, mean[METHODS.index(name)], style, color=color, label=name,
                    marker="o" if style == "-" else None, markersize=3)  # fmt: skip
        ax.set_title(task.name, fontsize=9)
        ax.set_xticks(numbers)
        plots.bare(ax)
    for ax in axes[len(found) :]:
        ax.set_visible(False)
    figure.supxlabel("first q features")
    figure.supylabel("classes told right")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    return figure
