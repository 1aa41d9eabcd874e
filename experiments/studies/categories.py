"""Latents of the VAE in more than two categories (Section 4.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import t

from experiments.analysis import figures
from experiments.analysis.cortex_models import two_layers
from experiments.analysis.evaluation import label_accuracy
from experiments.analysis.model_settings import ModelSettings
from experiments.analysis.statements import count_of
from experiments.analysis.trajectory import TrajectoryConfig
from experiments.data.cortex import PAPER_COMMON_GENES, CortexConfig, load_cortex
from experiments.data.stairs import StairConfig, simulate_stairs, stair_genes
from experiments.runs.options import Unprefixed
from experiments.runs.page import Section, Statement, Table
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Done, Unit
from loglin import categorize, plots, select_features
from loglin.validation import as_count
from models import sample_at

ACCURACY = "types predicted correctly"
GENES = "genes in common with the paper's 8"
LATE = 50
"""The epoch from which on the VAE has learned enough to be evaluated."""


@dataclass(frozen=True)
class Settings:
    """Settings of a unit."""

    data: StairConfig | CortexConfig
    trajectory: TrajectoryConfig
    num_categories: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name of the data in texts."""
        return "Simulated cells" if isinstance(self.data, StairConfig) else "Cortex"


@dataclass(frozen=True)
class Config:
    """Settings of the study."""

    num_categories: tuple[int, ...] = (2, 3, 4)
    """Numbers of quantile categories of each latent; 2 is the cut at the median."""
    stairs: Unprefixed[StairConfig] = field(default_factory=StairConfig)
    trajectory: Unprefixed[TrajectoryConfig] = field(
        default_factory=lambda: TrajectoryConfig(num_epochs=200, num_selected=7, every=10)
    )
    num_cortex_selected: int = 12
    """Number of genes to select for the cortex cells; `num_selected` is for the simulated cells."""

    def __post_init__(self) -> None:
        """Check the settings."""
        for number in self.num_categories:
            as_count(number, "num_categories", 2, 127)
        if self.num_categories[:1] != (2,) or len(set(self.num_categories)) < max(
            2, len(self.num_categories)
        ):
            raise ValueError(
                "`num_categories` must be different, 2 the first of at least two, got "
                f"{self.num_categories}"
            )
        for settings in self.settings():
            settings.trajectory.check_panel(settings.data.num_genes)

    def settings(self) -> list[Settings]:
        """Return the settings of the units: of simulated and of real cells."""
        of_cortex = replace(self.trajectory, num_selected=self.num_cortex_selected)
        return [
            Settings(self.stairs, self.trajectory, self.num_categories),
            Settings(CortexConfig(), of_cortex, self.num_categories),
        ]


class Result(NamedTuple):
    """The genes selected with each number of categories."""

    epochs: NDArray[np.int64]
    """(t,)"""
    features: NDArray[np.int64]
    """(t, categories, q)"""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for each seed and data set."""
    return [Unit(compute, settings, seed) for seed in seeds for settings in config.settings()]


def compute(settings: Settings, seed: int, track: Track = without_bar) -> Result:
    """Train a VAE; at each checkpoint select genes with the latents in 2, 3, ... categories.

    Raises
    ------
    OSError
        If the cortex data are not available.
    """
    trajectory, model_settings = settings.trajectory, ModelSettings("vae")
    if isinstance(settings.data, StairConfig):
        x = simulate_stairs(settings.data, np.random.default_rng(seed)).x
    else:
        x = settings.data.codes(load_cortex(settings.data.panel))
        x = x[settings.data.split(seed).training]
        model_settings = replace(model_settings, encoder_hidden=two_layers(x.shape[1]))
    train_key, sample_key = jax.random.split(jax.random.key(seed))
    stream = model_settings.train(train_key, x, trajectory.epochs)
    drawn = sample_at(sample_key, model_settings.build(x), stream, trajectory.num_samples)
    features = [
        [
            select_features(x_syn, categorize(u_syn, number), trajectory.num_selected).features
            for number in settings.num_categories
        ]
        for _, x_syn, u_syn in track(drawn, len(trajectory.epochs))
    ]
    return Result(np.array(trajectory.epochs), np.array(features))


def qualities(settings: Settings, done: Sequence[Done]) -> dict[str, NDArray[np.float64]]:
    """Return measures of the selected genes by name, (seeds, t, categories) each."""
    found = [unit for unit in done if unit.settings == settings]
    features = np.stack([unit.result.features for unit in found])
    if isinstance(settings.data, StairConfig):
        roles = stair_genes(settings.data).role[features]
        return {
            "overlap genes": (roles == "overlap").sum(axis=-1),
            "noise genes": (roles == "noise").sum(axis=-1),
        }
    cells = load_cortex(settings.data.panel)
    x = settings.data.codes(cells)
    accuracy = np.empty(features.shape[:3])
    for place in np.ndindex(accuracy.shape):
        split = settings.data.split(found[place[0]].seed)
        rng = np.random.default_rng([*place, 5])
        accuracy[place] = label_accuracy(x, cells.cell_type, split, features[place].tolist(), rng)
    is_common = np.isin(cells.genes[features], PAPER_COMMON_GENES)
    return {ACCURACY: accuracy, GENES: is_common.sum(axis=-1)}


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's statement with what was measured."""
    found = {
        settings: qualities(settings, done)
        for settings in config.settings()
        if any(unit.settings == settings for unit in done)
    }
    epochs = done[0].result.epochs
    number = count_of(len({unit.seed for unit in done}), "seed")
    introduction = (
        "The latents of a VAE's samples are cut at their quantiles into "
        f"{', '.join(map(str, config.num_categories))} categories before genes are selected. In "
        "simulated cells, the overlap genes are known. In cortex cells, the patterns of training "
        "cells in the selected genes predict the types of held-out cells. Results are from "
        f"{number}, with the same samples for each number of categories."
    )
    rows = [
        [
            settings.name,
            name,
            epoch,
            *(f"{value:.2f}" for value in values[:, at].mean(axis=0)),
        ]
        for settings, by_name in found.items()
        for name, values in by_name.items()
        for at, epoch in enumerate(epochs)
    ]
    header = [
        "data",
        "measure",
        "epoch",
        *(f"{number} categories" for number in config.num_categories),
    ]
    return Section(
        "Latents in more than two categories (Section 4.2)",
        introduction,
        [_statement(settings, by_name, epochs) for settings, by_name in found.items()],
        {
            "categories": (
                _plot(found, epochs, config.num_categories),
                "Number of overlap genes selected from simulated cells, and share of cortex cells "
                f"whose type is predicted correctly: mean and range over {number}.",
            )
        },
        [Table("Mean over seeds", header, rows)],
    )


def _statement(
    settings: Settings, by_name: dict[str, NDArray[np.float64]], epochs: NDArray[np.int64]
) -> Statement:
    """Compare the first of the measures, as a share, over the late checkpoints."""
    paper = f"{settings.name}: more than two categories of latents do not improve the selection."
    late = epochs >= LATE
    if not late.any():
        return Statement(paper, f"training stopped at epoch {epochs[-1]}", "not measured")
    parts = [
        f"{name} " + ", ".join(f"{mean:.2f}" for mean in values[:, late].mean(axis=(0, 1)))
        for name, values in by_name.items()
    ]
    first = next(iter(by_name.values()))
    most = settings.trajectory.num_selected if isinstance(settings.data, StairConfig) else 1
    share = first[:, late].mean(axis=1) / most
    gains = share[:, 1:] - share[:, :1]
    best = int(gains.mean(axis=0).argmax())
    gain, number = gains[:, best].mean(), len(gains)
    numbers = ", ".join(map(str, settings.num_categories))
    measured = (
        f"with {numbers} categories, mean over the checkpoints from epoch {LATE} on: "
        f"{'; '.join(parts)}"
    )
    if number < 3:
        return Statement(
            paper, f"{measured}. Too few seeds for a confidence interval", "not measured"
        )
    error = t.ppf(0.975, number - 1) * gains[:, best].std(ddof=1) / np.sqrt(number)
    # No gain: the whole interval is at most 3 %. A gain: the whole interval is above 0.
    is_none, is_sure = gain + error <= 0.03, gain - error > 0
    return Statement(
        paper,
        f"{measured}. The best number above two is {settings.num_categories[1 + best]}: the first "
        f"measure, as a share, differs by {gain:+.1%} from that with two categories (95 % "
        f"confidence interval over seeds {gain - error:+.1%} to {gain + error:+.1%})",
        "reproduced" if is_none else "not reproduced" if is_sure else "partly",
        (gains[:, best] <= 0.03).tolist(),
    )


def _plot(
    found: dict[Settings, dict[str, NDArray[np.float64]]],
    epochs: NDArray[np.int64],
    num_categories: Sequence[int],
) -> Figure:
    figure = Figure(figsize=(4.4 * len(found), 3.4), layout="constrained")
    axes = figure.subplots(1, len(found), squeeze=False)[0]
    for ax, (settings, by_name) in zip(axes, found.items(), strict=True):
        name, values = next(iter(by_name.items()))
        for column, number in enumerate(num_categories):
            color, style = figures.SERIES[column % len(figures.SERIES)]
            figures.mean_and_range(
                ax, epochs, values[:, :, column], color, style, f"{number} categories"
            )
        ax.set(xlabel="epoch", ylabel=name, title=settings.name)
        ax.set_ylim(bottom=0)
        plots.bare(ax)
    axes[0].legend(frameon=False)
    return figure
