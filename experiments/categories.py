"""Latents of the VAE in more than two categories (Section 4.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import t

from experiments import figures
from experiments.architecture import ArchitectureConfig, look_at
from experiments.cortex import PANEL_SIZES, load_cortex
from experiments.cortex_models import TuningConfig, split_cells
from experiments.cortex_selection import PAPER_BOTH
from experiments.course import CourseConfig, epochs_of
from experiments.evaluation import share_told
from experiments.report import Section, Statement, Table, say_number
from experiments.runs import Done, Flat, Track, Unit, without_bar
from experiments.stairs import StairConfig, simulate_stairs, stair_genes
from loglin import categorize, dichotomize, select_features
from loglin.tables import as_count

Data = Literal["stairs", "cortex"]
NAMES: dict[Data, str] = {"stairs": "Simulated cells", "cortex": "Cortex"}
NUM_TRAINING = TuningConfig().num_training
"""Cells of the cortex that the VAE learns from."""
GENES = "of the paper's 8 genes"
LATE = 50
"""From this epoch on the VAE has learned enough to be judged."""


@dataclass(frozen=True)
class Config:
    """Settings of the study."""

    num_categories: tuple[int, ...] = (2, 3, 4)
    """Quantile categories of each latent; 2 is the cut at the median."""
    stairs: Flat[StairConfig] = field(default_factory=StairConfig)
    num_epochs: int = 200
    """Epochs of training."""
    every: int = 10
    """Epochs from one look to the next."""
    num_samples: int = 10_000
    """Synthetic cells drawn at each look."""
    num_selected: tuple[int, int] = (7, 12)
    """Genes to select, of the simulated and of the real cells."""

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
            settings.course.check_panel(
                self.stairs.num_genes if settings.data == "stairs" else PANEL_SIZES["markers"]
            )

    def settings(self) -> list["Settings"]:
        """Return the settings of the units: of simulated and of real cells."""
        return [
            Settings(
                data, self.num_categories, self.stairs,
                CourseConfig(self.num_epochs, number, self.every, self.num_samples),
            )
            for data, number in zip(NAMES, self.num_selected, strict=True)
        ]  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Settings of a unit."""

    data: Data
    num_categories: tuple[int, ...]
    stairs: StairConfig
    course: CourseConfig


class Result(NamedTuple):
    """What is selected with each number of categories."""

    epochs: NDArray[np.int64]
    """(t,)"""
    features: NDArray[np.int64]
    """(t, categories, q)"""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for each seed and data set."""
    return [Unit(compute, settings, seed) for seed in seeds for settings in config.settings()]


def compute(settings: Settings, seed: int, track: Track = without_bar) -> Result:
    """Train a VAE; at each look select with the latents of its samples in 2, 3, ... categories.

    Raises
    ------
    OSError
        If the cortex data cannot be had.
    """
    course, hidden = settings.course, None
    if settings.data == "stairs":
        x = simulate_stairs(settings.stairs, np.random.default_rng(seed)).x
    else:
        x = dichotomize(load_cortex("markers").expression)
        x = x[split_cells(seed, NUM_TRAINING).training]
        hidden = x.shape[1], x.shape[1] // 2
    epochs = epochs_of(course)
    train_key, sample_key = jax.random.split(jax.random.key(seed))
    features = []
    seen = look_at(train_key, ArchitectureConfig("vae"), x, epochs, hidden)
    for epoch, model, state, _ in track(seen, len(epochs)):
        key = jax.random.fold_in(sample_key, epoch)
        x_syn, u_syn = map(np.asarray, model.sample(key, state, course.num_samples))
        features.append(
            [
                select_features(x_syn, categorize(u_syn, number), course.num_selected).features
                for number in settings.num_categories
            ]
        )
    return Result(np.array(epochs), np.array(features))


def qualities(settings: Settings, done: Sequence[Done]) -> dict[str, NDArray[np.float64]]:
    """Return by name how good the selected genes are, (seeds, t, categories) each."""
    found = [unit for unit in done if unit.settings == settings]
    features = np.stack([unit.result.features for unit in found])
    if settings.data == "stairs":
        roles = stair_genes(settings.stairs).role[features]
        return {
            "overlap genes": (roles == "overlap").sum(axis=-1),
            "noise genes": (roles == "noise").sum(axis=-1),
        }
    cells = load_cortex("markers")
    x = dichotomize(cells.expression)
    told = np.empty(features.shape[:3])
    for place in np.ndindex(told.shape):
        split = split_cells(found[place[0]].seed, NUM_TRAINING)
        rng = np.random.default_rng([*place, 5])
        told[place] = share_told(x, cells.cell_type, split, features[place].tolist(), rng)
    return {"types told right": told, GENES: np.isin(cells.genes[features], PAPER_BOTH).sum(-1)}


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Set the paper's statement beside what was measured."""
    found = {
        settings.data: qualities(settings, done)
        for settings in config.settings()
        if any(unit.settings == settings for unit in done)
    }
    epochs = done[0].result.epochs
    number = say_number(len({unit.seed for unit in done}), "seed")
    introduction = (
        "The latents of a VAE's samples are cut at their quantiles into "
        f"{', '.join(map(str, config.num_categories))} categories before genes are selected: of "
        "the simulated cells, where the overlap genes are known, and of the cortex, where the "
        "patterns of training cells in the selected genes tell the types of those held out. "
        f"{number}, the same samples for each number of categories."
    )
    rows = [
        [NAMES[data], name, epoch, *(f"{value:.2f}" for value in values[:, look].mean(axis=0))]
        for data, by_name in found.items()
        for name, values in by_name.items()
        for look, epoch in enumerate(epochs)
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
        [_statement(data, by_name, epochs, config) for data, by_name in found.items()],
        {
            "categories": (
                _plot(found, epochs, config.num_categories),
                f"Overlap genes of the stair and types of cortex cells told right: mean over "
                f"{number}, and the range.",
            )
        },
        [Table("Mean over seeds", header, rows)],
    )


def _statement(
    data: Data, by_name: dict[str, NDArray[np.float64]], epochs: NDArray[np.int64], config: Config
) -> Statement:
    """Compare the quality that comes first, as a share, from the late looks."""
    paper = f"{NAMES[data]}: more than two categories of latents do not improve the selection."
    late = epochs >= LATE
    if not late.any():
        return Statement(paper, f"training stopped at epoch {epochs[-1]}", "not measured")
    parts = [
        f"{name} " + ", ".join(f"{mean:.2f}" for mean in values[:, late].mean(axis=(0, 1)))
        for name, values in by_name.items()
    ]
    first = next(iter(by_name.values()))
    share = first[:, late].mean(axis=1) / (config.num_selected[0] if data == "stairs" else 1)
    gains = share[:, 1:] - share[:, :1]
    best = int(gains.mean(axis=0).argmax())
    gain, number = gains[:, best].mean(), len(gains)
    numbers = ", ".join(map(str, config.num_categories))
    measured = (
        f"with {numbers} categories, mean over the looks from epoch {LATE} on: {'; '.join(parts)}"
    )
    if number < 3:
        return Statement(paper, f"{measured}. Too few seeds to tell", "not measured")
    error = t.ppf(0.975, number - 1) * gains[:, best].std(ddof=1) / np.sqrt(number)
    # A gain that is sure to be below 3 % counts as none, one that is sure to be there as one.
    is_none, is_sure = gain + error <= 0.03, gain - error > 0
    return Statement(
        paper,
        f"{measured}. Of more than two {config.num_categories[1 + best]} are best: as a share "
        f"{gain:+.1%} against two, 95 % interval over seeds {gain - error:+.1%} to "
        f"{gain + error:+.1%}",
        "reproduced" if is_none else "not reproduced" if is_sure else "partly",
    )


def _plot(
    found: dict[Data, dict[str, NDArray[np.float64]]],
    epochs: NDArray[np.int64],
    num_categories: Sequence[int],
) -> Figure:
    figure = Figure(figsize=(4.4 * len(found), 3.4), layout="constrained")
    axes = figure.subplots(1, len(found), squeeze=False)[0]
    for ax, (data, by_name) in zip(axes, found.items(), strict=True):
        name, values = next(iter(by_name.items()))
        for column, number in enumerate(num_categories):
            color, style = figures.SERIES[column % len(figures.SERIES)]
            figures.mean_and_range(
                ax, epochs, values[:, :, column], color, style, f"{number} categories"
            )
        ax.set(xlabel="epoch", ylabel=name, title=NAMES[data])
        ax.set_ylim(bottom=0)
        figures.bare(ax)
    axes[0].legend(frameon=False)
    return figure
