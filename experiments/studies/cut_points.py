"""The quantile at which the expression of a gene is cut into off and on (Section 3.2.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter
from numpy.typing import NDArray

from experiments.analysis.cortex_models import Trained, TuningConfig, tuning_units
from experiments.analysis.evaluation import (
    annotate,
    joint_map,
    label_accuracy,
    last_of_each_pattern,
)
from experiments.analysis.statements import count_of, grade, mean_with_range
from experiments.data.cortex import MAJOR_TYPES, Cells, load_cortex
from experiments.runs.options import Unprefixed
from experiments.runs.page import Section, Statement, Table
from experiments.runs.units import Done, Unit
from loglin import plots
from loglin.validation import as_number

NUM_DRAWS = 2000
"""How often the starts of a split are drawn again, to see how far a ranking depends on them."""


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's."""

    tuning: Unprefixed[TuningConfig] = field(default_factory=lambda: TuningConfig(models=("dbm",)))
    """Settings of the DBMs; `cut` is replaced by each of `cuts`, and must be one of them."""
    cuts: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    """Quantiles of a gene's expression above which it counts as on."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for cut in self.cuts:
            as_number(cut, "cuts", 0, 1)
        if 0 in self.cuts or 1 in self.cuts or list(self.cuts) != sorted(self.cuts):
            raise ValueError(f"`cuts` must be between 0 and 1 and ascend, got {self.cuts}")
        if len(set(self.cuts)) < max(2, len(self.cuts)):
            raise ValueError(f"`cuts` must be different, at least two, got {self.cuts}")
        if self.tuning.cells.panel != "markers" or self.tuning.models != ("dbm",):
            raise ValueError("`panel` and `models` cannot be chosen: this is of DBMs, markers")
        if self.tuning.cells.cut not in self.cuts:
            raise ValueError(f"`cuts` must hold `cut`, {self.tuning.cells.cut}, got {self.cuts}")


class Quality(NamedTuple):
    """Quality of the genes of each start and split at one cut, (starts x splits,) each."""

    davies_bouldin: NDArray[np.float64]
    """Davies-Bouldin index of the synthetic cells, labelled by pattern, on the joint map with the
    real cells."""
    accuracy: NDArray[np.float64]
    """Share of held-out cells whose type the training cells with the same pattern predict."""
    cramer: NDArray[np.float64]
    """Cramer statistic between synthetic and held-out cells."""
    authors: NDArray[np.float64]
    """Davies-Bouldin index as in the authors' code: of all types, where the last real cell with a
    pattern gives the label, not the most frequent one."""
    split: NDArray[np.float64]
    """Seed of the split."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return the units of the models at each cut; the seeds are those of the splits."""
    splits = list(seeds)
    return [
        unit for cut in config.cuts for unit in tuning_units(_cut_at(config.tuning, cut), splits)
    ]


def _cut_at(tuning: TuningConfig, cut: float) -> TuningConfig:
    return replace(tuning, cells=replace(tuning.cells, cut=cut))


def quality(done: Sequence[Done], cells: Cells) -> Quality:
    """Evaluate the m models of one cut, each on the samples of its best epoch: (m,) each."""
    x, types = done[0].settings.cells.codes(cells), np.unique(cells.cell_type).tolist()
    rows = []
    for unit in done:
        trained: Trained = unit.result
        genes = trained.selected.tolist()
        split = unit.settings.cells.split(unit.settings.split)
        rng = np.random.default_rng([unit.settings.split, unit.seed, 4])
        points, _ = joint_map(trained.x, x)
        index = annotate(
            trained.x, points, x, cells.cell_type, genes, MAJOR_TYPES, rng
        ).davies_bouldin
        accuracy = label_accuracy(x, cells.cell_type, split, genes, rng)
        last = last_of_each_pattern(x, genes)
        authors = annotate(
            trained.x, points, x[last], cells.cell_type[last], genes, types, rng
        ).davies_bouldin
        split_seed = unit.settings.split
        rows.append((index, accuracy, trained.cramer.min(), authors, split_seed))
    return Quality(*np.array(rows).T)


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's statements with what was measured."""
    cells = load_cortex("markers")
    by_cut = {cut: [unit for unit in done if unit.settings.cells.cut == cut] for cut in config.cuts}
    judged = {cut: quality(of_cut, cells) for cut, of_cut in by_cut.items() if of_cut}
    # With fewer than two of the types among the synthetic cells there is no index.
    found = {
        cut: of_cut for cut, of_cut in judged.items() if np.isfinite(of_cut.davies_bouldin).any()
    }
    number = count_of(len({unit.settings.split for unit in done}), "split")
    introduction = (
        "DBMs are trained on cells with each gene cut at a quantile of its expression, from "
        f"{config.tuning.num_starts} starts for each cut. For each start, the epoch closest to the "
        f"held-out cells is used: {config.tuning.trajectory.num_selected} genes are selected, and "
        "synthetic cells are labelled by their pattern in these genes. The Davies-Bouldin index "
        "(lower is better) of the labelled cells and the Cramer statistic are computed on maps "
        "that differ between cuts. How often the pattern of a held-out cell predicts its type, one "
        f"of 15, can be compared across cuts. Results are from {number}."
    )
    rows = [
        [cut, *(mean_with_range(values) for values in of_cut[:4])] for cut, of_cut in found.items()
    ]
    header = ["cut at", "Davies-Bouldin index", "types predicted correctly", "Cramer statistic",
              "index as in the authors' code"]  # fmt: skip
    return Section(
        "Cut points (Section 3.2.3)",
        introduction,
        [_similar(found), _ranking(found)],
        {
            "cuts": (
                _plot(found),
                "Mean over starts and splits (line), and each of them (points), by cut.",
            )
        },
        [Table("Mean and range over starts and splits", header, rows)],
    )


def _similar(found: dict[float, Quality]) -> Statement:
    """Compare the spread between cuts with that of the models at one cut."""
    paper = "Clusterings are generally similar at each cut point."
    of_index = {cut: of_cut.davies_bouldin for cut, of_cut in found.items()}
    index = _mean(of_index)
    accuracy = np.array([of_cut.accuracy.mean() for of_cut in found.values()])
    if not _can_compare(found):
        return Statement(paper, "fewer than three cuts with three models each", "not measured")
    spread = np.mean([np.nanstd(of_cut.davies_bouldin, ddof=1) for of_cut in found.values()])
    is_similar = np.abs(index - np.median(index)) <= 2 * spread
    outside = [f"{cut:g}" for cut, similar in zip(found, is_similar, strict=True) if not similar]
    return Statement(
        paper,
        f"the mean index is between {index.min():.2f} and {index.max():.2f}; its standard "
        f"deviation over the models of one cut is {spread:.2f}. Cuts more than two standard "
        f"deviations from the median of all cuts: {', '.join(outside) or 'none'}. Patterns predict "
        f"the type of {accuracy.min():.0%} to {accuracy.max():.0%} of the held-out cells",
        grade(float(is_similar.mean()), reproduced=0.99, partly=0.7),
        [
            bool(np.all(np.abs(means - np.median(means)) <= 2 * spread))
            for split in _splits(found)
            for means in [_mean(_in_split(found, of_index, split))]
        ],
        f"The index is highest at the cut {_names([_order(of_index)[-1]])}, where patterns predict "
        f"the type of {accuracy[index.argmax()]:.0%} of the held-out cells, and lowest at "
        f"{_names([_order(of_index)[0]])}, where they predict {accuracy[index.argmin()]:.0%}. The "
        "more a cut lies at an end, the fewer cells differ in a gene.",
        "cuts",
    )


def _ranking(found: dict[float, Quality]) -> Statement:
    paper = "By the Davies-Bouldin index, the third decile is the best cut, the median the worst."
    cuts = list(found)
    if not _can_compare(found) or not {0.3, 0.5} <= set(cuts):
        return Statement(paper, "too few cuts, or too few models at a cut", "not measured")
    index = {cut: of_cut.davies_bouldin for cut, of_cut in found.items()}
    authors = {cut: of_cut.authors for cut, of_cut in found.items()}
    accuracy = {cut: -of_cut.accuracy for cut, of_cut in found.items()}
    error = np.mean([_standard_error(values) for values in index.values()])
    best, *_, worst = _order(index)
    chance = 1 / (len(cuts) * (len(cuts) - 1))
    as_we_do, as_they_do = (_share_as_in_paper(found, values) for values in (index, authors))
    return Statement(
        paper,
        f"from best to worst by the index: {_names(_order(index))} (mean "
        f"{_mean(index).min():.2f} to {_mean(index).max():.2f}, standard error {error:.2f}); "
        f"counted as in the authors' code: {_names(_order(authors))} (mean "
        f"{_mean(authors).min():.1f} to {_mean(authors).max():.1f}); by the types predicted "
        f"correctly: {_names(_order(accuracy))}",
        grade(float(np.mean([best == 0.3, worst == 0.5])), reproduced=1, partly=0.5),
        _in_splits(found, index),
        "In one split with as many starts as here, drawn again with replacement, the third decile "
        f"is best and the median worst with probability {as_we_do:.2g}; counted as in the authors' "
        "code, where the last cell with a pattern gives its label and all types count, with "
        f"{as_they_do:.2g}. If all cuts were equal it would be {chance:.2g}, so that the ranking "
        "of a single split says little.",
        "cuts",
    )


def _mean(values: dict[float, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.array([np.nanmean(of_cut) for of_cut in values.values()])


def _order(values: dict[float, NDArray[np.float64]]) -> list[float]:
    """Return the cuts by their mean value, lowest first."""
    cuts = list(values)
    return [cuts[at] for at in np.argsort(_mean(values))]


def _names(cuts: Sequence[float]) -> str:
    return ", ".join(f"{cut:g}" for cut in cuts)


def _splits(found: dict[float, Quality]) -> list[float]:
    """Return the splits in which all cuts have a model."""
    common = set.intersection(*(set(of_cut.split.tolist()) for of_cut in found.values()))
    return sorted(common)


def _in_split(
    found: dict[float, Quality], values: dict[float, NDArray[np.float64]], split: float
) -> dict[float, NDArray[np.float64]]:
    """Return the values of the starts on one split, by cut; those that do not exist are worst."""
    return {
        cut: np.where(np.isfinite(values[cut]), values[cut], np.inf)[of_cut.split == split]
        for cut, of_cut in found.items()
    }


def _is_as_in_paper(values: dict[float, NDArray[np.float64]]) -> bool:
    means = {cut: of_cut.mean() for cut, of_cut in values.items()}
    return min(means, key=means.__getitem__) == 0.3 and max(means, key=means.__getitem__) == 0.5


def _in_splits(found: dict[float, Quality], values: dict[float, NDArray[np.float64]]) -> list[bool]:
    return [_is_as_in_paper(_in_split(found, values, split)) for split in _splits(found)]


def _share_as_in_paper(
    found: dict[float, Quality], values: dict[float, NDArray[np.float64]]
) -> float:
    """Return how often a split with starts drawn again has the paper's best and worst cut."""
    rng, splits = np.random.default_rng(0), _splits(found)
    if not splits:
        return np.nan
    held = []
    for _ in range(NUM_DRAWS):
        of_split = _in_split(found, values, splits[rng.integers(len(splits))])
        held.append(_is_as_in_paper({c: rng.choice(v, len(v)) for c, v in of_split.items()}))
    return float(np.mean(held))


def _can_compare(found: dict[float, Quality]) -> bool:
    return len(found) > 2 and all(len(of_cut.accuracy) > 2 for of_cut in found.values())


def _standard_error(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.std(ddof=1) / np.sqrt(len(known)))


def _plot(found: dict[float, Quality]) -> Figure:
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots(1, 2)
    index = {cut: of_cut.davies_bouldin for cut, of_cut in found.items()}
    _plot_by_cut(axes[0], index, "Davies-Bouldin index", plots.BLUE)
    axes[0].set_yscale("log")
    axes[0].yaxis.set_major_formatter(ScalarFormatter())
    axes[0].yaxis.set_minor_formatter(ScalarFormatter())
    accuracy = {cut: of_cut.accuracy for cut, of_cut in found.items()}
    _plot_by_cut(axes[1], accuracy, "types predicted correctly (share)", plots.ORANGE)
    return figure


def _plot_by_cut(ax: Axes, values: dict[float, NDArray[np.float64]], name: str, color: str) -> None:
    for cut, of_cut in values.items():
        ax.plot([cut] * len(of_cut), of_cut, ".", color=plots.GREY, markersize=4)
    ax.plot(list(values), [np.nanmean(of_cut) for of_cut in values.values()], "o-", color=color)
    ax.set_xticks(list(values))
    ax.set(xlabel="expression cut at quantile", ylabel=name)
    plots.bare(ax)
