"""Selection from DBMs with many features (Section 3.1.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import entropy, mannwhitneyu

from experiments.analysis import figures
from experiments.analysis.evaluation import num_effective
from experiments.analysis.model_settings import CENTERED_DBM, ModelSettings
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
    model_settings: Unprefixed[ModelSettings] = CENTERED_DBM

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


class Measured(NamedTuple):
    """What was found with one number of genes."""

    seeds: list[int]
    counts: NDArray[np.int64]
    """(seeds, t, roles) number of selected genes with each role."""
    bits: NDArray[np.float64]
    """(seeds, t, r) entropy of each latent."""
    effective: NDArray[np.float64]
    """(seeds, t)"""

    @property
    def noise(self) -> NDArray[np.int64]:
        """(seeds,) noise genes selected at the last checkpoint."""
        return self.counts[:, -1, ROLES.index("noise")]


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's statements with what was measured."""
    found = {size: _measured(done, size) for size in
             sorted({unit.settings.stairs.num_genes for unit in done})}  # fmt: skip
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
        ["genes", "seeds", "epoch", *ROLES, "entropy of a latent (bits)", "least entropy (bits)",
         f"independent samples, of {config.trajectory.num_samples:,}"],
        [
            [size, len(of_size.seeds), epoch,
             *(f"{v:.1f}" for v in of_size.counts[:, at].mean(axis=0)),
             f"{of_size.bits[:, at].mean():.2f}", f"{of_size.bits[:, at].min():.2f}",
             f"{np.nanmean(of_size.effective[:, at]):,.0f}"]
            for size, of_size in found.items()
            for at, epoch in enumerate(epochs)
        ],
    )  # fmt: skip
    return Section(
        "Scalability (Section 3.1.4)",
        introduction,
        _statements(found, config.trajectory.num_selected),
        {
            "roles": (
                _plot_roles(epochs, found, config.trajectory.num_selected),
                "Number of selected genes with each role over the epochs, for each number of "
                f"features: mean and range over {number}.",
            )
        },
        [table],
    )


def _measured(done: Sequence[Done], num_genes: int) -> Measured:
    of_size = [unit for unit in done if unit.settings.stairs.num_genes == num_genes]
    genes = stair_genes(of_size[0].settings.stairs)
    results: list[Result] = [unit.result for unit in of_size]
    return Measured(
        [unit.seed for unit in of_size],
        np.stack([role_counts(result.trajectory.features, genes) for result in results]),
        np.stack([result.entropy for result in results]),
        np.stack([result.effective for result in results]),
    )


def _statements(found: dict[int, Measured], num_selected: int) -> list[Statement]:
    """Judge the last checkpoint with each number of genes."""
    fewest, *larger = found
    text = "; ".join(
        f"{size} genes: {of_size.noise.mean():.1f} of {num_selected} selected genes are noise "
        f"(from {of_size.noise.min()} to {of_size.noise.max()} over "
        f"{count_of(len(of_size.seeds), 'seed')}), mean entropy of a latent "
        f"{of_size.bits[:, -1].mean():.2f} bits"
        for size, of_size in found.items()
    )
    still_informative = "With 500 and 1000 features, mostly informative genes are still selected."
    more_noise = "With more features, more noise genes are selected, up to 4."
    if not larger:
        return [Statement(paper, text, "not measured") for paper in (still_informative, more_noise)]
    worst = max(float(of_size.noise.mean()) for of_size in found.values())
    at_first = found[fewest].noise
    most = max(int(found[size].noise.max()) for size in larger)
    rise = found[larger[-1]].noise.mean() - at_first.mean()
    # Without the largest size, only a part of the first statement is checked.
    reproduced = 0.6 if larger[-1] >= 1000 else None
    common = sorted(set.intersection(*(set(of_size.seeds) for of_size in found.values())))
    in_seed = {
        size: np.array([of_size.noise[of_size.seeds.index(seed)] for seed in common])
        for size, of_size in found.items()
    }
    p_value = mannwhitneyu(found[larger[-1]].noise, at_first, alternative="greater").pvalue
    bits_by_size = ", ".join(
        f"{of_size.bits[:, -1].mean():.2f} bits with {size} genes"
        for size, of_size in found.items()
    )
    most_in_seed = np.max([in_seed[size] for size in larger], axis=0)
    return [
        Statement(
            still_informative,
            text,
            grade(1 - worst / num_selected, reproduced=reproduced, partly=0.3),
            (1 - np.max(list(in_seed.values()), axis=0) / num_selected >= 0.6).tolist(),
            f"The latents' entropy is {bits_by_size}. Units of the highest layer that are always "
            "on or always off tell nothing about a cell, and the selection from them is by chance.",
            "roles",
        ),
        Statement(
            more_noise,
            f"at most {most} of {num_selected} selected genes are noise with more than {fewest} "
            f"genes in all, at most {at_first.max()} with {fewest}; on average {rise:+.2f} with "
            f"{larger[-1]} genes",
            grade(float(np.mean([most <= 4, rise > 0])), reproduced=1, partly=0.5),
            ((most_in_seed > in_seed[fewest]) & (most_in_seed <= 4)).tolist(),
            f"The bound of 4 {'holds' if most <= 4 else 'does not hold'}, and there "
            f"{'are' if rise > 0 else 'are not'} more noise genes with more features. The latents' "
            f"entropy, {bits_by_size}, says whether the highest layer stays in use. That the "
            f"number of noise genes rises from {fewest} to {larger[-1]} genes has "
            f"p = {p_value:.2g} (Mann-Whitney, one-sided).",
            "roles",
        ),
    ]


def _plot_roles(epochs: NDArray[np.int64], found: dict[int, Measured], num_selected: int) -> Figure:
    figure = Figure(figsize=(3.4 * len(found) + 0.6, 3.2), layout="constrained")
    axes = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for ax, (size, of_size) in zip(axes, found.items(), strict=True):
        figures.role_lines(ax, epochs, of_size.counts, num_selected)
        ax.set(xlabel="epoch", title=f"{size} genes")
    axes[0].set_ylabel(f"genes among the {num_selected} selected")
    axes[0].legend(frameon=False)
    return figure
