"""Selection and log-likelihood of held-out cells over training (Section 4.2).

For simulated cells both ends of the scale are known: the log-likelihood of genes without any
association, and the log-likelihood of the distribution from which the cells are drawn.
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

from experiments.analysis import figures
from experiments.analysis.evaluation import independent_log_likelihood
from experiments.analysis.model_settings import (
    MODEL_NAMES,
    ModelName,
    ModelSettings,
    check_models,
)
from experiments.analysis.statements import count_of, grade
from experiments.analysis.trajectory import (
    Keys,
    Trajectory,
    TrajectoryConfig,
    as_trajectory,
    checkpoints,
)
from experiments.data.stairs import (
    ROLES,
    StairConfig,
    role_counts,
    simulate_stairs,
    stage_probabilities,
    stair_genes,
)
from experiments.runs.options import Unprefixed
from experiments.runs.page import Section, Statement, Table
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Done, Unit
from loglin import plots
from loglin.validation import as_count


@dataclass(frozen=True)
class Task:
    """What is to be learned, and how it is evaluated; the same for every model."""

    stairs: Unprefixed[StairConfig] = field(default_factory=StairConfig)
    trajectory: Unprefixed[TrajectoryConfig] = field(
        default_factory=lambda: TrajectoryConfig(num_epochs=200, num_selected=7, every=10)
    )
    num_held_out: int = 1000
    """Number of further simulated cells, on which the models are evaluated."""

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        as_count(self.num_held_out, "num_held_out", 1)
        for name in ("probability_on", "probability_off"):
            if not 0 < getattr(self.stairs, name) < 1:
                raise ValueError(
                    f"`{name}` must be between 0 and 1, so that every cell can occur, got "
                    f"{getattr(self.stairs, name)}"
                )
        as_count(self.stairs.num_stages, "num_stages", 2)  # otherwise there is nothing to learn
        self.trajectory.check_panel(self.stairs.num_genes)


@dataclass(frozen=True)
class Config:
    """Settings of the study."""

    task: Unprefixed[Task] = field(default_factory=Task)
    models: tuple[ModelName, ...] = ("vae", "dbm")
    """Which models to train."""

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        check_models(self.models)
        for model in self.models:
            ModelSettings(model).check(self.task.stairs.num_genes, self.task.stairs.num_cells)


@dataclass(frozen=True)
class Settings:
    """Settings of a unit."""

    task: Task
    model_settings: ModelSettings


class Result(NamedTuple):
    """What was selected, and the fit to the held-out cells: means in nats per cell."""

    trajectory: Trajectory
    bound: NDArray[np.float64]
    """(t,) lower bound of the log-likelihood at each checkpoint."""
    independent: NDArray[np.float64]
    """() log-likelihood of independent genes with their frequencies in the training data."""
    truth: NDArray[np.float64]
    """() log-likelihood under the distribution that drew the cells."""

    @property
    def learned(self) -> NDArray[np.float64]:
        """(t,) share learned of what can be learned: 0 for independent genes, 1 for the truth."""
        learned: NDArray[np.float64] = (self.bound - self.independent) / (
            self.truth - self.independent
        )
        return learned


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit for each seed and model."""
    return [
        Unit(compute, Settings(config.task, ModelSettings(model)), seed)
        for seed in seeds
        for model in config.models
    ]


def compute(settings: Settings, seed: int, track: Track = without_bar) -> Result:
    """Train a model on simulated cells; at checkpoints select genes, and evaluate it on others."""
    task, model_settings = settings.task, settings.model_settings
    rng = np.random.default_rng(seed)
    x = simulate_stairs(task.stairs, rng).x
    held_out = simulate_stairs(replace(task.stairs, num_cells=task.num_held_out), rng).x
    train_key, sample_key, bound_key, shuffle_key = jax.random.split(jax.random.key(seed), 4)
    keys = Keys(train_key, sample_key, shuffle_key)
    bound_of = model_settings.build(x).bound
    assert bound_of is not None
    seen, bounds = [], []
    for checkpoint in checkpoints(keys, model_settings, x, task.trajectory, track):
        key = jax.random.fold_in(bound_key, checkpoint.epoch)
        bounds.append(float(bound_of(key, checkpoint.model_state, held_out).mean()))
        seen.append(checkpoint)
    return Result(
        as_trajectory(seen, task.trajectory),
        np.array(bounds),
        np.array(independent_log_likelihood(x, held_out, [2] * x.shape[1]).mean()),
        np.array(log_likelihood(held_out, stage_probabilities(task.stairs))),
    )


def log_likelihood(x: NDArray[np.int8], probabilities: NDArray[np.float64]) -> float:
    """Return the mean log-likelihood of cells of several stages, in nats.

    Parameters
    ----------
    x : (n, p) int array
        0 or 1.
    probabilities : (stages, p) array
        Probability that a gene is 1 in cells of a stage. Stages are equally frequent, and genes
        are independent given the stage.

    >>> float(np.exp(log_likelihood(np.array([[0, 1], [1, 0]]), np.array([[0.5, 0.5]]))).round(6))
    0.25
    """
    by_stage = x @ np.log(probabilities).T + (1 - x) @ np.log(1 - probabilities).T
    return float((logsumexp(by_stage, axis=1) - np.log(len(probabilities))).mean())


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's advice with what was measured."""
    genes = stair_genes(config.task.stairs)
    results: dict[ModelName, list[Result]] = {}
    for unit in done:
        results.setdefault(unit.settings.model_settings.model, []).append(unit.result)
    counts = {
        model: np.stack([role_counts(result.trajectory.features, genes) for result in found])
        for model, found in results.items()
    }
    learned = {
        model: np.stack([result.learned for result in found]) for model, found in results.items()
    }
    first = done[0].result
    epochs = first.trajectory.epochs
    number = count_of(len({unit.seed for unit in done}), "seed")
    introduction = (
        f"Models ({', '.join(MODEL_NAMES[model] for model in results)}) are trained on "
        f"{config.task.stairs.num_cells} simulated cells and evaluated on "
        f"{config.task.num_held_out} others, by the evidence lower bound (VAE) or the mean-field "
        "bound with log Z estimated by annealed importance sampling (DBM). 0 % learned corresponds "
        f"to the log-likelihood of independent genes ({first.independent:.2f} nats per cell in the "
        "first unit), 100 % to that of the distribution from which the cells are drawn "
        f"({first.truth:.2f}). Results are from {number}."
    )
    statements = []
    for model in results:
        statements += [
            _insufficient(MODEL_NAMES[model], learned[model], counts[model]),
            _at_the_best(MODEL_NAMES[model], epochs, learned[model], counts[model]),
        ]
    table = Table(
        "Mean over seeds",
        ["model", "epoch", "learned", *(f"{role} genes" for role in ROLES)],
        [
            [MODEL_NAMES[model], epoch, f"{learned[model][:, at].mean():.0%}",
             *(f"{value:.1f}" for value in counts[model][:, at].mean(axis=0))]
            for model in results
            for at, epoch in enumerate(epochs)
        ],
    )  # fmt: skip
    return Section(
        "Selection and log-likelihood (Section 4.2)",
        introduction,
        statements,
        {
            "learned": (
                _plot(epochs, learned, counts, config.task.trajectory.num_selected),
                "Above: share learned of what can be learned, on held-out cells. Below: number of "
                f"selected genes with each role. Mean and range over {number}.",
            )
        },
        [table],
    )


def _insufficient(name: str, learned: NDArray[np.float64], counts: NDArray[np.int64]) -> Statement:
    """Check whether the criterion identifies checkpoints at which noise genes are selected."""
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
        f"noise genes among the {num_selected} selected: {without} at checkpoints where the model "
        "fits held-out cells no better than independent genes do "
        f"({(~is_better).mean():.0%} of checkpoints), {with_better} at the others"
    )
    correlations = [
        float(spearmanr(row, -of_seed).statistic)
        for row, of_seed in zip(learned, noise, strict=True)
        if np.ptp(of_seed)
    ]
    if not correlations:
        return Statement(paper, f"{measured}; their number never changes", "not measured")
    correlation = float(np.mean(correlations))
    return Statement(
        paper,
        f"{measured}; rank correlation of the fit with the negative number of noise genes "
        f"{correlation:.2f}, mean over {count_of(len(correlations), 'seed')}",
        grade(correlation, reproduced=0.5, partly=0.2),
        [value >= 0.5 for value in correlations],
    )


def _at_the_best(
    name: str,
    epochs: NDArray[np.int64],
    learned: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> Statement:
    """Check what is selected at the checkpoint where the criterion is highest."""
    best = learned.argmax(axis=1)
    chosen = counts[np.arange(len(best)), best]
    informative = 1 - chosen[:, ROLES.index("noise")] / chosen.sum(axis=1)
    return Statement(
        f"{name}: a model chosen by this criterion shows the structure.",
        f"the fit is best at epoch {epochs[best].mean():.0f} on average, where "
        f"{learned.max(axis=1).mean():.0%} is learned; of the genes selected there, "
        f"{informative.mean():.0%} are informative, and "
        f"{chosen[:, ROLES.index('overlap')].mean():.1f} of {chosen[0].sum()} are overlap genes",
        grade(float(informative.min()), reproduced=0.85, partly=0.5),
        (informative >= 0.85).tolist(),
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
        figures.mean_and_range(above, epochs, learned[model], plots.BLUE, "-", "learned")
        above.axhline(0, color=plots.INK, linestyle=":", linewidth=0.8)
        above.set_title(MODEL_NAMES[model])
        plots.bare(above)
        figures.role_lines(below, epochs, counts[model], num_selected)
        below.set_xlabel("epoch")
    # Before any training a VAE may fall far below independent genes.
    axes[0, 0].set_ylim(-0.5, 1.05)
    axes[0, 0].set_ylabel("share learned")
    axes[1, 0].set_ylabel(f"genes among the {num_selected} selected")
    axes[1, 0].legend(frameon=False)
    return figure
