"""Cell types distinguished by patterns in the selected genes (Section 3.2.2, Fig. 6)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.analysis import figures
from experiments.analysis.cortex_models import Trained, TuningConfig, tuned, tuning_units
from experiments.analysis.evaluation import Annotation, annotate, index_of_types, joint_map
from experiments.analysis.model_settings import MODEL_NAMES, ModelName
from experiments.analysis.statements import count_of, grade, mean_with_range
from experiments.data.cortex import MAJOR_TYPES, Cells, load_cortex
from experiments.runs.options import Unprefixed
from experiments.runs.page import Section, Statement, Table
from experiments.runs.units import Done, Unit
from loglin import plots
from loglin.validation import as_count


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's."""

    tuning: Unprefixed[TuningConfig] = field(default_factory=TuningConfig)
    num_genes: tuple[int, ...] = (4, 6, 8, 10, 12)
    """Numbers of selected genes that define the pattern."""
    num_random_genes: int = 8
    """Number of genes in a random set."""
    num_random_sets: int = 100
    """Number of random sets that the selected genes are compared with."""

    def __post_init__(self) -> None:
        """Check the settings."""
        most = self.tuning.trajectory.num_selected
        for number in self.num_genes:
            as_count(number, "num_genes", 1, most)
        as_count(self.num_random_genes, "num_random_genes", 1, most)
        as_count(self.num_random_sets, "num_random_sets", 1)
        if not self.num_genes:
            raise ValueError("`num_genes` must hold at least one number, got none")


class Annotated(NamedTuple):
    """How well the genes selected from a model annotate its samples, on one split."""

    points: NDArray[np.float64]
    """(n, 2) synthetic cells on the joint principal components."""
    cells: NDArray[np.float64]
    """(m, 2) the real cells on the same components."""
    selected: dict[int, Annotation]
    """Annotation by the first selected genes, for each number of them."""
    chosen: Annotation
    """Annotation by as many selected genes as the random sets have."""
    random: list[Annotation]
    """Annotations by random sets of genes."""
    of_cells: float = np.nan
    """Davies-Bouldin index of the real cells with their own labels, on the same map."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return the units of the tuned models."""
    return tuning_units(config.tuning, seeds)


def annotate_samples(config: Config, trained: Trained, cells: Cells, split: int) -> Annotated:
    """Transfer labels from real to synthetic cells, by selected and by random genes."""
    x = config.tuning.cells.codes(cells)
    points, cell_points = joint_map(trained.x, x)
    rng = np.random.default_rng([split, 2])

    def by(genes: NDArray[np.int64]) -> Annotation:
        return annotate(
            trained.x, points, x, cells.cell_type, genes.tolist(),
            MAJOR_TYPES, rng,
        )  # fmt: skip

    size = config.num_random_genes
    sets = [
        rng.permutation(x.shape[1])[:size].astype(np.int64) for _ in range(config.num_random_sets)
    ]
    selected = {
        number: by(trained.selected[:number]) for number in sorted({*config.num_genes, size})
    }
    return Annotated(
        points,
        cell_points,
        {number: selected[number] for number in config.num_genes},
        selected[size],
        [by(genes) for genes in sets],
        index_of_types(cell_points, cells.cell_type, MAJOR_TYPES),
    )


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's statements with what was measured."""
    cells = load_cortex(config.tuning.cells.panel)
    results = {
        model: [annotate_samples(config, trained, cells, split) for split, trained in found.items()]
        for model, found in tuned(done).items()
    }
    statements = []
    for model, found in results.items():
        statements += [
            _matched(model, found, cells.cell_type),
            _more_genes(model, found),
            _random(model, found),
        ]
    number = count_of(max(len(found) for found in results.values()), "split")
    introduction = (
        "Each synthetic cell of the tuned models gets the most frequent label of the real cells "
        "with the same pattern in the selected genes, or a random label if there are none. "
        "Synthetic and real cells are standardized together and mapped to two principal "
        "components. The Davies-Bouldin index (lower is better) is computed on this map from the "
        f"synthetic cells labelled {', '.join(MAJOR_TYPES)}. Results are from {number}."
    )
    rows = [
        [MODEL_NAMES[model], f"{number} selected genes", *_index_and_match(annotations)]
        for model, found in results.items()
        for number in config.num_genes
        for annotations in [[annotated.selected[number] for annotated in found]]
    ] + [
        [MODEL_NAMES[model], f"{config.num_random_genes} random genes",
         *_index_and_match([a for annotated in found for a in annotated.random])]
        for model, found in results.items()
    ]  # fmt: skip
    return Section(
        "Annotation of synthetic cells (Section 3.2.2, Fig. 6)",
        introduction,
        statements,
        plot(results, cells),
        [Table("Mean and range over splits", ["model", "pattern of", "Davies-Bouldin index",
               "synthetic cells whose pattern a real cell has"], rows)],
    )  # fmt: skip


def _index_and_match(annotations: Sequence[Annotation]) -> tuple[str, str]:
    matched = np.mean([annotation.matched.mean() for annotation in annotations])
    return mean_with_range(
        [annotation.davies_bouldin for annotation in annotations]
    ), f"{matched:.0%}"


def _matched(
    model: ModelName, found: Sequence[Annotated], cell_type: NDArray[np.str_]
) -> Statement:
    most = max(found[0].selected)
    ratio = [_closeness(a, a.selected[most], cell_type) for a in found]
    return Statement(
        f"{MODEL_NAMES[model]}: synthetic cells lie close to the real cells that gave the label.",
        f"with {most} genes, the centre of the synthetic cells with a label is closest to the "
        f"centre of the real cells of this type in {np.mean(ratio):.0%} of labels and splits (by "
        f"chance {1 / len(MAJOR_TYPES):.0%})",
        grade(float(np.mean(ratio)), reproduced=0.8, partly=0.5),
        [share >= 0.8 for share in ratio],
    )


def _closeness(annotated: Annotated, annotation: Annotation, cell_type: NDArray[np.str_]) -> float:
    """Return the share of types whose synthetic cells are centred closest to their real cells."""
    centers = np.array([annotated.cells[cell_type == name].mean(axis=0) for name in MAJOR_TYPES])
    nearest = []
    for rank, name in enumerate(MAJOR_TYPES):
        own = annotated.points[annotation.matched & (annotation.labels == name)]
        if len(own):
            distance = np.linalg.norm(centers - own.mean(axis=0), axis=1)
            nearest.append(distance.argmin() == rank)
    return float(np.mean(nearest)) if nearest else 0.0


def _more_genes(model: ModelName, found: Sequence[Annotated]) -> Statement:
    fewest, most = min(found[0].selected), max(found[0].selected)
    few, many = ([a.selected[number].davies_bouldin for a in found] for number in (fewest, most))
    better = np.mean(np.array(many) < np.array(few))
    types = np.array([[_num_types(a.selected[n]) for n in (fewest, most)] for a in found])
    num_types = types.mean(axis=0)
    return Statement(
        f"{MODEL_NAMES[model]}: with more genes, more cell types can be distinguished.",
        f"with {fewest} genes, {num_types[0]:.1f} types are assigned by pattern to at least 1 % of "
        f"the synthetic cells, with {most} genes {num_types[1]:.1f} types; the Davies-Bouldin "
        f"index of the five types in the figure is {np.mean(few):.2f} with {fewest} genes and "
        f"{np.mean(many):.2f} with {most}, and lower with {most} genes in {better:.0%} of splits",
        grade(float(num_types[1] / num_types[0]), reproduced=1.25, partly=1.05),
        (types[:, 1] >= 1.25 * types[:, 0]).tolist(),
    )


def _num_types(annotation: Annotation) -> int:
    """Count the types that are assigned by pattern to at least 1 % of the synthetic cells."""
    counts = np.unique(annotation.labels[annotation.matched], return_counts=True)[1]
    return int((counts >= 0.01 * len(annotation.labels)).sum())


def _random(model: ModelName, found: Sequence[Annotated]) -> Statement:
    better = np.array(
        [
            [_index(random) < _index(annotated.chosen) for random in annotated.random]
            for annotated in found
        ]
    )
    tells_all = np.array([[_tells_all(random) for random in a.random] for a in found])
    of_all, of_telling = better.sum(axis=1), (better & tells_all).sum(axis=1)
    number, none = len(found[0].random), of_all == 0
    return Statement(
        f"{MODEL_NAMES[model]}: the Davies-Bouldin index is always higher for 100 random sets of "
        "genes.",
        f"{of_all.mean():.1f} of {number} random sets are better than the selected genes (from "
        f"{of_all.min()} to {of_all.max()} over splits); none is better in {none.mean():.0%} of "
        f"splits. Counting only the random sets whose patterns tell each of the {len(MAJOR_TYPES)} "
        f"types in 1 % of the synthetic cells ({tells_all.sum(axis=1).mean():.0f} of {number}), "
        f"{of_telling.mean():.1f} are better, and none in {(of_telling == 0).mean():.0%} of splits",
        grade(
            float(none.mean()),
            reproduced=0.99,
            partly=0.0 if of_all.max() <= number / 20 else None,
        ),
        none.tolist(),
        _which_are_better(better, tells_all, found),
        "random-sets",
    )


def _which_are_better(
    better: NDArray[np.bool_], tells_all: NDArray[np.bool_], found: Sequence[Annotated]
) -> str:
    """Say what the random sets have in common that are better than the selected genes."""
    if not better.any():
        return ""
    index = np.mean([_index(annotated.chosen) for annotated in found])
    return (
        f"Of the random sets that are better, {(~tells_all)[better].mean():.0%} miss one of the "
        f"{len(MAJOR_TYPES)} types, of all {(~tells_all).mean():.0%}: fewer groups are easier to "
        "keep apart, and the index does not ask whether a type is there. On this map the real "
        f"cells with their own labels have an index of "
        f"{np.mean([annotated.of_cells for annotated in found]):.1f}, the synthetic cells with the "
        f"selected genes {index:.1f}. {_where_all_are_told(better.sum(axis=1) > 0, found)}"
    )


def _where_all_are_told(is_beaten: NDArray[np.bool_], found: Sequence[Annotated]) -> str:
    """Compare the splits whose selected genes tell all types with those where they do not."""
    told = np.array([_tells_all(annotated.chosen) for annotated in found])
    sentence = (
        f"The patterns of the selected genes tell each of the {len(MAJOR_TYPES)} types in 1 % of "
        f"the cells in {told.sum()} of {len(told)} splits; no random set is better in "
        f"{(told & ~is_beaten).sum()} of these"
    )
    if told.all():
        return f"{sentence}."
    others = [annotated for annotated, by_all in zip(found, told, strict=True) if not by_all]
    at_random = np.mean([_share_at_random(annotated.chosen) for annotated in others])
    return (
        f"{sentence} and in {(~told & ~is_beaten).sum()} of the others, where {at_random:.0%} of "
        "the cells with the label of the rarest type have it at random, for want of a match."
    )


def _share_at_random(annotation: Annotation) -> float:
    """Return the share of cells without a match among those labelled as the rarest type."""
    has_it = annotation.labels == MAJOR_TYPES[_counts(annotation).argmin()]
    return float((has_it & ~annotation.matched).sum() / max(1, has_it.sum()))


def _tells_all(annotation: Annotation) -> bool:
    """Return whether each of the types is assigned by pattern to 1 % of the synthetic cells."""
    return bool(_counts(annotation).min() >= 0.01 * len(annotation.labels))


def _counts(annotation: Annotation) -> NDArray[np.int64]:
    """Count the synthetic cells to which each of the types is assigned by pattern."""
    labels = annotation.labels[annotation.matched]
    return np.array([(labels == name).sum() for name in MAJOR_TYPES])


def _index(annotation: Annotation) -> float:
    """Return the Davies-Bouldin index; without two types in the samples it is infinitely bad."""
    return annotation.davies_bouldin if np.isfinite(annotation.davies_bouldin) else np.inf


def plot(results: dict[ModelName, list[Annotated]], cells: Cells) -> dict[str, tuple[Figure, str]]:
    """Draw Fig. 6 for the first split, and the index of selected and random genes."""
    return {
        "annotation": (
            _plot_annotation(results, cells),
            "Fig. 6 (first split): real and synthetic cells on their joint principal "
            "components; synthetic cells have the label of the real cells with their pattern.",
        ),
        "random-sets": (
            _plot_random(results),
            "Davies-Bouldin index with the selected genes (points, one per split) and with random "
            "sets of genes (bars, all splits).",
        ),
    }


def _plot_annotation(results: dict[ModelName, list[Annotated]], cells: Cells) -> Figure:
    first = next(iter(results.values()))[0]
    shown = [number for number in first.selected if number in (4, 8, 12)] or list(first.selected)
    width = len(shown) + 1
    figure = Figure(figsize=(2.7 * width, 2.7 * len(results) + 0.5), layout="constrained")
    axes = figure.subplots(len(results), width, squeeze=False, sharex="row", sharey="row")
    for row, (model, found) in zip(axes, results.items(), strict=True):
        annotated = found[0]
        figures.scatter_by_label(row[0], annotated.cells, cells.cell_type, figures.TYPE_COLORS, 4)
        row[0].set_title("real cells", fontsize=10)
        row[0].set_ylabel(MODEL_NAMES[model])
        for ax, number in zip(row[1:], shown, strict=True):
            annotation = annotated.selected[number]
            figures.scatter_by_label(
                ax, annotated.points, annotation.labels, figures.TYPE_COLORS, 1.5
            )
            ax.set_title(f"{number} genes: index {annotation.davies_bouldin:.2f}", fontsize=10)
    figures.dot_legend(figure, figures.TYPE_COLORS | {"other": plots.LINE})
    return figure


def _plot_random(results: dict[ModelName, list[Annotated]]) -> Figure:
    figure = Figure(figsize=(4.2 * len(results), 3), layout="constrained")
    for ax, (model, found) in zip(
        figure.subplots(1, len(results), squeeze=False)[0], results.items(), strict=True
    ):
        index = np.array([random.davies_bouldin for a in found for random in a.random])
        index = np.log10(index[np.isfinite(index)])
        number, *_ = ax.hist(index, bins=30, color=plots.LINE)
        # An index that does not exist is not drawn.
        values = np.log10([annotated.chosen.davies_bouldin for annotated in found])
        height = np.full(len(values), 0.03 * number.max())
        ax.plot(values, height, "o", color=plots.BLUE, mec=plots.INK)
        ax.set(title=MODEL_NAMES[model], xlabel="Davies-Bouldin index", ylabel="random sets")
        most = 10 ** index.max(initial=0)
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100) if tick <= most]
        ax.set_xticks(np.log10(ticks), [str(tick) for tick in ticks])
        plots.bare(ax)
    return figure
