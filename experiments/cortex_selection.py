"""Which genes a model relates to its latents on the cortex cells (Section 3.2.1, Fig. 5)."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from experiments import figures
from experiments.architecture import NAMES, ModelName
from experiments.cortex import NUM_CELLS, gene_columns, panel_genes
from experiments.cortex_models import Trained, TuningConfig, tuned, tuning_units
from experiments.course import Course, first_look, say_epochs
from experiments.report import Section, Statement, Table, judge, say_number
from experiments.runs import Done, Unit

Config = TuningConfig

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


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for every split, model and start."""
    return tuning_units(config, seeds)


def class_counts(course: Course, gene_class: NDArray[np.str_], name: str) -> NDArray[np.int64]:
    """How many of the chosen genes have a class at each look, (t,)."""
    return (gene_class[course.features] == name).sum(axis=1)


def plot(config: Config, results: dict[ModelName, list[Trained]]) -> dict[str, tuple[Figure, str]]:
    """Draw Fig. 5 and the patterns for the first split, and classes and tuning over all splits."""
    genes, gene_class = panel_genes(config.panel)
    drawn = {}
    for model, found in results.items():
        first, name = found[0], NAMES[model]
        drawn[f"genes-{model}"] = (
            _plot_genes(first, genes, gene_class),
            f"{name}: genes selected at each epoch (first split, best start), as in Fig. 5: dark "
            "where selected. Named are the genes selected in a quarter of the looks or more, and "
            "Pvalb, Sst and Vip; the frame marks the tuned epoch.",
        )
        drawn[f"patterns-{model}"] = (
            _plot_patterns(first, genes, gene_class),
            f"{name}: the most frequent patterns of the {config.course.num_selected} genes at the "
            "tuned epoch (first split), with the number of synthetic cells that carry them.",
        )
    drawn["classes"] = (
        _plot_classes(results, gene_class),
        "How many of the selected genes are of each class: mean over the best starts of "
        f"{_say_splits(results)}, and the range.",
    )
    drawn["tuning"] = (
        _plot_tuning(results),
        "Cramer statistic between synthetic cells and the cells held out, on five joint principal "
        f"components: mean over the best starts of {_say_splits(results)}, and the range; the "
        "lowest point of each start is its tuned epoch.",
    )
    return drawn


def _say_splits(results: dict[ModelName, list[Trained]]) -> str:
    return say_number(max(len(found) for found in results.values()), "split")


def _plot_genes(trained: Trained, genes: NDArray[np.str_], gene_class: NDArray[np.str_]) -> Figure:
    course = trained.course
    chosen = np.zeros((len(course.epochs), len(genes)), np.int64)
    np.put_along_axis(chosen, course.features, figures.SELECTED_1, axis=1)
    order = _by_class(genes, gene_class)
    figure = Figure(figsize=(11, 0.17 * len(chosen) + 2.2), layout="constrained")
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
    box = (-0.5, trained.best - 0.5), len(genes), 1
    frame = Rectangle(*box, fill=False, edgecolor=figures.INK, linewidth=1.2, clip_on=False)
    frame.set_zorder(5)  # above the lines between the tiles
    ax.add_patch(frame)
    swatches = [
        figures.tone_patch(color, figures.SELECTED_1, name)
        for name, color in _colors_of(gene_class).items()
    ]
    figure.legend(
        handles=swatches, loc="outside upper right", ncols=4, frameon=False, title="selected"
    )
    return figure


def _plot_patterns(
    trained: Trained, genes: NDArray[np.str_], gene_class: NDArray[np.str_]
) -> Figure:
    course, best, final = trained.course, trained.best, trained.selected
    order = _by_class(genes[final], gene_class[final])
    final = final[order]
    figure = Figure(figsize=(7, 4), layout="constrained")
    ax = figure.subplots()
    tiles = figures.pattern_tiles(np.arange(len(final)), course.states[best][:, order], len(final))
    figures.mosaic(ax, tiles, [CLASS_COLORS[name] for name in gene_class[final]])
    ax.set_xticks(range(len(final)), genes[final].tolist(), rotation=90)
    ax.set_yticks(range(len(tiles)), [f"{count:,}" for count in course.counts[best]], fontsize=8)
    ax.set_ylabel("synthetic cells")
    tones = {"off": figures.SELECTED_0, "on": figures.SELECTED_1}
    figures.mosaic_legend(figure, _colors_of(gene_class[final]), tones)
    return figure


def _plot_classes(results: dict[ModelName, list[Trained]], gene_class: NDArray[np.str_]) -> Figure:
    figure = Figure(figsize=(4.5 * len(results) + 0.5, 3.8), layout="constrained")
    axes = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
    for ax, (model, found) in zip(axes, results.items(), strict=True):
        courses = [trained.course for trained in found]
        epochs, num_selected = courses[0].epochs, courses[0].features.shape[1]
        colors = _colors_of(gene_class)
        for (name, color), style in zip(colors.items(), ("-", "--", ":", "-."), strict=False):
            counts = np.stack([class_counts(course, gene_class, name) for course in courses])
            figures.mean_and_range(ax, epochs, counts, color, style, name)
        ax.set(xlabel="epoch", title=NAMES[model])
        ax.set_ylim(0, num_selected + 0.3)
        figures.bare(ax)
    axes[0].set_ylabel(f"genes among the {num_selected} selected")
    axes[0].legend(frameon=False)
    return figure


def _plot_tuning(results: dict[ModelName, list[Trained]]) -> Figure:
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    ax = figure.subplots()
    colors = {"vae": figures.ORANGE, "dbm": figures.BLUE}
    for (model, found), style in zip(results.items(), ("-", "--"), strict=False):
        cramer = np.stack([trained.cramer for trained in found])
        epochs = found[0].course.epochs
        figures.mean_and_range(ax, epochs, cramer, colors[model], style, NAMES[model])
        for trained in found:
            at = epochs[trained.best], trained.cramer.min()
            ax.plot(*at, "o", color=colors[model], markeredgecolor=figures.INK)
    ax.set(xlabel="epoch", ylabel="Cramer statistic", yscale="log")
    ax.legend(frameon=False)
    figures.bare(ax)
    return figure


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Set the paper's genes and statements beside what was selected here."""
    genes, gene_class = panel_genes(config.panel)
    results = {model: list(found.values()) for model, found in tuned(done).items()}
    num_selected = config.course.num_selected
    if config.panel == "receptors":
        aside = "The statements are about the marker panel."
        statements = [Statement(aside, "see the tables", "not measured")]
    else:
        statements = [_common_genes(results, genes)]
        for model, found in results.items():
            courses = [trained.course for trained in found]
            statements += [
                _first_epochs(NAMES[model], courses, gene_class),
                _later_epochs(NAMES[model], courses, gene_class),
                _marked_genes(NAMES[model], courses, genes),
            ]
    introduction = (
        f"{' and '.join(NAMES[model] for model in results)}, with {config.num_latents} latents "
        f"each, learn {config.share_for_training:.1%} of the {NUM_CELLS} cells of the mouse visual "
        f"cortex, {len(genes)} genes cut at their median, in {_say_splits(results)} and from "
        f"{config.num_starts} starts each. Every {config.course.every} epochs "
        f"{config.course.num_samples} synthetic cells are drawn and {num_selected} genes selected; "
        "the start and the epoch with the smallest Cramer statistic to the cells held out count "
        "as the tuned model. Epochs of a DBM are half pretraining, half fine-tuning. Late steps "
        "deserve care: an empty cell of the table counts 0.5, which favours rare genes once the "
        "table is sparse; the gain of each gene after shuffling stands in the tables."
    )
    return Section(
        "Marker genes of the cortex (Section 3.2.1, Fig. 5)",
        introduction,
        statements,
        plot(config, results),
        [_gene_table(NAMES[model], found, genes, gene_class) for model, found in results.items()],
    )


def _gene_table(
    name: str,
    results: Sequence[Trained],
    genes: NDArray[np.str_],
    gene_class: NDArray[np.str_],
) -> Table:
    """List the genes of the first split in order, then those of other splits and of the paper."""
    first, best = results[0].course, results[0].best
    selected = genes[results[0].selected].tolist()
    frequency = Counter(gene for trained in results for gene in genes[trained.selected].tolist())
    elsewhere = [gene for gene, _ in frequency.most_common() if gene not in selected]
    never = [gene for gene in PAPER_DBM if gene in genes and gene not in frequency]
    rows = []
    for step, gene in enumerate([*selected, *elsewhere, *never]):
        number, gain, shuffled = "", "", ""
        if step < len(selected):
            number, gain = str(step + 1), f"{first.gains[best][step]:.0f}"
            mark = " !" if first.by_chance[best][step] else ""
            shuffled = f"{first.shuffled[best][step]:.0f}{mark}"
        (column,) = gene_columns(genes, [gene])
        splits = f"{frequency[gene]} of {len(results)}"
        rows.append([number, gene, gene_class[column], gain, shuffled, splits, _in_paper(gene)])
    epochs = ", ".join(str(trained.course.epochs[trained.best]) for trained in results)
    return Table(
        f"{name}: the genes selected from the tuned models, at epoch {epochs} of the splits",
        [
            "step (first split)",
            "gene",
            "class",
            "G2 gain",
            "gain when shuffled (! explained by chance)",
            "splits that select it",
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


def _common_genes(results: dict[ModelName, list[Trained]], genes: NDArray[np.str_]) -> Statement:
    both = set(PAPER_BOTH)
    parts, least = [], 1.0
    for model, found in results.items():
        selected = [set(genes[trained.selected].tolist()) for trained in found]
        common = [len(chosen & both) for chosen in selected]
        least = min(least, float(np.mean(common)) / len(both))
        parts.append(
            f"{NAMES[model]}: {np.mean(common):.1f} of the 8 (from {min(common)} to {max(common)} "
            f"over {len(found)} splits)"
        )
        if model == "dbm":
            of_dbm = np.mean([len(chosen & set(PAPER_DBM)) for chosen in selected])
            parts[-1] += f" and {of_dbm:.1f} of the {len(PAPER_DBM)} that the paper names for it"
    if len(results) == 2:
        pairs = zip(*results.values(), strict=False)
        shared = [len(np.intersect1d(a.selected, b.selected)) for a, b in pairs]
        parts.append(
            f"of the {len(results['vae'][0].selected)} genes of a split both models select "
            f"{np.mean(shared):.1f} (from {min(shared)} to {max(shared)}), the paper's 8"
        )
    return Statement(
        f"Eight genes are selected from both VAE and DBM samples: {', '.join(PAPER_BOTH)}.",
        "; ".join(parts),
        judge(least, 0.85, 0.5) if len(results) == 2 else "not measured",
    )


def _first_epochs(name: str, courses: Sequence[Course], gene_class: NDArray[np.str_]) -> Statement:
    paper = f"{name}: in the first epochs a large share of the selected genes are non-neural."
    epochs = courses[0].epochs
    looks = np.flatnonzero((epochs >= 5) & (epochs <= 10))
    if not len(looks):
        return Statement(paper, "no look at epochs 5 to 10", "not measured")
    counts = np.stack([class_counts(c, gene_class, "non-neural")[looks] for c in courses])
    num_selected = courses[0].features.shape[1]
    base = (gene_class == "non-neural").mean() * num_selected
    return Statement(
        paper,
        f"{counts.mean():.1f} of {num_selected} at {say_epochs(epochs[looks])} (from "
        f"{counts.min()} to {counts.max()}); genes drawn at random would have {base:.1f}",
        judge(counts.mean() / num_selected, 0.5, base / num_selected),
    )


def _later_epochs(name: str, courses: Sequence[Course], gene_class: NDArray[np.str_]) -> Statement:
    paper = f"{name}: from epoch 20 on mostly GABAergic and glutamatergic markers are selected."
    epochs = courses[0].epochs
    look = first_look(courses[0], 20)
    if look is None:
        return Statement(paper, f"training stopped at epoch {epochs[-1]}", "not measured")
    num_selected = courses[0].features.shape[1]
    is_neural = np.isin(gene_class, ["gabaergic", "glutamatergic"])
    neural = np.stack([is_neural[c.features[look:]].sum(axis=1) for c in courses])
    majority = neural > num_selected / 2
    return Statement(
        paper,
        f"{neural[:, 0].mean():.1f} of {num_selected} at epoch {epochs[look]}, "
        f"{neural.mean():.1f} on average from then on; they are the majority in "
        f"{majority[:, 0].mean():.0%} of splits at that epoch and in {majority.mean():.0%} of the "
        "looks from then on",
        # "From epoch 20 on" holds if it holds at epoch 20 too.
        judge(min(majority[:, 0].mean(), majority.mean()), 0.9, 0.4),
    )


def _marked_genes(name: str, courses: Sequence[Course], genes: NDArray[np.str_]) -> Statement:
    paper = f"{name}: among them are Pvalb, Sst and Vip, which tell three GABAergic groups apart."
    look = first_look(courses[0], 50)
    if look is None:
        measured = f"training stopped at epoch {courses[0].epochs[-1]}"
        return Statement(paper, measured, "not measured")
    share = [
        float(np.mean([(c.features[look:] == column).any(axis=1) for c in courses]))
        for column in gene_columns(genes, MARKED)
    ]
    text = ", ".join(f"{gene} in {s:.0%}" for gene, s in zip(MARKED, share, strict=True))
    return Statement(
        paper,
        f"of the looks from epoch {courses[0].epochs[look]} on: {text}",
        judge(min(share), 0.9, 0.5),
    )
