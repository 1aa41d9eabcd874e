"""Which genes a model relates to its latents on the cortex cells (Section 3.2.1, Fig. 5)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments import figures
from experiments.architecture import NAMES, ArchitectureConfig
from experiments.cortex import NUM_CELLS, PANEL_SIZES, Panel, gene_columns, load_cortex, panel_genes
from experiments.course import (
    Course,
    CourseConfig,
    Track,
    first_look,
    follow,
    say_epochs,
    say_seeds,
    without_bar,
)
from experiments.report import Section, Statement, Table, judge
from experiments.runs import Flat
from loglin import dichotomize

Result = Course

PAPER_DBM = ("Calb2", "Car4", "Cdh13", "Parm1", "Penk", "Pvalb", "Rorb", "Sst", "Vip", "Bcl6",
             "Mybpc1")  # fmt: skip
"""The genes that the paper names as selected from DBM samples; the twelfth is not named."""
PAPER_BOTH = ("Calb2", "Car4", "Cdh13", "Penk", "Pvalb", "Rorb", "Sst", "Vip")
"""The eight that it finds with the VAE as well."""
MARKED = ("Pvalb", "Sst", "Vip")
"""Fig. 5 highlights these."""

CLASS_COLORS = {
    "gabaergic": figures.GREEN,
    "glutamatergic": figures.ORANGE,
    "non-neural": figures.GREY,
    "neurotransmitter": figures.BLUE,
}


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's where it gives them."""

    course: Flat[CourseConfig] = field(
        default_factory=lambda: CourseConfig(num_epochs=200, num_selected=12)
    )
    panel: Panel = "markers"
    """Cell-type markers (100 genes), neurotransmitter receptors (80), or both."""
    share_for_training: float = 0.632
    """Share of the cells that the model learns from."""
    architecture: Flat[ArchitectureConfig] = field(default_factory=ArchitectureConfig)

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        if self.panel not in PANEL_SIZES:
            raise ValueError(f"`panel` must be one of {tuple(PANEL_SIZES)}, got {self.panel!r}")
        if not 0 < self.share_for_training <= 1:
            raise ValueError(
                f"`share_for_training` must be above 0 and at most 1, got {self.share_for_training}"
            )
        self.course.check_panel(PANEL_SIZES[self.panel])
        self.architecture.check(PANEL_SIZES[self.panel], self.num_training)

    @property
    def num_training(self) -> int:
        """Cells that the model learns from."""
        return max(1, round(self.share_for_training * NUM_CELLS))


def compute(config: Config, seed: int, track: Track = without_bar) -> Course:
    """Train a model on a random share of the cells and follow what it learns.

    A VAE's encoder has two layers, the second half as wide as the first (Section 3.2.1).

    Raises
    ------
    OSError
        If the cortex data cannot be had.
    """
    x = dichotomize(load_cortex(config.panel).expression)
    training = np.random.default_rng(seed).permutation(len(x))[: config.num_training]
    num_genes = x.shape[1]
    return follow(
        jax.random.key(seed),
        config.architecture,
        x[training],
        config.course,
        track,
        encoder_hidden=(num_genes, num_genes // 2),
    )


def class_counts(course: Course, gene_class: NDArray[np.str_], name: str) -> NDArray[np.int64]:
    """How many of the chosen genes have a class at each look, (t,)."""
    return (gene_class[course.features] == name).sum(axis=1)


def plot(config: Config, results: Sequence[Course]) -> dict[str, tuple[Figure, str]]:
    """Draw Fig. 5 and the final patterns for the first seed, and the classes over all seeds."""
    genes, gene_class = panel_genes(config.panel)
    num_selected = config.course.num_selected
    return {
        "genes": (
            _plot_genes(results[0], genes, gene_class),
            "Genes selected at each epoch (first seed), as in Fig. 5: dark where selected. Named "
            "are the genes selected in a quarter of the looks or more, and Pvalb, Sst and Vip.",
        ),
        "patterns": (
            _plot_patterns(results[0], genes, gene_class),
            f"The most frequent patterns of the {num_selected} genes after training (first seed), "
            "with the number of synthetic cells that carry them.",
        ),
        "classes": (
            _plot_classes(results, gene_class),
            "How many of the selected genes are of each class: mean over "
            f"{say_seeds(results)}, and the range.",
        ),
    }


def _plot_genes(course: Course, genes: NDArray[np.str_], gene_class: NDArray[np.str_]) -> Figure:
    chosen = np.zeros((len(course.epochs), len(genes)), np.int64)
    np.put_along_axis(chosen, course.features, figures.SELECTED_1, axis=1)
    order = _by_class(genes, gene_class)
    figure = Figure(figsize=(11, 0.13 * len(chosen) + 2.2), layout="constrained")
    ax = figure.subplots()
    figures.mosaic(ax, chosen[:, order], [CLASS_COLORS[name] for name in gene_class[order]])
    # Name the marked genes and those chosen in at least a quarter of the looks.
    often = (chosen > 0).mean(axis=0) >= 0.25
    named = np.flatnonzero((often | np.isin(genes, MARKED))[order])
    ax.set_xticks(named, genes[order[named]].tolist(), rotation=90, fontsize=8)
    for label in ax.get_xticklabels():
        if label.get_text() in MARKED:
            label.set_fontweight("bold")
    step = max(1, len(chosen) // 10)
    ax.set_yticks(range(0, len(chosen), step), course.epochs[::step].tolist(), fontsize=8)
    ax.set_ylabel("epoch")
    swatches = [
        figures.tone_patch(color, figures.SELECTED_1, name)
        for name, color in _colors_of(gene_class).items()
    ]
    figure.legend(
        handles=swatches, loc="outside upper right", ncols=4, frameon=False, title="selected"
    )
    return figure


def _plot_patterns(course: Course, genes: NDArray[np.str_], gene_class: NDArray[np.str_]) -> Figure:
    final = course.features[-1]
    order = _by_class(genes[final], gene_class[final])
    final = final[order]
    figure = Figure(figsize=(7, 4), layout="constrained")
    ax = figure.subplots()
    tiles = figures.pattern_tiles(np.arange(len(final)), course.states[-1][:, order], len(final))
    figures.mosaic(ax, tiles, [CLASS_COLORS[name] for name in gene_class[final]])
    ax.set_xticks(range(len(final)), genes[final].tolist(), rotation=90)
    ax.set_yticks(range(len(tiles)), [f"{count:,}" for count in course.counts[-1]], fontsize=8)
    ax.set_ylabel("synthetic cells")
    tones = {"off": figures.SELECTED_0, "on": figures.SELECTED_1}
    figures.mosaic_legend(figure, _colors_of(gene_class[final]), tones)
    return figure


def _plot_classes(results: Sequence[Course], gene_class: NDArray[np.str_]) -> Figure:
    epochs, num_selected = results[0].epochs, results[0].features.shape[1]
    figure = Figure(figsize=(8, 4), layout="constrained")
    ax = figure.subplots()
    colors = _colors_of(gene_class)
    for (name, color), style in zip(colors.items(), ("-", "--", ":", "-."), strict=False):
        counts = np.stack([class_counts(result, gene_class, name) for result in results])
        figures.mean_and_range(ax, epochs, counts, color, style, name)
    ax.set(xlabel="epoch", ylabel=f"genes among the {num_selected} selected")
    ax.set_ylim(0, num_selected + 0.3)
    ax.legend(frameon=False)
    figures.bare(ax)
    return figure


def summarize(config: Config, results: Sequence[Course]) -> Section:
    """Set the paper's genes and statements beside what was selected here."""
    genes, gene_class = panel_genes(config.panel)
    course, num_selected = results[0], config.course.num_selected
    if config.panel == "receptors":
        aside = "The statements are about the marker panel."
        statements = [Statement(aside, "see the table", "not measured")]
    else:
        statements = [
            _common_genes(config.architecture.model, results, genes),
            _first_epochs(course, results, gene_class),
            _later_epochs(course, results, gene_class),
            _marked_genes(course, results, genes),
        ]
    by_chance = np.mean([result.by_chance[-1].sum() for result in results])
    introduction = (
        f"{config.architecture.describe(config.course.num_epochs)} learns "
        f"{config.share_for_training:.1%} of the "
        f"{NUM_CELLS} cells of the mouse visual cortex, {len(genes)} genes cut at their median. "
        f"Every {config.course.every} epochs {config.course.num_samples} synthetic cells are drawn "
        f"from it, and {num_selected} genes are selected. {len(results)} "
        f"seed{'s, each with its own' if len(results) > 1 else ':'} split and weights. The paper "
        "tunes epochs and start; here the last epoch stands for the trained model. Late steps "
        "deserve care: an empty cell of the table counts 0.5, which favours rare genes once the "
        f"table is sparse. At the last epoch {by_chance:.1f} of the {num_selected} genes have a "
        "gain that chance explains: shuffled among the cells they keep more than half of it, or "
        "reach it too often."
    )
    return Section(
        f"Marker genes of the cortex from a {config.architecture.name} (Section 3.2.1, Fig. 5)",
        introduction,
        statements,
        plot(config, results),
        [_gene_table(results, genes, gene_class)],
    )


def _gene_table(
    results: Sequence[Course], genes: NDArray[np.str_], gene_class: NDArray[np.str_]
) -> Table:
    """List the genes of the first seed in order, then those of other seeds and of the paper."""
    course = results[0]
    selected = genes[course.features[-1]].tolist()
    frequency = Counter(gene for r in results for gene in genes[r.features[-1]].tolist())
    elsewhere = [gene for gene, _ in frequency.most_common() if gene not in selected]
    never = [gene for gene in PAPER_DBM if gene in genes and gene not in frequency]
    rows = []
    for step, gene in enumerate([*selected, *elsewhere, *never]):
        number, gain, shuffled = "", "", ""
        if step < len(selected):
            number, gain = str(step + 1), f"{course.gains[-1][step]:.0f}"
            mark = " !" if course.by_chance[-1][step] else ""
            shuffled = f"{course.shuffled[-1][step]:.0f}{mark}"
        (column,) = gene_columns(genes, [gene])
        seeds = f"{frequency[gene]} of {len(results)}"
        rows.append([number, gene, gene_class[column], gain, shuffled, seeds, _in_paper(gene)])
    return Table(
        f"The {len(selected)} genes selected at epoch {course.epochs[-1]}, beside the paper's",
        [
            "step (first seed)",
            "gene",
            "class",
            "G2 gain",
            "gain when shuffled (! explained by chance)",
            "seeds that select it",
            "the paper",
        ],
        rows,
    )


def _colors_of(gene_class: NDArray[np.str_]) -> dict[str, str]:
    """Colours of the classes that there are."""
    return {name: color for name, color in CLASS_COLORS.items() if name in gene_class}


def _by_class(genes: NDArray[np.str_], gene_class: NDArray[np.str_]) -> NDArray[np.intp]:
    """Order of the genes by class, then name."""
    rank = np.array([list(CLASS_COLORS).index(name) for name in gene_class])
    return np.lexsort((genes, rank))


def _in_paper(gene: str) -> str:
    if gene in PAPER_BOTH:
        return "VAE and DBM"
    return "DBM" if gene in PAPER_DBM else ""


def _common_genes(model: str, results: Sequence[Course], genes: NDArray[np.str_]) -> Statement:
    selected = [set(genes[result.features[-1]].tolist()) for result in results]
    common = [len(found & set(PAPER_BOTH)) for found in selected]
    missed = sorted(set(PAPER_BOTH) - selected[0])
    others = [name for key, name in NAMES.items() if key != model]
    measured = (
        f"{NAMES[model]} at epoch {results[0].epochs[-1]}: {np.mean(common):.1f} of the 8 (from "
        f"{min(common)} to {max(common)} over seeds); the first seed "
        f"{'misses ' + ', '.join(missed) if missed else 'has all'}. "
    )
    if model == "dbm":
        of_dbm = np.mean([len(found & set(PAPER_DBM)) for found in selected])
        measured += f"Of the {len(PAPER_DBM)} that the paper names for the DBM: {of_dbm:.1f}. "
    return Statement(
        f"Eight genes are selected from both VAE and DBM samples: {', '.join(PAPER_BOTH)}.",
        measured + f"{others[0]}: not measured in this run.",
        # Half of the statement is about the other model, so one run alone cannot bear it out.
        "partly" if np.mean(common) >= len(PAPER_BOTH) / 2 else "not reproduced",
    )


def _first_epochs(
    course: Course, results: Sequence[Course], gene_class: NDArray[np.str_]
) -> Statement:
    paper = "In the first epochs a large share of the selected genes are non-neural markers."
    looks = np.flatnonzero((course.epochs >= 5) & (course.epochs <= 10))
    if not len(looks):
        return Statement(paper, "no look at epochs 5 to 10", "not measured")
    counts = np.stack([class_counts(r, gene_class, "non-neural")[looks] for r in results])
    num_selected = course.features.shape[1]
    base = (gene_class == "non-neural").mean() * num_selected
    return Statement(
        paper,
        f"{counts.mean():.1f} of {num_selected} at {say_epochs(course.epochs[looks])}; genes "
        f"drawn at random would have {base:.1f}",
        judge(counts.mean() / num_selected, 0.5, base / num_selected),
    )


def _later_epochs(
    course: Course, results: Sequence[Course], gene_class: NDArray[np.str_]
) -> Statement:
    paper = "From epoch 20 on mostly GABAergic and glutamatergic markers are selected."
    look = first_look(course, 20)
    if look is None:
        return Statement(paper, f"training stopped at epoch {course.epochs[-1]}", "not measured")
    num_selected = course.features.shape[1]
    is_neural = np.isin(gene_class, ["gabaergic", "glutamatergic"])
    neural = np.stack([is_neural[r.features[look:]].sum(axis=1) for r in results])
    majority = neural > num_selected / 2
    return Statement(
        paper,
        f"{neural[:, 0].mean():.1f} of {num_selected} at epoch {course.epochs[look]}, "
        f"{neural.mean():.1f} on average from then on; they are the majority in "
        f"{majority[:, 0].mean():.0%} of seeds at that epoch and in {majority.mean():.0%} of the "
        "looks from then on",
        # "From epoch 20 on" holds if it holds at epoch 20 too.
        judge(min(majority[:, 0].mean(), majority.mean()), 0.9, 0.4),
    )


def _marked_genes(course: Course, results: Sequence[Course], genes: NDArray[np.str_]) -> Statement:
    paper = "Among them are Pvalb, Sst and Vip, which tell three groups of GABAergic cells apart."
    look = first_look(course, 50)
    if look is None:
        return Statement(paper, f"training stopped at epoch {course.epochs[-1]}", "not measured")
    columns = gene_columns(genes, MARKED)
    share = [
        float(np.mean([(r.features[look:] == column).any(axis=1) for r in results]))
        for column in columns
    ]
    text = ", ".join(f"{gene} in {s:.0%}" for gene, s in zip(MARKED, share, strict=True))
    return Statement(
        paper,
        f"of the looks from epoch {course.epochs[look]} on: {text}",
        judge(min(share), 0.9, 0.5),
    )
