"""Selection from DBMs with many features (Section 3.1.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import entropy

from experiments.analysis import figures
from experiments.analysis.evaluation import num_effective
from experiments.analysis.model_settings import ModelSettings
from experiments.analysis.statements import count_of, grade
from experiments.analysis.trajectory import (
    Trajectory,
    TrajectoryConfig,
    as_trajectory,
    checkpoints,
    split_keys,
)
from experiments.data.stairs import ROLES, StairConfig, role_counts, simulate_stairs, stair_genes
from experiments.runs.options import Unprefixed
from experiments.runs.page import Section, Statement, Table
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Done, Unit
from loglin.validation import as_count


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's where it gives them."""

    num_noise: tuple[int, ...] = (168, 468, 968)
    """Numbers of noise genes in addition to the stair's 32: 200, 500 and 1000 genes in all."""
    num_cells: int = 5000
    """Number of simulated cells."""
    trajectory: Unprefixed[TrajectoryConfig] = field(
        default_factory=lambda: TrajectoryConfig(num_epochs=40, num_selected=10, every=20)
    )
    model_settings: Unprefixed[ModelSettings] = field(
        default_factory=lambda: ModelSettings(
            "dbm", batch_size=10, learning_rate=0.01, fine_learning_rate=0.001,
            centered_pretraining=True, draws_per_chain=10,
        )
    )  # fmt: skip
    """Pretraining in batches of ten at ten times the paper's rate, the same rate a cell."""

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        if not self.num_noise:
            raise ValueError("`num_noise` must hold at least one number, got none")
        for number in self.num_noise:
            as_count(number, "num_noise", 0)
            size = self.size(number)
            self.trajectory.check_panel(size.stairs.num_genes)
            self.model_settings.check(size.stairs.num_genes, self.num_cells)

    def size(self, num_noise: int) -> "Size":
        """Return the settings of the units with so many noise genes."""
        stairs = StairConfig(num_cells=self.num_cells, num_noise=num_noise)
        return Size(stairs, self.trajectory, self.model_settings)


@dataclass(frozen=True)
class Size:
    """Settings of a unit."""

    stairs: StairConfig
    trajectory: TrajectoryConfig
    model_settings: ModelSettings


class Result(NamedTuple):
    """What was selected, and how much the latents vary."""

    trajectory: Trajectory
    entropy: NDArray[np.float64]
    """(t, r) entropy of each latent in bits; near 0 if the unit is not used."""
    effective: NDArray[np.float64]
    """(t,) how many independent samples the latents are worth: of the one with the fewest."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for each seed and size."""
    return [
        Unit(compute, config.size(number), seed) for seed in seeds for number in config.num_noise
    ]


def compute(settings: Size, seed: int, track: Track = without_bar) -> Result:
    """Simulate cells, train a model on them and select at each checkpoint."""
    x = simulate_stairs(settings.stairs, np.random.default_rng(seed)).x
    keys = split_keys(jax.random.key(seed))
    seen = list(checkpoints(keys, settings.model_settings, x, settings.trajectory, track))
    entropies = [entropy_of_latents(checkpoint.u) for checkpoint in seen]
    draws = settings.model_settings.draws_per_chain
    effective = [num_effective(checkpoint.u, draws) for checkpoint in seen]
    trajectory = as_trajectory(seen, settings.trajectory)
    return Result(trajectory, np.array(entropies), np.array(effective))


def entropy_of_latents(u: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the entropy of each of some binary latents (n, r), in bits.

    >>> entropy_of_latents(np.array([[0, 1], [1, 1]]))
    array([1., 0.])
    """
    shares: NDArray[np.float64] = entropy([1 - u.mean(axis=0), u.mean(axis=0)], base=2)
    return shares


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's statements with what was measured."""
    sizes = sorted({unit.settings.stairs.num_genes for unit in done})
    counts, bits = {}, {}
    for size in sizes:
        found = [unit for unit in done if unit.settings.stairs.num_genes == size]
        genes = stair_genes(found[0].settings.stairs)
        features = [unit.result.trajectory.features for unit in found]
        counts[size] = np.stack([role_counts(chosen, genes) for chosen in features])
        bits[size] = np.stack([unit.result.entropy for unit in found])
    number = count_of(len({unit.seed for unit in done}), "seed")
    introduction = (
        f"{config.model_settings.describe(config.trajectory.num_epochs)} is trained on "
        f"{config.num_cells} simulated cells with each number of genes, for "
        f"{config.trajectory.num_epochs} epochs. {config.trajectory.num_selected} genes are "
        f"selected from the {config.size(0).stairs.num_informative} informative genes of the "
        f"stair and the noise genes. Results are from {number}. The paper does not say how many "
        "genes were selected, nor after how many epochs."
    )
    epochs = done[0].result.trajectory.epochs
    table = Table(
        "Mean over seeds",
        ["genes", "epoch", *ROLES, "entropy of a latent (bits)"],
        [
            [size, epoch, *(f"{v:.1f}" for v in counts[size][:, at].mean(axis=0)),
             f"{bits[size][:, at].mean():.2f}"]
            for size in sizes
            for at, epoch in enumerate(epochs)
        ],
    )  # fmt: skip
    return Section(
        "Scalability (Section 3.1.4)",
        introduction,
        _statements(counts, bits, config.trajectory.num_selected),
        {
            "roles": (
                _plot_roles(epochs, counts, config.trajectory.num_selected),
                "Number of selected genes with each role over the epochs, for each number of "
                f"features: mean and range over {number}.",
            )
        },
        [table],
    )


def _statements(
    counts: dict[int, NDArray[np.int64]], bits: dict[int, NDArray[np.float64]], num_selected: int
) -> list[Statement]:
    """Judge the last checkpoint: genes by role (seeds, t, roles) and entropy (seeds, t) by size."""
    noise = {size: found[:, -1, ROLES.index("noise")] for size, found in counts.items()}
    fewest, *larger = counts
    text = "; ".join(
        f"{size} genes: {found.mean():.1f} of {num_selected} selected genes are noise (from "
        f"{found.min()} to {found.max()}), mean entropy of a latent {bits[size][:, -1].mean():.2f} "
        "bits"
        for size, found in noise.items()
    )
    still_informative = "With 500 and 1000 features, mostly informative genes are still selected."
    more_noise = "With more features, more noise genes are selected, up to 4."
    if not larger:
        return [Statement(paper, text, "not measured") for paper in (still_informative, more_noise)]
    worst = max(float(found.mean()) for found in noise.values())
    at_first, most = int(noise[fewest].max()), max(int(noise[size].max()) for size in larger)
    # Without the largest size, only a part of the first statement is checked.
    reproduced = 0.6 if larger[-1] >= 1000 else None
    return [
        Statement(
            still_informative,
            text,
            grade(1 - worst / num_selected, reproduced=reproduced, partly=0.3),
        ),
        Statement(
            more_noise,
            f"at most {most} of {num_selected} selected genes are noise with more than {fewest} "
            f"genes in all, at most {at_first} with {fewest}",
            grade(float(at_first <= most <= 4), reproduced=1, partly=None),
        ),
    ]


def _plot_roles(
    epochs: NDArray[np.int64], counts: dict[int, NDArray[np.int64]], num_selected: int
) -> Figure:
    figure = Figure(figsize=(3.4 * len(counts) + 0.6, 3.2), layout="constrained")
    axes = figure.subplots(1, len(counts), sharey=True, squeeze=False)[0]
    for ax, (size, found) in zip(axes, counts.items(), strict=True):
        figures.role_lines(ax, epochs, found, num_selected)
        ax.set(xlabel="epoch", title=f"{size} genes")
    axes[0].set_ylabel(f"genes among the {num_selected} selected")
    axes[0].legend(frameon=False)
    return figure
