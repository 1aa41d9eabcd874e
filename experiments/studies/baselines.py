"""When a generative model is worth training: comparison with simpler ways to select genes.

The informative genes of the simulated cells are known. A gene that varies more is found more
easily. Noise genes are therefore simulated in two ways: rarer than the genes of the stair, as in
the paper, and as frequent as these.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.analysis.evaluation import (
    largest,
    most_loaded,
    most_often,
    mutual_information,
    nmf_loadings,
)
from experiments.analysis.model_settings import ModelSettings
from experiments.analysis.statements import count_of, grade
from experiments.analysis.trajectory import synthetic_cells
from experiments.data.stairs import StairConfig, simulate_stairs, stair_genes
from experiments.runs.options import Unprefixed
from experiments.runs.page import Section, Statement, Table, Verdict
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Done, Unit
from loglin import plots, select_features
from loglin.validation import as_count, as_number

METHODS = {
    "log-linear, joint (Eq. 1)": (plots.BLUE, "-"),
    "log-linear, conditional": (plots.BLUE, "--"),
    "mutual information with a latent": (plots.ORANGE, "-"),
    "log-linear, joint, most often of several starts": (plots.RED, "-"),
    "log-linear, data without a model": (plots.GREEN, "-"),
    "NMF of the data": (plots.PURPLE, "-"),
    "variance in the data": (plots.GREY, "-"),
}
"""Colour and line style of each method. The first four use samples of the model."""
VOTE = "log-linear, joint, most often of several starts"
ALONE = "log-linear, data without a model"


@dataclass(frozen=True)
class Task:
    """Settings of the methods, the same for all data sets."""

    num_presented: int = 100_000
    """Number of presentations of cells in training: 100 epochs with the paper's 1000 cells."""
    num_selected: int = 10
    """Number of genes to select; methods are compared up to this number."""
    num_samples: int = 10_000
    """Number of synthetic cells drawn from the model."""
    num_starts: int = 4
    """Number of trainings of the model, each from its own initial weights; all but one of the
    methods use the first."""
    num_factors: int = 10
    """Number of factors of the NMF; the stair has as many stages."""
    model_settings: Unprefixed[ModelSettings] = field(default_factory=ModelSettings)

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("num_presented", "num_selected", "num_samples", "num_starts", "num_factors"):
            as_count(getattr(self, name), name, 1)

    def num_epochs(self, num_cells: int) -> int:
        """Return in how many epochs `num_presented` cells are presented."""
        return max(1, self.num_presented // num_cells)


@dataclass(frozen=True)
class Size:
    """Settings of a unit."""

    stairs: StairConfig
    probability_noise: float
    task: Task


@dataclass(frozen=True)
class Config:
    """Settings of the study."""

    num_cells: tuple[int, ...] = (200, 1000)
    """Numbers of simulated cells."""
    num_noise: tuple[int, ...] = (18, 168)
    """Numbers of noise genes, in addition to the genes of the stair."""
    probability_noise: tuple[float, ...] = (0.1, 0.2)
    """Probabilities that a noise gene is on: the paper's 0.1, and that of overlap genes."""
    task: Unprefixed[Task] = field(default_factory=Task)

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in ("num_cells", "num_noise", "probability_noise"):
            if not getattr(self, name):
                raise ValueError(f"`{name}` must hold at least one number, got none")
        for probability in self.probability_noise:
            as_number(probability, "probability_noise", 0, 1)
        for size in self.sizes():
            as_count(self.task.num_selected, "num_selected", 2, size.stairs.num_genes)
            self.task.model_settings.check(size.stairs.num_genes, size.stairs.num_cells)

    def sizes(self) -> list[Size]:
        """Return the settings of the units."""
        return [
            Size(StairConfig(num_cells=cells, num_noise=noise), probability, self.task)
            for probability, noise, cells in product(
                self.probability_noise, self.num_noise, self.num_cells
            )
        ]


class Result(NamedTuple):
    """The genes that each method selects."""

    features: NDArray[np.int64]
    """(methods, q) in the order of `METHODS`."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for each seed and size."""
    return [Unit(compute, size, seed) for seed in seeds for size in config.sizes()]


def compute(settings: Size, seed: int, track: Track = without_bar) -> Result:
    """Simulate cells, train a model on them, and select by each method."""
    task, rng = settings.task, np.random.default_rng(seed)
    cells = simulate_stairs(settings.stairs, rng)
    x, q = cells.x.copy(), task.num_selected
    is_noise = cells.genes.role == "noise"
    x[:, is_noise] = rng.random((len(x), is_noise.sum())) < settings.probability_noise
    epochs = [task.num_epochs(len(x))]
    key = jax.random.key(seed)
    # The first start has the key of the seed itself, the others keys made from it.
    keys = [key, *(jax.random.fold_in(key, start) for start in range(1, task.num_starts))]
    drawn = [
        next(synthetic_cells(of_start, task.model_settings, x, epochs, task.num_samples))
        for of_start in track(keys, len(keys))
    ]
    joint = np.array([select_features(start.x, start.u, q).features for start in drawn])
    samples = drawn[0]
    selected = [
        joint[0],
        select_features(samples.x, samples.u, q, null_model="conditional").features,
        largest(mutual_information(samples.x, samples.u), q),
        most_often(joint, q, np.random.default_rng([seed, 6])),
        select_features(x, None, q).features,
        most_loaded(nmf_loadings(x, task.num_factors, seed), q),
        largest(x.var(axis=0), q),
    ]
    return Result(np.array(selected))


def hits(size: Size, done: Sequence[Done]) -> NDArray[np.int64]:
    """Return how many of the first 1, 2, ... q genes are informative, (seeds, methods, q)."""
    is_informative = stair_genes(size.stairs).is_informative
    found = [is_informative[unit.result.features] for unit in done if unit.settings == size]
    return np.cumsum(found, axis=2)


def _describe_size(size: Size) -> str:
    return (
        f"{size.stairs.num_cells} cells, {size.stairs.num_genes} genes, "
        f"noise P = {size.probability_noise:g}"
    )


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the methods."""
    sizes = [size for size in config.sizes() if any(unit.settings == size for unit in done)]
    found = {size: hits(size, done) for size in sizes}
    number, task = count_of(len({unit.seed for unit in done}), "seed"), config.task
    introduction = (
        f"{task.model_settings.name}s with {task.model_settings.num_latents} latents are trained "
        f"on simulated cells, with {task.num_presented:,} presentations in all, from "
        f"{count_of(task.num_starts, 'start')}. "
        f"{task.num_selected} genes are selected from {task.num_samples:,} synthetic cells, with "
        "both null models and by mutual information with each latent alone, and from the data "
        "themselves, by log-linear models without latents, by NMF and by variance. A hit is any of "
        f"the 32 genes of the stair. Results are from {number}."
    )
    q = task.num_selected
    rows = [
        [_describe_size(size), *(f"{share:.0%}" for share in of_size[:, :, -1].mean(axis=0) / q)]
        for size, of_size in found.items()
    ]
    return Section(
        "Comparison with simpler ways to select genes (beyond the paper)",
        introduction,
        _statements(found, q),
        {
            "informative": (
                _plot(found),
                "Share of informative genes among the first q selected, mean over seeds; dotted: "
                "genes drawn at random.",
            )
        },
        [Table(f"Informative genes among the first {q}",
               ["data", *METHODS], rows)],
    )  # fmt: skip


def _statements(found: dict[Size, NDArray[np.int64]], q: int) -> list[Statement]:
    """Evaluate the joint null model, the first of `METHODS`, by its hits among q genes."""
    last = {size: of_size[:, :, -1] for size, of_size in found.items()}
    share = {size: float(of_size[:, 0].mean()) / q for size, of_size in last.items()}
    papers = [size for size in share if size.stairs == StairConfig()
              and size.probability_noise == StairConfig().probability_off]  # fmt: skip
    as_in_paper = [share[size] for size in papers]
    worst = min(share, key=lambda size: share[size])
    behind = {}
    for size, of_size in last.items():
        total = of_size.sum(axis=0)  # of integers, so that ties are exact
        total[list(METHODS).index(VOTE)] = 0  # is no simpler way
        if total.max() > total[0]:
            best = list(METHODS)[int(total.argmax())]
            behind[size] = (
                f"{_describe_size(size)}: {share[size]:.0%}, {best} "
                f"{of_size.mean(axis=0)[total.argmax()] / q:.0%}"
            )
    ahead = np.concatenate([of_size[:, 0] - of_size[:, 2] for of_size in last.values()]) / q
    error = ahead.std(ddof=1) / np.sqrt(len(ahead)) if len(ahead) > 1 else np.nan
    return [
        Statement(
            "Mostly informative genes are selected (Section 3.1.2).",
            f"{as_in_paper[0]:.0%} of the {q} selected genes with the paper's 1000 cells, 18 noise "
            "genes and noise P = 0.1"
            if as_in_paper
            else "the paper's setting was not run",
            grade(as_in_paper[0], reproduced=0.9, partly=0.5) if as_in_paper else "not measured",
            (last[papers[0]][:, 0] >= 0.9 * q).tolist() if papers else (),
        ),
        Statement(
            "Not in the paper: this also holds when data are scarce and noise genes are as "
            "frequent as the others.",
            f"{np.mean(list(share.values())):.0%} on average over the settings, {share[worst]:.0%} "
            f"in the worst ({_describe_size(worst)})",
            grade(share[worst], reproduced=0.8, partly=0.5),
            (last[worst][:, 0] >= 0.8 * q).tolist(),
            _when_not_to_train(last, q),
            "informative",
        ),
        Statement(
            "Not in the paper: joint patterns are more informative than each latent alone.",
            f"{ahead.mean():+.1%} hits compared with mutual information, mean over seeds "
            f"and settings (standard error {error:.1%})",
            _compare(float(ahead.mean()), float(error)),
        ),
        Statement(
            "Not in the paper: no simpler way finds more.",
            f"true in {len(last) - len(behind)} of {len(last)} settings; exceptions: "
            f"{'; '.join(behind.values()) or 'none'}",
            grade(1 - len(behind) / len(last), reproduced=0.99, partly=0.5),
            (),
            _when_not_to_train(last, q),
            "informative",
        ),
        _several_starts(last, q),
    ]


def _several_starts(last: dict[Size, NDArray[np.int64]], q: int) -> Statement:
    """Compare several starts with the data alone, where one start is furthest behind these."""
    names = list(METHODS)
    hardest = min(last, key=lambda s: (last[s][:, 0] - last[s][:, names.index(ALONE)]).mean())
    found = last[hardest]
    lead = (found[:, names.index(VOTE)] - found[:, names.index(ALONE)]) / q
    error = lead.std(ddof=1) / np.sqrt(len(lead)) if len(lead) > 1 else np.nan
    shares = ", ".join(
        f"{name} {found[:, names.index(name)].mean() / q:.0%}" for name in (names[0], VOTE, ALONE)
    )
    return Statement(
        "Not in the paper: genes selected most often from several starts are more often "
        "informative than those of log-linear models of the data alone.",
        f"{_describe_size(hardest)}, where one start does worst beside the data alone: {shares}; "
        f"lead of several starts {lead.mean():+.0%} (standard error {error:.0%})",
        _compare(float(lead.mean()), float(error)),
        (lead > 0).tolist(),
        "A model of few cells learns much by heart, and each start something else; what several "
        "starts agree on is more than what one shows.",
        "informative",
    )


def _when_not_to_train(last: dict[Size, NDArray[np.int64]], q: int) -> str:
    """Name the data from which log-linear models without a generative model select better."""
    names = list(METHODS)
    alone, model = names.index(ALONE), 0
    better, worse = [], []
    for size, of_size in last.items():
        lead = (of_size[:, alone] - of_size[:, model]) / q
        error = lead.std(ddof=1) / np.sqrt(len(lead)) if len(lead) > 1 else np.nan
        text = f"{_describe_size(size)} ({lead.mean():+.0%}, standard error {error:.0%})"
        if lead.mean() > 2 * error:
            better.append(text)
        elif lead.mean() < -2 * error:
            worse.append(text)
    return (
        "When not to train a single model: log-linear models of the data alone find more, by two "
        f"standard errors, with {'; '.join(better) or 'none of these data'}. The model finds more "
        f"with {len(worse)} of {len(last)}."
    )


def _compare(ahead: float, error: float) -> Verdict:
    """Return whether a lead is more than two of its standard errors."""
    if np.isnan(error):
        return "not measured"
    if ahead > 2 * error:
        return "reproduced"
    return "partly" if ahead >= -2 * error else "not reproduced"


def _plot(hits_of: dict[Size, NDArray[np.int64]]) -> Figure:
    num_columns = min(4, len(hits_of))
    num_rows = -(-len(hits_of) // num_columns)
    figure = Figure(figsize=(2.7 * num_columns + 0.4, 2.6 * num_rows + 0.8), layout="constrained")
    axes = figure.subplots(num_rows, num_columns, squeeze=False, sharex=True, sharey=True).ravel()
    for ax, (size, found) in zip(axes, hits_of.items(), strict=False):
        q = np.arange(1, found.shape[2] + 1)
        widths = np.linspace(5, 1.2, len(METHODS))  # so that coinciding lines remain visible
        for mean, width, (name, (color, style)) in zip(
            found.mean(axis=0) / q, widths, METHODS.items(), strict=True
        ):
            ax.plot(q, mean, style, color=color, linewidth=width, label=name)
        is_informative = stair_genes(size.stairs).is_informative
        ax.axhline(is_informative.mean(), color=plots.INK, linestyle=":", linewidth=0.8)
        ax.set_title(_describe_size(size).replace(", noise", ",\nnoise"), fontsize=9)
        ax.set_ylim(-0.03, 1.03)
        plots.bare(ax)
    for ax in axes[len(hits_of) :]:
        ax.set_visible(False)
    figure.supxlabel("first q genes")
    figure.supylabel("share informative")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    return figure
