"""Selection from DBMs of many features (Section 3.1.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments import figures
from experiments.architecture import ArchitectureConfig
from experiments.course import Course, CourseConfig, as_course, looks
from experiments.report import Section, Statement, Table, judge, say_number
from experiments.runs import Done, Flat, Track, Unit, without_bar
from experiments.stairs import ROLES, StairConfig, role_counts, simulate_stairs, stair_genes
from loglin.tables import as_count


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's where it gives them."""

    num_noise: tuple[int, ...] = (168, 468, 968)
    """Noise genes beside the 32 of the stair: 200, 500 and 1000 genes in all."""
    num_cells: int = 5000
    """Simulated cells."""
    course: Flat[CourseConfig] = field(
        default_factory=lambda: CourseConfig(num_epochs=40, num_selected=10, every=10)
    )
    num_latents: int = 10
    """Units in the highest layer of the DBM."""
    batch_size: int = 1
    """Cells per gradient step in pretraining."""

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        if not self.num_noise:
            raise ValueError("`num_noise` must hold at least one number, got none")
        for number in self.num_noise:
            as_count(number, "num_noise", 0)
            size = self.size(number)
            self.course.check_panel(size.stairs.num_genes)
            size.architecture.check(size.stairs.num_genes, self.num_cells)

    def size(self, num_noise: int) -> "Size":
        """Return the settings of the units with so many noise genes."""
        return Size(
            StairConfig(num_cells=self.num_cells, num_noise=num_noise),
            self.course,
            ArchitectureConfig("dbm", self.num_latents, self.batch_size),
        )


@dataclass(frozen=True)
class Size:
    """Settings of a unit."""

    stairs: StairConfig
    course: CourseConfig
    architecture: ArchitectureConfig


class Result(NamedTuple):
    """What was selected, and how much the latents vary."""

    course: Course
    entropy: NDArray[np.float64]
    """(t,) mean entropy of a latent in bits; near 0 the highest layer is idle."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for each seed and size."""
    return [
        Unit(compute, config.size(number), seed) for seed in seeds for number in config.num_noise
    ]


def compute(settings: Size, seed: int, track: Track = without_bar) -> Result:
    """Simulate cells, train a DBM on them and select at each look."""
    cells = simulate_stairs(settings.stairs, np.random.default_rng(seed))
    key, course = jax.random.key(seed), settings.course
    looked, entropy = [], []
    for drawn, look in looks(key, settings.architecture, cells.x, course, track):
        looked.append(look)
        on = drawn.u.mean(axis=0)
        shares = np.stack([on, 1 - on])
        bits = -shares * np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
        entropy.append(bits.sum(axis=0).mean())
    return Result(as_course(looked), np.array(entropy))


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Set the paper's statements beside what was measured."""
    sizes = sorted({unit.settings.stairs.num_genes for unit in done})
    counts, entropy = {}, {}
    for size in sizes:
        found = [unit for unit in done if unit.settings.stairs.num_genes == size]
        genes = stair_genes(found[0].settings.stairs)
        counts[size] = np.stack([role_counts(unit.result.course.features, genes) for unit in found])
        entropy[size] = np.stack([unit.result.entropy for unit in found])
    num_selected = config.course.num_selected
    noise = {size: counts[size][:, -1, ROLES.index("noise")] for size in sizes}
    text = "; ".join(
        f"{size} genes: {noise[size].mean():.1f} of {num_selected} are noise (from "
        f"{noise[size].min()} to {noise[size].max()}), latents vary by "
        f"{entropy[size][:, -1].mean():.2f} bits"
        for size in sizes
    )
    worst = max(float(noise[size].mean()) for size in sizes)
    larger = sizes[1:]
    most = max((int(noise[size].max()) for size in larger), default=0)
    statements = [
        Statement(
            "With 500 and 1000 features still mostly informative genes are selected.",
            text,
            # Without the largest it is a part of the statement.
            judge(1 - worst / num_selected, 0.6 if sizes[-1] >= 1000 else 2, 0.3)
            if larger
            else "not measured",
        ),
        Statement(
            "With more features more noise genes are selected, up to 4.",
            f"at most {most} of {num_selected} with more than {sizes[0]} genes, at most "
            f"{noise[sizes[0]].max()} with {sizes[0]}",
            judge(float(noise[sizes[0]].max() <= most <= 4), 1, 2) if larger else "not measured",
        ),
    ]
    number = say_number(len({unit.seed for unit in done}), "seed")
    introduction = (
        f"DBMs with {config.num_latents} units in their highest layer learn {config.num_cells} "
        f"simulated cells, half of {config.course.num_epochs} epochs in pretraining and half in "
        f"fine-tuning. Of the stair's 32 informative genes and the noise genes {num_selected} are "
        f"selected. {number}. The paper's number of selected genes and epochs is not known."
    )
    epochs = done[0].result.course.epochs
    table = Table(
        "Mean over seeds",
        ["genes", "epoch", *ROLES, "entropy of a latent (bits)"],
        [
            [size, epoch, *(f"{v:.1f}" for v in counts[size][:, look].mean(axis=0)),
             f"{entropy[size][:, look].mean():.2f}"]
            for size in sizes
            for look, epoch in enumerate(epochs)
        ],
    )  # fmt: skip
    return Section(
        "Scalability (Section 3.1.4)",
        introduction,
        statements,
        {
            "roles": (
                _plot_roles(epochs, counts, num_selected),
                "Genes among the chosen over the epochs, by role and number of features: mean "
                f"over {number}, and the range.",
            )
        },
        [table],
    )


def _plot_roles(
    epochs: NDArray[np.int64], counts: dict[int, NDArray[np.int64]], num_selected: int
) -> Figure:
    figure = Figure(figsize=(3.4 * len(counts) + 0.6, 3.2), layout="constrained")
    axes = figure.subplots(1, len(counts), sharey=True, squeeze=False)[0]
    for ax, (size, found) in zip(axes, counts.items(), strict=True):
        figures.role_lines(ax, epochs, found, num_selected)
        ax.set(xlabel="epoch", title=f"{size} genes")
    axes[0].set_ylabel(f"genes among the {num_selected} chosen")
    axes[0].legend(frameon=False)
    return figure
