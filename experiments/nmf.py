"""Genes by non-negative matrix factorization, beside those of the DBM (Section 3.2.4).

Both see the same cells for training and are chosen by the cells held out: the DBM by the Cramer
statistic, the factorization by the Davies-Bouldin index of these cells, labelled by the training
cells that carry the same pattern.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments import figures
from experiments.cortex import PANEL_SIZES, Cells, Panel, load_cortex
from experiments.cortex_annotation import TYPE_COLORS
from experiments.cortex_models import TuningConfig, split_cells, tuned, tuning_units
from experiments.evaluation import (
    annotate,
    most_loaded,
    nmf_loadings,
    principal_components,
    separation,
)
from experiments.report import Section, Statement, Table, judge, say_number, say_range
from experiments.runs import Done, Flat, Track, Unit, without_bar
from loglin import dichotomize
from loglin.tables import as_count

PAPER_SHARED = ["Calb2", "Car4", "Cdh13", "Parm1", "Penk", "Pvalb", "Rorb", "Sst", "Vip"]
"""The genes that the paper found by NMF and by the DBM."""
INPUTS = ("expression", "codes")
"""What is factorized: the paper does not say whether the genes were cut before."""
PANELS: tuple[Panel, ...] = ("markers", "receptors")
CONSIDERABLE = 0.1
"""A lead in separation from here on."""
NUM_LABELLINGS = 25
"""Random labels for the held-out cells without a match are drawn so often, and the median counts:
they are many, and one draw would decide which factorization is best."""
CLASS_COLORS = {"GABA": figures.ORANGE, "Glutamate": figures.BLUE}


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's."""

    tuning: Flat[TuningConfig] = field(default_factory=lambda: TuningConfig(models=("dbm",)))
    num_receptors: int = 8
    """Genes to select of the receptor panel."""
    num_factors: int = 10
    """Factors that are tried: 1, 2, ... up to as many."""
    num_factor_starts: int = 10
    """Random starts of each factorization."""
    num_random_sets: int = 100
    """Random sets of genes, for comparison."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("num_factors", "num_factor_starts", "num_random_sets"):
            as_count(getattr(self, name), name, 1)
        as_count(self.num_receptors, "num_receptors", 1, PANEL_SIZES["receptors"])
        if self.tuning.panel != "markers" or self.tuning.models != ("dbm",):
            raise ValueError("`panel` and `models` cannot be chosen: this is of DBMs, both panels")

    def panel(self, panel: Panel) -> TuningConfig:
        """Return the settings of the DBMs of a panel."""
        if panel == PANELS[0]:
            return self.tuning
        course = replace(self.tuning.course, num_selected=self.num_receptors)
        return replace(self.tuning, panel=panel, course=course)


@dataclass(frozen=True)
class Factorizations:
    """Settings of a unit; its seed is that of the split."""

    panel: Panel
    cut: float
    num_training: int
    num_selected: int
    num_factors: int
    num_starts: int


class Factorized(NamedTuple):
    """The genes of the factorization whose cells cluster best."""

    features: NDArray[np.int64]
    """(inputs, q) the most loaded genes of the best one."""
    num_factors: NDArray[np.int64]
    """(inputs,) its factors."""
    davies_bouldin: NDArray[np.float64]
    """(inputs, k, starts) of the held-out cells by the genes of each, the median over draws of the
    random labels; NaN with one type only."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return the units of the tuned DBMs and of the factorizations, of both panels."""
    splits = list(seeds)
    found = []
    for panel in PANELS:
        tuning = config.panel(panel)
        settings = Factorizations(
            panel, tuning.cut, tuning.num_training, tuning.course.num_selected,
            config.num_factors, config.num_factor_starts,
        )  # fmt: skip
        found += tuning_units(tuning, splits) + [Unit(compute, settings, seed) for seed in splits]
    return found


def compute(settings: Factorizations, seed: int, track: Track = without_bar) -> Factorized:
    """Factorize the training cells and keep the genes that label the cells held out best.

    Raises
    ------
    OSError
        If the cortex data cannot be had.
    """
    cells = load_cortex(settings.panel)
    x = dichotomize(cells.expression, settings.cut)
    split = split_cells(seed, settings.num_training)
    points = principal_components(x, 2, standardize=True)[split.held_out]
    labels = cells.cell_type[split.training]

    def clustering(genes: NDArray[np.int64]) -> float:
        """Return the index; labels of patterns that no training cell carries are random."""
        found = [
            annotate(
                x[split.held_out], points, x[split.training], labels, genes.tolist(),
                list(TYPE_COLORS), np.random.default_rng([seed, 3, number]),
            ).davies_bouldin
            for number in range(NUM_LABELLINGS)
        ]  # fmt: skip
        return float(np.median(found))

    inputs = cells.expression[split.training], x[split.training]
    shape = len(INPUTS), settings.num_factors, settings.num_starts
    features = np.empty((*shape, settings.num_selected), np.int64)
    index = np.empty(shape)
    for place in track(np.ndindex(shape), index.size):
        which, size, start = place
        loadings = nmf_loadings(inputs[which], size + 1, start)
        features[place] = most_loaded(loadings, settings.num_selected)
        index[place] = clustering(features[place])
    flat = np.where(np.isnan(index), np.inf, index).reshape(len(INPUTS), -1)
    sizes, starts = np.unravel_index(flat.argmin(axis=1), shape[1:])
    which = np.arange(len(INPUTS))
    return Factorized(features[which, sizes, starts], sizes + 1, index)


class Panels(NamedTuple):
    """The genes of one panel, one entry a split."""

    splits: list[int]
    """Their seeds."""
    genes: NDArray[np.str_]
    """(p,) names of all genes of the panel."""
    sets: dict[str, NDArray[np.int64]]
    """By method: (splits, q)."""
    separation: dict[str, NDArray[np.float64]]
    """By method, and of random sets: (splits,) or (splits, sets), of the cells held out."""
    num_factors: dict[str, NDArray[np.int64]]
    """By method, of the best factorization: (splits,)."""

    def shared(self, method: str) -> list[set[str]]:
        """Return the genes that a method shares with the DBM, split by split."""
        pairs = zip(self.sets["DBM"], self.sets[method], strict=True)
        return [set(self.genes[np.intersect1d(*pair)].tolist()) for pair in pairs]

    def share_shared(self, method: str) -> NDArray[np.float64]:
        """Return which share of the DBM's genes a method shares, (splits,)."""
        return np.array([len(genes) for genes in self.shared(method)]) / self.sets["DBM"].shape[1]


METHODS = ("DBM", *(f"NMF of {name}" for name in INPUTS))
EXPRESSION = METHODS[1]
"""The statements are judged by this one."""
RANDOM = "random genes"


def compare(config: Config, panel: Panel, done: Sequence[Done], cells: Cells) -> Panels | None:
    """Put the genes of the methods side by side, and how far apart they keep the classes.

    None if no split has both a DBM and factorizations.
    """
    tuning = config.panel(panel)
    own = [unit for unit in done if unit.settings.panel == panel]
    factorized = {u.seed: u.result for u in own if isinstance(u.settings, Factorizations)}
    trained = tuned([unit for unit in own if not isinstance(unit.settings, Factorizations)])
    found = trained.get("dbm", {})
    splits = sorted(found.keys() & factorized.keys())
    if not splits:
        return None
    chosen = [[found[split].selected, *factorized[split].features] for split in splits]
    sets = dict(zip(METHODS, np.array(chosen).swapaxes(0, 1), strict=True))
    num_factors = np.transpose([factorized[split].num_factors for split in splits])

    x = dichotomize(cells.expression, tuning.cut)
    size, num_genes = tuning.course.num_selected, x.shape[1]

    def separated(split: int, genes: NDArray[np.int64]) -> float:
        held_out = split_cells(split, tuning.num_training).held_out
        return separation(x[np.ix_(held_out, genes)], cells.cell_class[held_out])

    of_methods = {
        method: np.array([separated(*pair) for pair in zip(splits, genes, strict=True)])
        for method, genes in sets.items()
    }
    rng = np.random.default_rng(0)
    of_random = [
        [separated(split, rng.permutation(num_genes)[:size]) for _ in range(config.num_random_sets)]
        for split in splits
    ]
    return Panels(
        splits,
        cells.genes,
        sets,
        of_methods | {RANDOM: np.array(of_random)},
        dict(zip(METHODS[1:], num_factors, strict=True)),
    )


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Set the paper's statements beside what was measured."""
    cells = {panel: load_cortex(panel) for panel in PANELS}
    compared = {panel: compare(config, panel, done, cells[panel]) for panel in PANELS}
    found = {panel: of for panel, of in compared.items() if of is not None}
    number = say_number(max((len(of.splits) for of in found.values()), default=0), "split")
    introduction = (
        "Multiplicative updates for the Kullback-Leibler divergence factorize the cells for "
        f"training into 1 to {config.num_factors} factors, from {config.num_factor_starts} starts "
        "each. Of each factorization the genes with the highest loading on any factor are taken; "
        "the one whose genes give the lowest Davies-Bouldin index of the cells held out counts, "
        f"the median over {NUM_LABELLINGS} draws of random labels for cells without a match. "
        "The paper does not say whether expression or its codes were factorized: both are. "
        "Separation is the mean distance between GABAergic and glutamatergic cells held out over "
        f"that within the two classes, in the codes of the genes. {number}."
    )
    return Section(
        "Comparison with NMF (Section 3.2.4)",
        introduction,
        _statements(found),
        {}
        if not found
        else {
            "separation": (
                _plot_separation(found),
                "How far apart GABAergic and glutamatergic cells lie in the selected genes (lines: "
                "splits); grey: random sets of genes, all splits.",
            ),
            "cells": (
                _plot_cells(config, found, cells),
                "Cells held out (first split) on the first two principal components of the genes "
                "selected by each method.",
            ),
        },
        [_set_table(found), _gene_table(found)],
    )


def _statements(found: dict[Panel, Panels]) -> list[Statement]:
    if len(found) < len(PANELS):
        aside = "The statements compare the markers with the receptors."
        return [Statement(aside, f"only {', '.join(found) or 'none'} done", "not measured")]
    markers, receptors = found["markers"], found["receptors"]
    return [
        _shared_markers(markers),
        _only_one(markers),
        _separated(markers, "slightly better", "markers"),
        _shared_receptors(receptors, markers),
        _more_pronounced(found),
    ]


def _say_shared(found: Panels) -> str:
    """Say how many genes each NMF shares with the DBM."""
    size = found.sets["DBM"].shape[1]
    return ", ".join(
        f"{method} {say_range(size * found.share_shared(method), 1)} of {size}"
        for method in METHODS[1:]
    )


def _shared_markers(found: Panels) -> Statement:
    named = [len(genes & set(PAPER_SHARED)) for genes in found.shared(EXPRESSION)]
    return Statement(
        f"NMF and the DBM share nine genes: {', '.join(PAPER_SHARED)}.",
        f"shared with the DBM: {_say_shared(found)}; of these nine NMF of expression and the DBM "
        f"both find {np.mean(named):.1f} (from {min(named)} to {max(named)})",
        judge(float(np.mean(named)) / len(PAPER_SHARED), 0.8, 0.5),
    )


def _only_one(found: Panels) -> Statement:
    expected = {"Enpp2": EXPRESSION, "Bcl6": "DBM", "Mybpc1": "DBM"}
    parts, shares = [], []
    for gene, by in expected.items():
        share = {m: float((found.genes[s] == gene).any(axis=1).mean()) for m, s in
                 found.sets.items() if m in METHODS[:2]}  # fmt: skip
        parts.append(f"{gene}: " + ", ".join(f"{m} {value:.0%}" for m, value in share.items()))
        shares.append(share[by] - sum(v for m, v in share.items() if m != by))
    return Statement(
        "Only NMF selects Gria3 and Enpp2, only the DBM Bcl6 and Mybpc1.",
        f"share of the splits that select {'; '.join(parts)}. Gria3 is none of the markers but a "
        "receptor gene",
        "partly" if min(shares) >= 0.5 else "not reproduced",  # Gria3 cannot be measured
    )


def _separated(found: Panels, how: str, panel: str) -> Statement:
    wins = np.mean([found.separation["DBM"] > found.separation[m] for m in METHODS[1:]], axis=1)
    return Statement(
        f"GABAergic and glutamatergic cells are {how} separated by the DBM's {panel}.",
        f"{_say_separation(found)}; the DBM's genes separate better than those of NMF in "
        + ", ".join(
            f"{win:.0%} of splits ({m.removeprefix('NMF of ')})"
            for win, m in zip(wins, METHODS[1:], strict=True)
        ),
        judge(float(wins.min()), 0.8, 0.5),
    )


def _say_separation(found: Panels) -> str:
    return ", ".join(f"{m} {values.mean():.2f}" for m, values in found.separation.items())


def _shared_receptors(found: Panels, markers: Panels) -> Statement:
    share, of_markers = (of.share_shared(EXPRESSION).mean() for of in (found, markers))
    is_less = share < of_markers
    return Statement(
        "Of the receptor genes NMF and the DBM share fewer, 3 of 8.",
        f"shared with the DBM: {_say_shared(found)}; NMF of expression shares {share:.0%}, of the "
        f"markers {of_markers:.0%}",
        "reproduced" if is_less and share <= 0.5 else "partly" if is_less else "not reproduced",
    )


def _more_pronounced(found: dict[Panel, Panels]) -> Statement:
    statement = _separated(found["receptors"], "considerably better", "receptors")
    ahead = {
        panel: float((of.separation["DBM"] / of.separation[EXPRESSION]).mean() - 1)
        for panel, of in found.items()
    }
    is_pronounced = ahead["receptors"] > max(ahead["markers"], CONSIDERABLE)
    text = ", ".join(f"{share:+.0%} with {panel}" for panel, share in ahead.items())
    is_too_high = statement.verdict == "reproduced" and not is_pronounced
    return Statement(
        statement.paper,
        f"{statement.measured}; over NMF of expression it is {text}",
        "partly" if is_too_high else statement.verdict,
    )


def _set_table(found: dict[Panel, Panels]) -> Table:
    rows = [
        [panel, method, say_range(values, 3),
         ", ".join(map(str, of.num_factors.get(method, []))),
         ", ".join(of.genes[of.sets[method][0]]) if method in of.sets else ""]
        for panel, of in found.items()
        for method, values in of.separation.items()
    ]  # fmt: skip
    header = ["panel", "genes of", "separation", "factors, by split", "genes in the first split"]
    return Table("Separation of GABAergic and glutamatergic cells", header, rows)


def _gene_table(found: dict[Panel, Panels]) -> Table:
    rows = []
    for panel, of in found.items():
        frequency = {m: np.bincount(s.ravel(), minlength=len(of.genes)) for m, s in of.sets.items()}
        total = np.sum(list(frequency.values()), axis=0)
        for gene in np.argsort(-total, kind="stable")[: (total > 0).sum()]:
            rows.append([panel, of.genes[gene], *(str(frequency[m][gene]) for m in METHODS)])
    return Table("Splits that select a gene", ["panel", "gene", *METHODS], rows)


def _plot_separation(found: dict[Panel, Panels]) -> Figure:
    figure = Figure(figsize=(8.6, 3.4), layout="constrained")
    for ax, (panel, of) in zip(
        figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True
    ):
        random = of.separation[RANDOM].ravel()
        place = len(METHODS) + np.random.default_rng(0).uniform(-0.2, 0.2, len(random))
        ax.plot(place, random, ".", color=figures.LINE, markersize=3)
        for values in np.transpose([of.separation[method] for method in METHODS]):
            ax.plot(range(len(METHODS)), values, "o-", color=figures.BLUE, linewidth=0.8)
        ax.set_xticks(range(len(METHODS) + 1), [*METHODS, RANDOM], fontsize=8)
        ax.set(title=panel, ylabel="separation")
        figures.bare(ax)
    return figure


def _plot_cells(config: Config, found: dict[Panel, Panels], cells: dict[Panel, Cells]) -> Figure:
    figure = Figure(figsize=(2.9 * len(METHODS), 6.2), layout="constrained")
    for row, (panel, of) in zip(
        figure.subplots(len(found), len(METHODS), squeeze=False), found.items(), strict=True
    ):
        tuning = config.panel(panel)
        held_out = split_cells(of.splits[0], tuning.num_training).held_out
        x = dichotomize(cells[panel].expression, tuning.cut)[held_out]
        for ax, method in zip(row, METHODS, strict=True):
            points = principal_components(x[:, of.sets[method][0]], 2)
            _scatter(ax, points, cells[panel].cell_class[held_out])
            ax.set_title(f"{panel}: {method}", fontsize=10)
    figures.dot_legend(figure, CLASS_COLORS)
    return figure


def _scatter(ax: Axes, points: NDArray[np.float64], labels: NDArray[np.str_]) -> None:
    rng = np.random.default_rng(0)
    # Cells with the same pattern would lie on each other, and one class on the other.
    points = points + rng.normal(scale=0.06, size=points.shape)
    order = rng.permutation(len(points))
    colors = [CLASS_COLORS[name] for name in labels[order]]
    ax.scatter(points[order, 0], points[order, 1], s=6, c=colors, linewidths=0)
    ax.set_xticks([])
    ax.set_yticks([])
