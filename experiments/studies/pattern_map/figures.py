"""Fig. 4: patterns and their maps, and how circular their order is."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure, FigureBase
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes

from experiments.analysis import figures
from experiments.analysis.map_order import circular_order_null, num_places
from experiments.analysis.statements import count_of, mean_of_known
from experiments.data.stairs import (
    StairGenes,
    stair_genes,
)
from experiments.studies.pattern_map.experiment import (
    Config,
    Result,
    one_gene_each,
    pattern_places,
    stair_order,
)
from loglin import (
    Patterns,
    plots,
)
from loglin.plots import HIGHEST, LOWEST, NOT_SELECTED


def draw_figures(config: Config, results: Sequence[Result]) -> dict[str, tuple[Figure, str]]:
    """Draw Fig. 4 for the first repetition, and the circular order over all of them."""
    how_often = count_of(len(results), "repetition")
    genes = stair_genes(config.stairs)
    return {
        "maps": (
            _plot_maps(config, results[0], genes),
            "Fig. 4 (first repetition). Above: the most frequent patterns, numbered in the order "
            "of the stair; bright: gene not selected, medium: 0, dark: 1. Below: their maps after "
            "different numbers of epochs; a dash stands for 0, a bar for 1. The grey line follows "
            "the stair. The orientation of a map is arbitrary: each is rotated and reflected to "
            "match the last one.",
        ),
        "circular": (
            _plot_circular(config, results),
            "Circular order of the patterns for each number of epochs (1: all triples of patterns "
            "go round in the order of the stair; 0: as many go round in one direction as in the "
            f"other). Left: union of the patterns; right: one gene of each overlap. Points: "
            f"{how_often}, filled where the order is beyond chance; line: mean; grey: the middle "
            "90 % of random orders.",
        ),
    }


def _plot_maps(config: Config, result: Result, genes: StairGenes) -> Figure:
    shown = np.flatnonzero(np.isin(result.epochs, config.epochs))
    maps = result.union
    order = stair_order(pattern_places(config.stairs, maps.features, maps.states))
    # Patterns off the stair come first.
    rest = np.setdiff1d(np.arange(len(maps.states)), order)
    rank = np.argsort([*rest, *order])
    labels = [str(number) for number in rank + 1]
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    rows = -(-len(shown) // 3)
    heights = [0.22 * len(labels) / rows, 3.0 * rows]
    top, below = np.ravel(figure.subfigures(2, 1, height_ratios=heights, squeeze=False))
    _plot_patterns(top, maps.features, maps.states[[*rest, *order]], genes)
    panels = below.subplots(rows, 3, squeeze=False).ravel()
    for ax in panels[len(shown) :]:
        ax.set_axis_off()
    for ax, at in zip(panels, shown, strict=False):
        points = _laid_upon(maps.points[at], maps.points[shown[-1]])
        plots.map_plot(points, maps.states, labels=labels, path=order.tolist(), ax=ax)
        how_circular = f"{abs(maps.circular[at]):.2f}, p = {maps.p_value[at]:.2g}"
        ax.set_title(f"epoch {result.epochs[at]}: circular order {how_circular}", fontsize=9)
    return figure


def _plot_patterns(
    figure: FigureBase, features: NDArray[np.int64], states: NDArray[np.int8], genes: StairGenes
) -> None:
    """Draw the patterns in the genes of the stair, and in those noise genes that are selected."""
    shown = np.union1d(np.flatnonzero(genes.is_informative), features)
    ax = plots.pattern_plot(
        Patterns(states, np.zeros(len(states), np.int64)),
        features=np.searchsorted(shown, features).tolist(),
        colors=[figures.ROLE_COLORS[role] for role in genes.role[shown]],
        ax=figure.subplots(),
    )
    ax.set_yticks(range(len(states)), [str(n + 1) for n in range(len(states))], fontsize=7)
    ax.set(ylabel="pattern", xlabel="genes of the stair, then the selected noise genes")
    tones = {"not selected": NOT_SELECTED, "0": LOWEST, "1": HIGHEST}
    figures.tile_legend(figure, figures.ROLE_COLORS, tones)


def _laid_upon(points: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotate and reflect a map so that it matches another one as closely as possible."""
    both = np.isfinite(points).all(axis=1) & np.isfinite(last).all(axis=1)
    turn, _ = orthogonal_procrustes(points[both], last[both])
    turned: NDArray[np.float64] = points @ turn
    return turned


def _plot_circular(config: Config, results: Sequence[Result]) -> Figure:
    epochs = results[0].epochs
    rng = np.random.default_rng(0)
    union = results[0].union
    of_union = pattern_places(config.stairs, union.features, union.states)
    of_single = pattern_places(config.stairs, *one_gene_each(config.stairs))
    panels = (
        ("union of the patterns", [result.union for result in results], of_union),
        ("one gene of each overlap", [result.one_each for result in results], of_single),
    )
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(epochs))
    for ax, (title, maps, along) in zip(axes, panels, strict=True):
        at = along[np.isfinite(along)]
        if num_places(at) > 2:
            null = np.abs(circular_order_null(rng.normal(size=(len(at), 2)), [0, 0], 9999, rng, at))
            ax.axhspan(*np.quantile(null, [0.05, 0.95]), color=plots.LINE, alpha=0.4, lw=0)
        circular = np.abs(np.stack([of.circular for of in maps]))
        is_beyond = np.stack([of.p_value for of in maps]) < 0.05
        spots = places + rng.uniform(-0.12, 0.12, circular.shape)
        for which, face in ((is_beyond, plots.BLUE), (~is_beyond, "none")):
            ax.plot(spots[which], circular[which], "o", color=plots.BLUE, mfc=face, ms=4, alpha=0.7)
        ax.plot(places, [mean_of_known(column) for column in circular.T], color=plots.INK)
        ax.set_xticks(places, epochs.tolist())
        ax.set(xlabel="epochs of training", ylim=(0, 1.03), title=title)
        plots.bare(ax)
    axes[0].set_ylabel("circular order")
    return figure
