"""P-values of data without structure, and gains of data with structure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.analysis import figures
from experiments.studies.significance.experiment import (
    Result,
)
from loglin import plots


def plot_null(null: Sequence[Result]) -> Figure:
    """Draw which share of the data sets without structure has p-values up to each level."""
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    names = ("models retrained", "synthetic cells permuted")
    for ax, values, name in zip(
        axes, ([r.p_values for r in null], [r.of_samples for r in null]), names, strict=True
    ):
        ax.plot([0, 1], [0, 1], color=plots.LINE, linewidth=0.8)
        if values:
            for step, column in enumerate(np.stack(values)[:, 1:].T, start=2):
                color, style = figures.SERIES[(step - 2) % len(figures.SERIES)]
                ax.ecdf(column, color=color, linestyle=style, label=f"step {step}")
        ax.set(xlabel="p-value", title=name, xlim=(0, 1))
        plots.bare(ax)
    axes[0].set_ylabel("share of data sets")
    if null:
        axes[0].legend(frameon=False)
    return figure


def plot_gains(stairs: Sequence[Result], informative: NDArray[np.bool_]) -> Figure:
    """Draw the gains of the first data set with structure beside those of permuted genes."""
    figure = Figure(figsize=(6.5, 3.6), layout="constrained")
    ax = figure.subplots()
    for result in stairs[:1]:
        steps = np.arange(2, len(result.features) + 1)
        nulls = result.null_gains[:, 1:]
        low, middle, high = np.quantile(nulls, [0.05, 0.5, 0.95], axis=0)
        ax.fill_between(steps, low, high, color=plots.LINE, alpha=0.5, linewidth=0,
                        label="permuted: 5 to 95 %")  # fmt: skip
        ax.plot(steps, middle, color=plots.GREY, linestyle="--", label="permuted: median")
        ax.plot(steps, result.gains[1:], color=plots.INK, linewidth=0.8)
        for kind, marker, color in (
            (True, "o", plots.GREEN),
            (False, "X", plots.RED),
        ):
            at = informative[result.features[1:]] == kind
            name = "informative gene" if kind else "noise gene"
            ax.plot(steps[at], result.gains[1:][at], marker, color=color, label=name, zorder=3)
        ax.set_yscale("log")
        ax.legend(frameon=False)
    ax.set(xlabel="genes selected", ylabel="gain (G2)")
    plots.bare(ax)
    return figure
