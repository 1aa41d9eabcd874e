"""What a model learns over its training on the stair simulation (Section 3.1.2, Fig. 3)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import comb

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments import figures
from experiments.architecture import ArchitectureConfig
from experiments.course import (
    Course,
    CourseConfig,
    first_look,
    follow,
    say_epochs,
)
from experiments.report import Section, Statement, Table, Verdict, judge, say_number
from experiments.runs import Done, Flat, Track, Unit, without_bar
from experiments.stairs import (
    ROLES,
    StairConfig,
    StairGenes,
    role_counts,
    simulate_stairs,
    stair_genes,
)

Measure = Callable[[int], tuple[str, Verdict]]
"""From a look on: what was measured, and the verdict."""

FOR_ANOTHER_MODEL = " The paper says this of a VAE, whose epochs need not be those of a DBM."
MOSAIC_EPOCHS = (0, 10, 20, 30, 75, 200)


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's."""

    course: Flat[CourseConfig] = field(
        default_factory=lambda: CourseConfig(num_epochs=1000, num_selected=7)
    )
    stairs: Flat[StairConfig] = field(default_factory=StairConfig)
    architecture: Flat[ArchitectureConfig] = field(default_factory=ArchitectureConfig)

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        self.course.check_panel(self.stairs.num_genes)
        self.architecture.check(self.stairs.num_genes, self.stairs.num_cells)


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return one unit a seed."""
    return [Unit(compute, config, seed) for seed in seeds]


def compute(config: Config, seed: int, track: Track = without_bar) -> Course:
    """Simulate cells, train a model on them and follow what it learns; all from one seed."""
    cells = simulate_stairs(config.stairs, np.random.default_rng(seed))
    return follow(jax.random.key(seed), config.architecture, cells.x, config.course, track)


def chosen_pairs(features: NDArray[np.int64], genes: StairGenes) -> tuple[int, float]:
    """How many overlaps have all their genes chosen, and how many would by chance.

    Chance is as many overlap genes drawn at random from all overlap genes: an overlap of size
    s is complete among m of M with probability C(M - s, m - s) / C(M, m).
    """
    overlap_stage = genes.first_stage[genes.role == "overlap"]
    chosen_stage = genes.first_stage[features[genes.role[features] == "overlap"]]
    num_all, num_chosen = len(overlap_stage), len(chosen_stage)
    complete, expected = 0, 0.0
    for stage, size in zip(*np.unique(overlap_stage, return_counts=True), strict=True):
        complete += int((chosen_stage == stage).sum() == size)
        if num_chosen >= size:
            expected += comb(num_all - size, num_chosen - size) / comb(num_all, num_chosen)
    return complete, expected


def share_of_stair_patterns(
    features: NDArray[np.int64], states: NDArray[np.int8], genes: StairGenes
) -> float:
    """Share of the patterns whose ones lie in one overlap or in two neighbouring ones."""
    roles, stages = genes.role[features], genes.first_stage[features]
    fits = []
    for state in states[(states >= 0).all(axis=1)]:
        on = state == 1
        spread = np.ptp(stages[on]) if on.any() else 0
        fits.append(bool((roles[on] == "overlap").all() and spread <= 1))
    return float(np.mean(fits))


def plot(config: Config, results: Sequence[Course]) -> dict[str, tuple[Figure, str]]:
    """Draw the mosaics of Fig. 3 for the first seed, and the counts by role over all seeds."""
    genes = stair_genes(config.stairs)
    return {
        "patterns": (
            _plot_patterns(results[0], genes),
            "The most frequent patterns in the chosen genes at some epochs (first seed), as in "
            "Fig. 3: one row a pattern, the most frequent on top, one column a gene.",
        ),
        "roles": (
            _plot_roles(results, genes),
            "How many of the chosen genes have each role: mean over "
            f"{say_number(len(results), 'seed')}, and the range.",
        ),
    }


def _plot_patterns(course: Course, genes: StairGenes) -> Figure:
    looks = sorted({look for e in MOSAIC_EPOCHS if (look := first_look(course, e)) is not None})
    colors = [figures.ROLE_COLORS[role] for role in genes.role]
    figure = Figure(figsize=(11, 1.75 * len(looks) + 0.9), layout="constrained")
    axes = figure.subplots(len(looks), 1, sharex=True, squeeze=False)[:, 0]
    for ax, look in zip(axes, looks, strict=True):
        tiles = figures.pattern_tiles(course.features[look], course.states[look], len(colors))
        figures.mosaic(ax, tiles, colors)
        ax.set_title(f"epoch {course.epochs[look]}", loc="left", fontsize=10)
        ax.set_yticks([0, len(tiles) - 1], ["1", str(len(tiles))], fontsize=8)
        ax.set_ylabel("pattern", fontsize=9)
    columns = np.unique([0, *range(4, len(colors), 5), len(colors) - 1])
    axes[-1].set_xticks(columns, [str(column + 1) for column in columns], fontsize=8)
    axes[-1].set_xlabel("gene, in the order of the stages; noise genes last")
    tones = {
        "not selected": figures.NOT_SELECTED,
        "selected, 0": figures.SELECTED_0,
        "selected, 1": figures.SELECTED_1,
    }
    figures.mosaic_legend(figure, figures.ROLE_COLORS, tones)
    return figure


def _plot_roles(results: Sequence[Course], genes: StairGenes) -> Figure:
    epochs, num_selected = results[0].epochs, results[0].features.shape[1]
    counts = np.stack([role_counts(result.features, genes) for result in results])
    figure = Figure(figsize=(8, 4), layout="constrained")
    ax = figure.subplots()
    figures.role_lines(ax, epochs, counts, num_selected)
    ax.set(xlabel="epoch", ylabel=f"genes among the {num_selected} chosen")
    ax.legend(frameon=False, loc="center right")
    return figure


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Set the paper's statements beside what was measured."""
    results = [unit.result for unit in done]
    genes = stair_genes(config.stairs)
    # (seeds, t, roles)
    counts = np.stack([role_counts(result.features, genes) for result in results])
    course, num_selected = results[0], config.course.num_selected
    stage, overlap, noise = (counts[:, :, column] for column in range(3))
    statements: list[Statement] = []

    def state(epoch: int, paper: str, measure: Measure) -> None:
        look = first_look(course, epoch)
        if look is None:
            measured = f"training stopped at epoch {course.epochs[-1]}"
            statements.append(Statement(paper, measured, "not measured"))
        else:
            statements.append(Statement(paper, *measure(look)))

    def early(look: int) -> tuple[str, Verdict]:
        end = max(look + 1, int(np.searchsorted(course.epochs, 15)))
        at = slice(look, end)
        mean = noise[:, at].mean()
        when = say_epochs(course.epochs[at])
        text = f"{mean:.1f} of {num_selected} are noise genes at {when}"
        if look > 0:
            text += f" (before training {noise[:, 0].mean():.1f})"
        return text, judge(mean / num_selected, 0.5, 0.25)

    def ahead(look: int) -> tuple[str, Verdict]:
        wins = (overlap[:, look] > np.maximum(stage, noise)[:, look]).mean()
        text = (
            f"at epoch {course.epochs[look]}: {overlap[:, look].mean():.1f} overlap, "
            f"{stage[:, look].mean():.1f} stage and {noise[:, look].mean():.1f} noise genes; "
            f"overlap genes are the most numerous in {wins:.0%} of seeds"
        )
        return text, judge(wins, 0.75, 0.4)

    def mostly(share: float) -> Measure:
        def measure(look: int) -> tuple[str, Verdict]:
            values = overlap[:, look:] / num_selected
            text = (
                f"from epoch {course.epochs[look]} on {overlap[:, look:].mean():.1f} of "
                f"{num_selected} (at that epoch {overlap[:, look].mean():.1f}, lowest over looks "
                f"and seeds {overlap[:, look:].min()})"
            )
            holds_at_once = values[:, 0].mean() >= share - 0.2
            return text, judge(values.mean(), share if holds_at_once else 2, share - 0.2)

        return measure

    def pairs(look: int) -> tuple[str, Verdict]:
        found = np.array(
            [chosen_pairs(f, genes) for result in results for f in result.features[look:]]
        )
        observed, expected = found.mean(axis=0)
        text = (
            f"from epoch {course.epochs[look]} on {observed:.2f} complete overlaps, where as many "
            f"overlap genes drawn at random would give {expected:.2f}"
        )
        return text, judge(observed / max(expected, 1e-9), 1.5, 1.1)

    def stair(look: int) -> tuple[str, Verdict]:
        shares = [
            share_of_stair_patterns(f, s, genes)
            for result in results
            for f, s in zip(result.features[look:], result.states[look:], strict=True)
        ]
        text = (
            f"{np.mean(shares):.0%} of the most frequent patterns from epoch "
            f"{course.epochs[look]} on have ones in one overlap or two neighbouring ones only"
        )
        return text, judge(float(np.mean(shares)), 0.9, 0.7)

    def robust(look: int) -> tuple[str, Verdict]:
        held = (overlap[:, look:].min(axis=1) > num_selected / 2).mean()
        text = (
            f"overlap genes are the majority at every look from epoch {course.epochs[look]} on "
            f"in {held:.0%} of {len(results)} seeds, each with its own cells and weights"
        )
        return text, judge(held, 0.9, 0.5) if len(results) > 1 else "not measured"

    state(5, "At the beginning of training mostly noise genes are selected.", early)
    state(20, "After about 20 epochs the genes of overlaps become the strongest.", ahead)
    state(30, "After around 30 epochs mostly overlap genes are selected.", mostly(0.6))
    state(75, "After 75 epochs almost exclusively overlap genes are selected.", mostly(0.9))
    state(75, "The two genes of an overlap tend to be selected together.", pairs)
    state(75, "Frequent patterns are those of one overlap or of two neighbours.", stair)
    state(75, "This does not depend on the initial weights.", robust)

    looks = [look for e in (0, 5, 10, 15, 20, 30, 50, 75, 100, 200, 500, 1000)
             if (look := first_look(course, e)) is not None]  # fmt: skip
    table = Table(
        f"Genes among the {num_selected} chosen, mean over seeds",
        ["epoch", *ROLES, "gain explained by chance", "reconstruction error (nats)"],
        [
            [course.epochs[look], *(f"{v:.1f}" for v in counts[:, look].mean(axis=0)),
             f"{np.mean([r.by_chance[look].sum() for r in results]):.1f}",
             f"{np.mean([r.reconstruction[look] for r in results]):.2f}"
             if look else "before training"]
            for look in sorted(set(looks))
        ],
    )  # fmt: skip
    introduction = (
        f"{config.architecture.describe(config.course.num_epochs)} learns "
        f"{config.stairs.num_cells} simulated cells with {config.stairs.num_genes} genes. "
        f"Every {config.course.every} epochs {config.course.num_samples} synthetic cells are drawn "
        f"from it, and {num_selected} genes are selected. {say_number(len(results), 'seed')}."
        f"{'' if config.architecture.model == 'vae' else FOR_ANOTHER_MODEL}"
    )
    return Section(
        f"Training progress of a {config.architecture.name} (Section 3.1.2, Fig. 3)",
        introduction,
        statements,
        plot(config, results),
        [table],
    )
