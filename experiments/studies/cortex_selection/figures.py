"""Fig. 5: the genes selected over training, their patterns and classes, and the tuning."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from experiments.analysis import figures
from experiments.analysis.cortex_models import Trained
from experiments.analysis.model_settings import MODEL_NAMES, ModelName
from experiments.analysis.statements import count_of
from experiments.data.cortex import MARKED_GENES, panel_genes
from experiments.studies.cortex_selection.experiment import Config, class_counts
from loglin import Patterns, plots
from loglin.plots import HIGHEST, LOWEST, NOT_SELECTED


def draw_figures(
    config: Config, results: dict[ModelName, list[Trained]]
) -> dict[str, tuple[Figure, str]]:
    """Draw Fig. 5 and the patterns for the first split, and classes and tuning over all splits."""
    genes, gene_class = panel_genes(config.cells.panel)
    drawn = {}
    for model, found in results.items():
        first, name = found[0], MODEL_NAMES[model]
        drawn[f"genes-{model}"] = (
            _plot_genes(first, genes, gene_class),
            f"{name}: genes selected at each epoch (first split, best start), as in Fig. 5; dark: "
            "selected. Labels name the genes that are selected at a quarter of the checkpoints or "
            "more, and Pvalb, Sst and Vip. The frame marks the tuned epoch.",
        )
        drawn[f"patterns-{model}"] = (
            _plot_patterns(first, genes, gene_class),
            f"{name}: the most frequent patterns of the {config.trajectory.num_selected} genes at "
            "the tuned epoch (first split), with the number of synthetic cells that have them.",
        )
    drawn["classes"] = (
        _plot_classes(results, gene_class),
        "Number of selected genes of each class: mean and range over the best starts of "
        f"{count_splits(results)}.",
    )
    drawn["tuning"] = (
        _plot_tuning(results),
        "Cramer statistic between synthetic and held-out cells, on five joint principal "
        f"components: mean and range over the best starts of {count_splits(results)}. The points "
        "mark the minimum of each start, which is its tuned epoch.",
    )
    return drawn


def count_splits(results: dict[ModelName, list[Trained]]) -> str:
    """Return "1 split" or "5 splits"."""
    return count_of(max(len(found) for found in results.values()), "split")


def _plot_genes(trained: Trained, genes: NDArray[np.str_], gene_class: NDArray[np.str_]) -> Figure:
    trajectory = trained.trajectory
    chosen = np.full((len(trajectory.epochs), len(genes)), NOT_SELECTED)
    np.put_along_axis(chosen, trajectory.features, HIGHEST, axis=1)
    order = _by_class(genes, gene_class)
    figure = Figure(figsize=(11, 0.17 * len(chosen) + 2.2), layout="constrained")
    ax = figure.subplots()
    colors = [figures.GENE_CLASS_COLORS[name] for name in gene_class[order]]
    plots.draw_tiles(ax, chosen[:, order], colors)
    # Name the marked genes and those selected at a quarter of the checkpoints or more.
    often = (chosen == HIGHEST).mean(axis=0) >= 0.25
    named = np.flatnonzero((often | np.isin(genes, MARKED_GENES))[order])
    ax.set_xticks(named, genes[order[named]].tolist(), rotation=90, fontsize=8)
    for label in ax.get_xticklabels():
        if label.get_text() in MARKED_GENES:
            label.set_fontweight("bold")
    step = max(1, len(chosen) // 10)
    ax.set_yticks(range(0, len(chosen), step), trajectory.epochs[::step].tolist(), fontsize=8)
    ax.set_ylabel("epoch")
    box = (-0.5, trained.best - 0.5), len(genes), 1
    frame = Rectangle(*box, fill=False, edgecolor=plots.INK, linewidth=1.2, clip_on=False)
    frame.set_zorder(5)  # above the lines between the tiles
    ax.add_patch(frame)
    swatches = [
        figures.tone_patch(color, HIGHEST, name) for name, color in _colors_of(gene_class).items()
    ]
    figure.legend(
        handles=swatches, loc="outside upper right", ncols=4, frameon=False, title="selected"
    )
    return figure


def _plot_patterns(
    trained: Trained, genes: NDArray[np.str_], gene_class: NDArray[np.str_]
) -> Figure:
    chosen = trained.selected
    order = _by_class(genes[chosen], gene_class[chosen])
    found = trained.trajectory.patterns(trained.best)
    classes = gene_class[chosen[order]]
    figure = Figure(figsize=(7, 4), layout="constrained")
    ax = plots.pattern_plot(
        Patterns(found.states[:, order], found.counts),
        names=genes[chosen[order]].tolist(),
        colors=[figures.GENE_CLASS_COLORS[name] for name in classes],
        ax=figure.subplots(),
    )
    ax.set_ylabel("synthetic cells")
    figures.tile_legend(figure, _colors_of(classes), {"off": LOWEST, "on": HIGHEST})
    return figure


def _plot_classes(results: dict[ModelName, list[Trained]], gene_class: NDArray[np.str_]) -> Figure:
    figure = Figure(figsize=(4.5 * len(results) + 0.5, 3.8), layout="constrained")
    axes = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
    for ax, (model, found) in zip(axes, results.items(), strict=True):
        trajectories = [trained.trajectory for trained in found]
        epochs, num_selected = trajectories[0].epochs, trajectories[0].features.shape[1]
        colors = _colors_of(gene_class)
        for (name, color), style in zip(colors.items(), ("-", "--", ":", "-."), strict=False):
            counts = np.stack(
                [class_counts(trajectory, gene_class, name) for trajectory in trajectories]
            )
            figures.mean_and_range(ax, epochs, counts, color, style, name)
        ax.set(xlabel="epoch", title=MODEL_NAMES[model])
        ax.set_ylim(0, num_selected + 0.3)
        plots.bare(ax)
    axes[0].set_ylabel(f"genes among the {num_selected} selected")
    axes[0].legend(frameon=False)
    return figure


def _plot_tuning(results: dict[ModelName, list[Trained]]) -> Figure:
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    ax = figure.subplots()
    colors = {"vae": plots.ORANGE, "dbm": plots.BLUE}
    for (model, found), style in zip(results.items(), ("-", "--"), strict=False):
        cramer = np.stack([trained.cramer for trained in found])
        epochs = found[0].trajectory.epochs
        figures.mean_and_range(ax, epochs, cramer, colors[model], style, MODEL_NAMES[model])
        for trained in found:
            at = epochs[trained.best], trained.cramer.min()
            ax.plot(*at, "o", color=colors[model], markeredgecolor=plots.INK)
    ax.set(xlabel="epoch", ylabel="Cramer statistic", yscale="log")
    ax.legend(frameon=False)
    plots.bare(ax)
    return figure


def _colors_of(gene_class: NDArray[np.str_]) -> dict[str, str]:
    """Return the colours of the classes that occur."""
    return {name: color for name, color in figures.GENE_CLASS_COLORS.items() if name in gene_class}


def _by_class(genes: NDArray[np.str_], gene_class: NDArray[np.str_]) -> NDArray[np.intp]:
    """Return the order of the genes by class, then by name."""
    rank = np.array([list(figures.GENE_CLASS_COLORS).index(name) for name in gene_class])
    return np.lexsort((genes, rank))
