"""How sure the steps of a selection are, by training on permuted features (Section 2.2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import binomtest

from experiments import figures
from experiments.architecture import ArchitectureConfig
from experiments.course import draw_at
from experiments.report import Section, Statement, Table, judge, say_number
from experiments.runs import Done, Flat, Track, Unit, without_bar
from experiments.stairs import StairConfig, simulate_stairs, stair_genes
from loglin import permutation_test
from loglin.tables import as_count

LEVELS = (0.05, 0.1, 0.25, 0.5)
"""Of significance, at which p-values are checked."""
ENOUGH = 50
"""Data sets, from which on shares of p-values tell something."""


@dataclass(frozen=True)
class Settings:
    """Settings of a unit: the data, the model, and the test."""

    stairs: StairConfig
    is_permuted: bool
    """Whether each gene of the simulated cells is permuted, so that no structure is left."""
    num_epochs: int
    """Epochs of training."""
    num_selected: int
    """Genes to select."""
    num_permutations: int
    max_exceedances: int
    num_samples: int
    architecture: ArchitectureConfig


@dataclass(frozen=True)
class Config:
    """Settings of the study."""

    null: StairConfig = field(
        default_factory=lambda: StairConfig(num_cells=200, num_stages=2, num_noise=2)
    )
    """Cells whose genes are permuted, so that nothing is left to find: 10 genes."""
    null_epochs: int = 50
    """Epochs of training on them."""
    null_selected: int = 4
    """Genes to select from them."""
    stairs: Flat[StairConfig] = field(default_factory=lambda: StairConfig())
    """Cells with their structure."""
    num_epochs: int = 100
    """Epochs of training on these."""
    num_selected: int = 15
    """Genes to select from these."""
    num_stairs: int = 5
    """Data sets with structure: those of the first seeds."""
    num_permutations: int = 99
    """The most permutations of a test."""
    max_exceedances: int = 10
    """Permutations that reach a gain before a step is counted no further."""
    num_samples: int = 10_000
    """Synthetic cells drawn from each model."""
    architecture: Flat[ArchitectureConfig] = field(default_factory=ArchitectureConfig)

    def __post_init__(self) -> None:
        """Check the settings."""
        for name in (
            *("null_epochs", "num_epochs", "num_stairs", "num_permutations"),
            *("max_exceedances", "num_samples"),
        ):
            as_count(getattr(self, name), name, 1)
        as_count(self.null_selected, "null_selected", 2, self.null.num_genes)
        as_count(self.num_selected, "num_selected", 2, self.stairs.num_genes)
        for stairs in (self.null, self.stairs):
            self.architecture.check(stairs.num_genes, stairs.num_cells)

    def settings(self, is_permuted: bool) -> Settings:
        """Return the settings of the units without or with structure."""
        return Settings(
            self.null if is_permuted else self.stairs,
            is_permuted,
            self.null_epochs if is_permuted else self.num_epochs,
            self.null_selected if is_permuted else self.num_selected,
            self.num_permutations,
            self.max_exceedances,
            self.num_samples,
            self.architecture,
        )


class Result(NamedTuple):
    """The steps of one test, from the best pair on; NaN at the first."""

    features: NDArray[np.int64]
    """(q,) the selected genes."""
    gains: NDArray[np.float64]
    """(q,)"""
    p_values: NDArray[np.float64]
    """(q,) by training on permuted features."""
    num_significant: NDArray[np.int64]
    """() genes before the first step whose p-value is above 5 %."""
    null_gains: NDArray[np.float64]
    """(permutations, q) the gains from these models."""
    of_samples: NDArray[np.float64]
    """(q,) p-values with the synthetic cells of one model permuted instead, and no training."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return a unit without structure for each seed, and one with it for the first ones."""
    all_seeds = list(seeds)
    null = [Unit(compute, config.settings(True), seed) for seed in all_seeds]
    return null + [
        Unit(compute, config.settings(False), seed) for seed in all_seeds[: config.num_stairs]
    ]


def compute(settings: Settings, seed: int, track: Track = without_bar) -> Result:
    """Simulate cells and test a selection from a model of them."""
    rng = np.random.default_rng(seed)
    x = simulate_stairs(settings.stairs, rng).x
    if settings.is_permuted:
        x = rng.permuted(x, axis=0)

    def draw(data: NDArray[np.int8], own: np.random.Generator) -> tuple[Any, Any]:
        key = jax.random.key(own.integers(2**32))
        (samples,) = draw_at(
            key, settings.architecture, data, [settings.num_epochs], settings.num_samples
        )
        return samples.x, samples.u

    test = permutation_test(
        x,
        draw,
        settings.num_selected,
        num_permutations=settings.num_permutations,
        max_exceedances=settings.max_exceedances,
        rng=rng,
        track=lambda rounds: track(rounds, settings.num_permutations),
    )
    x_syn, u_syn = draw(x, rng)
    of_samples = permutation_test(
        x_syn,
        lambda data, _: (data, u_syn),
        settings.num_selected,
        num_permutations=settings.num_permutations,
        max_exceedances=settings.max_exceedances,
        rng=rng,
    )
    return Result(
        test.selection.features,
        test.selection.gains,
        test.p_values,
        np.array(len(test.significant())),
        test.null_gains,
        of_samples.p_values,
    )


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Show that the test holds its level, and how many steps it finds to be sure."""
    null = [unit.result for unit in done if unit.settings.is_permuted]
    of_stairs = [unit for unit in done if not unit.settings.is_permuted]
    stairs = [unit.result for unit in of_stairs]
    statements, rows = [], []
    levels = [level for level in LEVELS if level * (1 + config.num_permutations) >= 1]
    if null:
        p_values = np.stack([result.p_values for result in null])[:, 1:]
        of_samples = np.stack([result.of_samples for result in null])[:, 1:]
        statements += [_is_valid(p_values, levels), _overlooks(p_values, of_samples)]
        for name, values in (("retrained", p_values), ("samples permuted", of_samples)):
            rows += [
                [name, step, *(f"{(column <= level).mean():.0%}" for level in levels)]
                for step, column in enumerate(values.T, start=2)
            ]
    informative = stair_genes(config.stairs).role != "noise"
    if stairs:
        statements.append(_criterion(stairs, informative))
    introduction = (
        f"Every gene is permuted by itself, a {config.architecture.name} trained again and the "
        f"selection repeated, at most {config.num_permutations} times; a step is counted no "
        f"further once {config.max_exceedances} of them have reached its gain. Selection starts "
        f"from the best pair. {say_number(len(null), 'data set')} without structure "
        f"({config.null.num_cells} cells, {config.null.num_genes} genes), and "
        f"{say_number(len(stairs), 'data set')} of the stair ({config.stairs.num_cells} cells, "
        f"{config.stairs.num_genes} genes)."
    )
    return Section(
        "Significance of the steps (Section 2.2)",
        introduction,
        statements,
        {
            "p-values": (
                _plot_null(null),
                "Data without structure: share of data sets with a p-value up to each level. On "
                "the diagonal it holds its level; left, trained again for every permutation; "
                "right, only the synthetic cells permuted.",
            ),
            "gains": (
                _plot_gains(stairs, informative),
                "Stair: gains of the selected genes, and those of models trained on permuted "
                "genes (first data set).",
            ),
        },
        [
            Table(
                "Share of data sets without structure with a p-value up to a level",
                ["null distribution", "genes selected", *map(str, levels)],
                rows,
            ),
            _p_value_table(of_stairs, informative),
        ],
    )


def _p_value_table(done: Sequence[Done], informative: NDArray[np.bool_]) -> Table:
    num_selected = done[0].settings.num_selected if done else 1
    rows = [
        [
            unit.seed,
            *(
                f"{p:.2f} ({'informative' if informative[gene] else 'noise'})"
                for p, gene in zip(unit.result.p_values[1:], unit.result.features[1:], strict=True)
            ),
        ]
        for unit in done
    ]
    return Table("Stair: p-values", ["seed", *map(str, range(2, num_selected + 1))], rows)


def _is_valid(p_values: NDArray[np.float64], levels: Sequence[float]) -> Statement:
    """Test whether small p-values are more frequent than they may be."""
    number, num_steps = p_values.shape
    counts = {level: (p_values <= level).sum(axis=0) for level in levels}
    chances = [
        binomtest(int(count), number, level, alternative="greater").pvalue
        for level, of_steps in counts.items()
        for count in of_steps
    ]
    text = "; ".join(
        f"p up to {level:g} in {', '.join(f'{count / number:.0%}' for count in of_steps)}"
        for level, of_steps in counts.items()
    )
    return Statement(
        "Training on permuted features gives a valid null distribution.",
        f"of {number} data sets without structure, at the steps 2 to {num_steps + 1}: {text}. The "
        f"chance of the most excessive of these {len(chances)} shares under a valid test is "
        f"{min(chances):.2g}",
        # All shares together are judged at 5 %.
        judge(min(chances) * len(chances), 0.05, 0.005) if number >= ENOUGH else "not measured",
    )


def _overlooks(p_values: NDArray[np.float64], of_samples: NDArray[np.float64]) -> Statement:
    level = LEVELS[0]
    ours, naive = ((values <= level).mean() for values in (p_values, of_samples))
    return Statement(
        "It does not overlook overfitting, so the model has to be trained again.",
        f"where nothing is to be found, p-values up to {level:g} are {naive:.0%} of those from "
        f"permuted synthetic cells of one model, and {ours:.0%} of those from models trained again",
        judge(float(naive - ours), 0.2, 0.05) if len(p_values) >= ENOUGH else "not measured",
    )


def _criterion(stairs: Sequence[Result], informative: NDArray[np.bool_]) -> Statement:
    """Ask whether the genes before the first step that is not significant are the right ones."""
    paper = "It is an objective criterion of how many features to select."
    num_steps = [int(result.num_significant) for result in stairs]
    pairs = list(zip(stairs, num_steps, strict=True))
    chosen = np.concatenate([result.features[:number] for result, number in pairs])
    rest = np.concatenate([result.features[number:] for result, number in pairs])
    measured = (
        f"of {len(stairs[0].features)} genes {np.mean(num_steps):.1f} are significant at 5 % (from "
        f"{min(num_steps)} to {max(num_steps)} over data sets)"
    )
    if not len(chosen):
        return Statement(paper, measured, "not reproduced")
    share = float(informative[chosen].mean())
    others = f"{1 - informative[rest].mean():.0%} of the others" if len(rest) else "none are left"
    return Statement(
        paper,
        f"{measured}; {1 - share:.0%} of these are noise genes, {others}",
        # Where it never stops a selection it was not put to the test.
        judge(share, 0.9 if len(rest) else 2, 0.7),
    )


def _plot_null(null: Sequence[Result]) -> Figure:
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    names = ("trained again", "synthetic cells permuted")
    for ax, values, name in zip(
        axes, ([r.p_values for r in null], [r.of_samples for r in null]), names, strict=True
    ):
        ax.plot([0, 1], [0, 1], color=figures.LINE, linewidth=0.8)
        if values:
            for step, column in enumerate(np.stack(values)[:, 1:].T, start=2):
                color, style = figures.SERIES[(step - 2) % len(figures.SERIES)]
                ax.ecdf(column, color=color, linestyle=style, label=f"step {step}")
        ax.set(xlabel="p-value", title=name, xlim=(0, 1))
        figures.bare(ax)
    axes[0].set_ylabel("share of data sets")
    if null:
        axes[0].legend(frameon=False)
    return figure


def _plot_gains(stairs: Sequence[Result], informative: NDArray[np.bool_]) -> Figure:
    figure = Figure(figsize=(6.5, 3.6), layout="constrained")
    ax = figure.subplots()
    for result in stairs[:1]:
        steps = np.arange(2, len(result.features) + 1)
        nulls = result.null_gains[:, 1:]
        low, middle, high = np.quantile(nulls, [0.05, 0.5, 0.95], axis=0)
        ax.fill_between(steps, low, high, color=figures.LINE, alpha=0.5, linewidth=0,
                        label="permuted: 5 to 95 %")  # fmt: skip
        ax.plot(steps, middle, color=figures.GREY, linestyle="--", label="permuted: median")
        ax.plot(steps, result.gains[1:], color=figures.INK, linewidth=0.8)
        for kind, marker, color in (
            (True, "o", figures.GREEN),
            (False, "X", figures.RED),
        ):
            at = informative[result.features[1:]] == kind
            name = "informative gene" if kind else "noise gene"
            ax.plot(steps[at], result.gains[1:][at], marker, color=color, label=name, zorder=3)
        ax.set_yscale("log")
        ax.legend(frameon=False)
    ax.set(xlabel="genes selected", ylabel="gain (G2)")
    figures.bare(ax)
    return figure
