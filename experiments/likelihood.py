"""The log-likelihood of cells held out beside the selection, over training (Section 4.2).

Of simulated cells both ends of the scale are known: what genes without any association come to,
and what the distribution that drew the cells comes to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import spearmanr

from experiments import figures
from experiments.architecture import NAMES, ArchitectureConfig, ModelName, check_models, look_at
from experiments.course import Course, CourseConfig, as_course, draw, epochs_of, examine
from experiments.report import Section, Statement, Table, judge, say_number
from experiments.runs import Done, Flat, Track, Unit, without_bar
from experiments.stairs import (
    ROLES,
    StairConfig,
    role_counts,
    simulate_stairs,
    stage_probabilities,
    stair_genes,
)
from loglin.tables import as_count


@dataclass(frozen=True)
class Config:
    """Settings of the study."""

    stairs: Flat[StairConfig] = field(default_factory=StairConfig)
    course: Flat[CourseConfig] = field(
        default_factory=lambda: CourseConfig(num_epochs=200, num_selected=7, every=10)
    )
    models: tuple[ModelName, ...] = ("vae", "dbm")
    """Which models to train."""
    num_held_out: int = 1000
    """Further simulated cells, on which the models are judged."""

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        as_count(self.num_held_out, "num_held_out", 1)
        check_models(self.models)
        for name in ("probability_on", "probability_off"):
            if not 0 < getattr(self.stairs, name) < 1:
                raise ValueError(
                    f"`{name}` must be between 0 and 1, so that every cell can occur, got "
                    f"{getattr(self.stairs, name)}"
                )
        as_count(self.stairs.num_stages, "num_stages", 2)  # else there is nothing to learn
        self.course.check_panel(self.stairs.num_genes)
        for model in self.models:
            ArchitectureConfig(model).check(self.stairs.num_genes, self.stairs.num_cells)


@dataclass(frozen=True)
class Settings:
    """Settings of a unit."""

    stairs: StairConfig
    course: CourseConfig
    architecture: ArchitectureConfig
    num_held_out: int


class Result(NamedTuple):
    """What was selected, and the fit to the cells held out: means in nats per cell."""

    course: Course
    bound: NDArray[np.float64]
    """(t,) lower bound of the log-likelihood at each look."""
    independent: NDArray[np.float64]
    """() log-likelihood with each gene's frequency in the training data, and no association."""
    truth: NDArray[np.float64]
    """() log-likelihood under the distribution that drew the cells."""

    @property
    def learned(self) -> NDArray[np.float64]:
        """(t,) share of what there is to learn, 0 for independent genes and 1 for the truth."""
        learned: NDArray[np.float64] = (self.bound - self.independent) / (
            self.truth - self.independent
        )
        return learned


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for each seed and model."""
    return [
        Unit(
            compute,
            Settings(config.stairs, config.course, ArchitectureConfig(model), config.num_held_out),
            seed,
        )
        for seed in seeds
        for model in config.models
    ]


def compute(settings: Settings, seed: int, track: Track = without_bar) -> Result:
    """Train a model on simulated cells; at each look select, and judge it on other cells."""
    rng = np.random.default_rng(seed)
    x = simulate_stairs(settings.stairs, rng).x
    held_out = simulate_stairs(replace(settings.stairs, num_cells=settings.num_held_out), rng).x
    train_key, sample_key, bound_key, shuffle_key = jax.random.split(jax.random.key(seed), 4)
    epochs = epochs_of(settings.course)
    seen = look_at(train_key, settings.architecture, x, epochs)
    looked, bounds = [], []
    for look in track(seen, len(epochs)):
        keys = [jax.random.fold_in(key, look.epoch) for key in (sample_key, bound_key, shuffle_key)]
        drawn = draw(keys[0], look, settings.course.num_samples)
        bounds.append(float(look.model.bound(keys[1], look.state, held_out).mean()))
        looked.append(examine(keys[2], drawn, settings.course))
    frequencies = (x.sum(axis=0) + 0.5) / (len(x) + 1)
    return Result(
        as_course(looked),
        np.array(bounds),
        np.array(log_likelihood(held_out, frequencies[None])),
        np.array(log_likelihood(held_out, stage_probabilities(settings.stairs))),
    )


def log_likelihood(x: NDArray[np.int8], probabilities: NDArray[np.float64]) -> float:
    """Return the mean log-likelihood of cells of several stages, in nats.

    Parameters
    ----------
    x : (n, p) int array
        0 or 1.
    probabilities : (stages, p) array
        That a gene is 1 in cells of a stage. Stages are equally frequent, and genes independent
        given the stage.

    >>> float(np.exp(log_likelihood(np.array([[0, 1], [1, 0]]), np.array([[0.5, 0.5]]))).round(6))
    0.25
    """
    by_stage = x @ np.log(probabilities).T + (1 - x) @ np.log(1 - probabilities).T
    return float((logsumexp(by_stage, axis=1) - np.log(len(probabilities))).mean())


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Set the paper's advice beside what was measured."""
    genes = stair_genes(config.stairs)
    results: dict[ModelName, list[Result]] = {}
    for unit in done:
        results.setdefault(unit.settings.architecture.model, []).append(unit.result)
    counts = {
        model: np.stack([role_counts(result.course.features, genes) for result in found])
        for model, found in results.items()
    }
    learned = {
        model: np.stack([result.learned for result in found]) for model, found in results.items()
    }
    first = done[0].result
    epochs = first.course.epochs
    number = say_number(len({unit.seed for unit in done}), "seed")
    introduction = (
        f"{' and '.join(NAMES[model] for model in results)} learn {config.stairs.num_cells} "
        f"simulated cells and are judged on {config.num_held_out} others, by the evidence lower "
        "bound (VAE) or the mean-field bound with log Z estimated by annealed importance sampling "
        "(DBM). 0 % learned is the log-likelihood of independent genes (in the first unit "
        f"{first.independent:.2f} nats a cell), 100 % that of the distribution the cells come from "
        f"({first.truth:.2f}). {number}."
    )
    statements = []
    for model in results:
        statements += [
            _insufficient(NAMES[model], learned[model], counts[model]),
            _at_the_best(NAMES[model], epochs, learned[model], counts[model]),
        ]
    table = Table(
        "Mean over seeds",
        ["model", "epoch", "learned", *(f"{role} genes" for role in ROLES)],
        [
            [NAMES[model], epoch, f"{learned[model][:, look].mean():.0%}",
             *(f"{value:.1f}" for value in counts[model][:, look].mean(axis=0))]
            for model in results
            for look, epoch in enumerate(epochs)
        ],
    )  # fmt: skip
    return Section(
        "Beside the log-likelihood (Section 4.2)",
        introduction,
        statements,
        {
            "learned": (
                _plot(epochs, learned, counts, config.course.num_selected),
                "Share learned of what there is to learn, on cells held out, above the genes "
                f"selected: mean over {number}, and the range.",
            )
        },
        [table],
    )


def _insufficient(name: str, learned: NDArray[np.float64], counts: NDArray[np.int64]) -> Statement:
    """Ask whether the criterion tells the looks at which noise genes are selected."""
    noise = counts[:, :, ROLES.index("noise")]
    num_selected = counts[0, 0].sum()
    is_better = learned > 0
    with_better, without = (
        f"{noise[where].mean():.1f}" if where.any() else "none such"
        for where in (is_better, ~is_better)
    )
    paper = (
        f"{name}: an external criterion such as the log-likelihood helps to avoid patterns of an "
        "insufficiently trained model."
    )
    measured = (
        f"noise genes among the {num_selected} selected: {without} at looks where the model fits "
        f"cells held out no better than independent genes ({(~is_better).mean():.0%} of looks), "
        f"{with_better} at the others"
    )
    correlations = [
        spearmanr(row, -of_seed).statistic
        for row, of_seed in zip(learned, noise, strict=True)
        if np.ptp(of_seed)
    ]
    if not correlations:
        return Statement(paper, f"{measured}; their number never changes", "not measured")
    correlation = float(np.mean(correlations))
    return Statement(
        paper,
        f"{measured}; rank correlation of the fit with few noise genes {correlation:.2f}, mean "
        f"over {say_number(len(correlations), 'seed')}",
        judge(correlation, 0.5, 0.2),
    )


def _at_the_best(
    name: str,
    epochs: NDArray[np.int64],
    learned: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> Statement:
    """Ask what is selected where the criterion is highest."""
    best = learned.argmax(axis=1)
    chosen = counts[np.arange(len(best)), best]
    informative = 1 - chosen[:, ROLES.index("noise")] / chosen.sum(axis=1)
    return Statement(
        f"{name}: a model chosen by this criterion shows the structure.",
        f"the fit is best at epoch {epochs[best].mean():.0f} on average, where "
        f"{learned.max(axis=1).mean():.0%} is learned; {informative.mean():.0%} of the genes "
        f"selected there are informative and {chosen[:, ROLES.index('overlap')].mean():.1f} of "
        f"{chosen[0].sum()} overlap genes",
        judge(float(informative.min()), 0.85, 0.5),
    )


def _plot(
    epochs: NDArray[np.int64],
    learned: dict[ModelName, NDArray[np.float64]],
    counts: dict[ModelName, NDArray[np.int64]],
    num_selected: int,
) -> Figure:
    figure = Figure(figsize=(4.2 * len(learned) + 0.4, 5), layout="constrained")
    axes = figure.subplots(2, len(learned), squeeze=False, sharex=True, sharey="row")
    for (above, below), model in zip(axes.T, learned, strict=True):
        figures.mean_and_range(above, epochs, learned[model], figures.BLUE, "-", "learned")
        above.axhline(0, color=figures.INK, linestyle=":", linewidth=0.8)
        above.set_title(NAMES[model])
        figures.bare(above)
        figures.role_lines(below, epochs, counts[model], num_selected)
        below.set_xlabel("epoch")
    # Before any training a VAE may fall far below independent genes.
    axes[0, 0].set_ylim(-0.5, 1.05)
    axes[0, 0].set_ylabel("share learned")
    axes[1, 0].set_ylabel(f"genes among the {num_selected} chosen")
    axes[1, 0].legend(frameon=False)
    return figure
