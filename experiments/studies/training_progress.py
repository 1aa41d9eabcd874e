"""What a model learns during training on the stair simulation (Section 3.1.2, Fig. 3)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.analysis import figures
from experiments.analysis.model_settings import ModelSettings
from experiments.analysis.statements import count_of, epochs_in_words, grade
from experiments.analysis.trajectory import (
    Trajectory,
    TrajectoryConfig,
    as_trajectory,
    checkpoints,
    split_keys,
)
from experiments.data.stairs import (
    ROLES,
    StairConfig,
    StairGenes,
    chosen_pairs,
    role_counts,
    share_of_stair_patterns,
    simulate_stairs,
    stair_genes,
)
from experiments.runs.options import Unprefixed
from experiments.runs.page import Section, Statement, Table, Verdict
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Done, Unit
from loglin import select_features
from loglin.plots import HIGHEST, LOWEST, NOT_SELECTED, pattern_plot

OF_A_DBM = (
    " Of a DBM the paper says only that these results generalize to it, and not after how many "
    "epochs: here they are expected from the first epoch of fine-tuning on."
)
_NOISE = "mostly noise genes are selected."
_MOSTLY = "mostly overlap genes are selected."
_ALMOST = "almost exclusively overlap genes are selected."
_TOGETHER = "The two genes of an overlap tend to be selected together."
_NEIGHBOURS = "Frequent patterns belong to one overlap or to two neighbouring ones."
_ANY_WEIGHTS = "This does not depend on the initial weights."
MOSAIC_EPOCHS = (0, 10, 20, 30, 75, 200)
TABLE_EPOCHS = (0, 5, 10, 15, 20, 30, 50, 75, 100, 200, 500, 1000)


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's."""

    trajectory: Unprefixed[TrajectoryConfig] = field(
        default_factory=lambda: TrajectoryConfig(num_epochs=1000, num_selected=7)
    )
    stairs: Unprefixed[StairConfig] = field(default_factory=StairConfig)
    model_settings: Unprefixed[ModelSettings] = field(default_factory=ModelSettings)

    def __post_init__(self) -> None:
        """Check the settings that depend on each other."""
        self.trajectory.check_panel(self.stairs.num_genes)
        self.model_settings.check(self.stairs.num_genes, self.stairs.num_cells)


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return one unit per seed."""
    return [Unit(compute, config, seed) for seed in seeds]


def compute(config: Config, seed: int, track: Track = without_bar) -> Trajectory:
    """Simulate cells, train a model on them and follow what it learns; all from one seed."""
    cells = simulate_stairs(config.stairs, np.random.default_rng(seed))
    keys = split_keys(jax.random.key(seed))
    seen = checkpoints(keys, config.model_settings, cells.x, config.trajectory, track)
    return as_trajectory(seen, config.trajectory)


class Measured(NamedTuple):
    """The trajectories of all seeds, and how many genes of each role were selected."""

    results: Sequence[Trajectory]
    genes: StairGenes
    stage: NDArray[np.int64]
    """(seeds, t)"""
    overlap: NDArray[np.int64]
    """(seeds, t)"""
    noise: NDArray[np.int64]
    """(seeds, t)"""

    @property
    def epochs(self) -> NDArray[np.int64]:
        """(t,) the epochs of the checkpoints."""
        return self.results[0].epochs

    @property
    def num_selected(self) -> int:
        """Genes selected at each checkpoint."""
        return self.results[0].features.shape[1]

    @property
    def counts(self) -> NDArray[np.int64]:
        """(seeds, t, roles) in the order of `ROLES`."""
        return np.stack([self.stage, self.overlap, self.noise], axis=-1)


Measure = Callable[[Measured, int], tuple[str, Verdict, Sequence[bool]]]
"""measure(measured, checkpoint): what was measured from this checkpoint on, the verdict, and in
which seeds it holds."""


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Compare the paper's statements with what was measured."""
    results: list[Trajectory] = [unit.result for unit in done]
    genes = stair_genes(config.stairs)
    counts = np.stack([role_counts(result.features, genes) for result in results])
    measured = Measured(results, genes, *np.moveaxis(counts, -1, 0))
    number = count_of(len(results), "seed")
    is_vae = config.model_settings.model == "vae"
    introduction = (
        f"{config.model_settings.describe(config.trajectory.num_epochs)} is trained on "
        f"{config.stairs.num_cells} simulated cells with {config.stairs.num_genes} genes. "
        f"Every {config.trajectory.every} epochs, {config.trajectory.num_samples} synthetic cells "
        f"are drawn from it and {measured.num_selected} genes are selected. Results are from "
        f"{number}."
        f"{'' if is_vae else OF_A_DBM}"
    )
    figures_by_name = {
        "patterns": (
            _plot_patterns(results[0], genes),
            "The most frequent patterns of the selected genes at several epochs (first seed), as "
            "in Fig. 3. Each row is a pattern, with the most frequent on top; each column is a "
            "gene.",
        ),
        "roles": (
            _plot_roles(measured),
            f"Number of selected genes with each role: mean and range over {number}.",
        ),
    }
    return Section(
        f"Training progress of a {config.model_settings.name} (Section 3.1.2, Fig. 3)",
        introduction,
        _states_of_vae(measured) if is_vae else _states_of_dbm(config, measured, done),
        figures_by_name,
        [_table(measured)],
    )


def _states_of_vae(measured: Measured) -> list[Statement]:
    """Check the paper's statements at the epochs that it names."""
    leads = measured.overlap > np.maximum(measured.stage, measured.noise)
    num_leading = leads[:, ::-1].cumprod(axis=1).sum(axis=1)  # checkpoints at the end of training
    starts = measured.epochs[-num_leading[num_leading > 0]]
    when = (
        f"Overlap genes lead for good from epoch {np.median(starts):.0f} on (median of "
        f"{count_of(len(starts), 'seed')}, {starts.min()} to {starts.max()})."
        if len(starts)
        else "Overlap genes lead at the end in no seed."
    )
    return [
        _state(measured, 5, f"At the beginning of training {_NOISE}", _noise_early),
        _state(
            measured,
            20,
            "After about 20 epochs the genes of overlaps become the strongest.",
            _overlap_leads,
            when,
        ),
        _state(measured, 30, f"After around 30 epochs {_MOSTLY}", _mostly_overlap(0.6)),
        _state(measured, 75, f"After 75 epochs {_ALMOST}", _mostly_overlap(0.9)),
        _state(measured, 75, _TOGETHER, _pairs),
        _state(measured, 75, _NEIGHBOURS, _stair_patterns),
        _state(measured, 75, _ANY_WEIGHTS, _robust),
    ]


def _states_of_dbm(config: Config, measured: Measured, done: Sequence[Done]) -> list[Statement]:
    """Check the paper's statements from the beginning of fine-tuning on."""
    tuned = config.model_settings.num_pretraining(config.trajectory.num_epochs)
    share_of_noise = np.mean(measured.genes.role == "noise")
    arbitrary = (
        f"An arbitrary selection has {share_of_noise * measured.num_selected:.1f} noise genes. So "
        "early in its pretraining the DBM's selection is arbitrary, while the VAE prefers noise "
        "genes."
    )
    stage, overlap, noise = _of_true_stages(config, [unit.seed for unit in done]).mean(axis=0)
    stages = (
        "The other selected genes belong to single stages. They are not wrong: if the latents were "
        f"the true stages of the cells, {stage:.1f} genes of single stages, {overlap:.1f} of "
        f"overlaps and {noise:.1f} noise genes would be selected."
    )
    return [
        _state(measured, 5, f"At the beginning of training {_NOISE}", _noise_early, arbitrary),
        _state(measured, tuned, f"Later {_MOSTLY}", _mostly_overlap(0.6), stages),
        _state(measured, tuned, f"In the end {_ALMOST}", _mostly_overlap(0.9), stages),
        _state(measured, tuned, _TOGETHER, _pairs),
        _state(measured, tuned, _NEIGHBOURS, _stair_patterns, stages),
        _state(measured, tuned, _ANY_WEIGHTS, _robust, stages),
    ]


def _of_true_stages(config: Config, seeds: Sequence[int]) -> NDArray[np.int64]:
    """Return the roles of the genes (seeds, roles) selected with the cells' stages as latents."""
    counts = []
    for seed in seeds:
        cells = simulate_stairs(
            replace(config.stairs, num_cells=config.trajectory.num_samples),
            np.random.default_rng(seed),
        )
        is_at = (cells.stage[:, None] == np.arange(config.stairs.num_stages)).astype(np.int8)
        chosen = select_features(cells.x, is_at, config.trajectory.num_selected)
        counts.append(role_counts(chosen.features[None], cells.genes)[0])
    return np.array(counts)


def _state(
    measured: Measured, epoch: int, paper: str, measure: Measure, reason: str = ""
) -> Statement:
    """Check a statement of the paper about the epochs from a given one on."""
    at = measured.results[0].first_from(epoch)
    if at is None:
        return Statement(paper, f"training stopped at epoch {measured.epochs[-1]}", "not measured")
    return Statement(paper, *measure(measured, at), reason, "roles")


def _noise_early(measured: Measured, at: int) -> tuple[str, Verdict, Sequence[bool]]:
    end = max(at + 1, int(np.searchsorted(measured.epochs, 15)))
    of_seeds = measured.noise[:, at:end].mean(axis=1)
    noise = of_seeds.mean()
    when = epochs_in_words(measured.epochs[at:end])
    text = f"{noise:.1f} of {measured.num_selected} genes are noise genes at {when}"
    if at > 0:
        text += f" (before training: {measured.noise[:, 0].mean():.1f})"
    verdict = grade(noise / measured.num_selected, reproduced=0.5, partly=0.25)
    return text, verdict, (of_seeds / measured.num_selected >= 0.5).tolist()


def _overlap_leads(measured: Measured, at: int) -> tuple[str, Verdict, Sequence[bool]]:
    stage, overlap, noise = np.moveaxis(measured.counts[:, at], -1, 0)
    in_seeds = overlap > np.maximum(stage, noise)
    leads = in_seeds.mean()
    text = (
        f"at epoch {measured.epochs[at]}: {overlap.mean():.1f} overlap, {stage.mean():.1f} stage "
        f"and {noise.mean():.1f} noise genes; overlap genes are the most numerous in {leads:.0%} "
        "of seeds"
    )
    return text, grade(leads, reproduced=0.75, partly=0.4), in_seeds.tolist()


def _mostly_overlap(share: float) -> Measure:
    """Return a measure of whether overlap genes have this share from a checkpoint on."""

    def measure(measured: Measured, at: int) -> tuple[str, Verdict, Sequence[bool]]:
        overlap, num_selected = measured.overlap[:, at:], measured.num_selected
        first = overlap[:, 0].mean()
        text = (
            f"{overlap.mean():.1f} of {num_selected} genes on average from epoch "
            f"{measured.epochs[at]} on ({first:.1f} at that epoch; minimum over checkpoints and "
            f"seeds {overlap.min()})"
        )
        holds_at_once = first / num_selected >= share - 0.2
        reproduced = share if holds_at_once else None
        verdict = grade(overlap.mean() / num_selected, reproduced=reproduced, partly=share - 0.2)
        holds = overlap.mean(axis=1) / num_selected >= share
        return text, verdict, (holds & (overlap[:, 0] / num_selected >= share - 0.2)).tolist()

    return measure


def _pairs(measured: Measured, at: int) -> tuple[str, Verdict, Sequence[bool]]:
    found = np.array(
        [
            np.mean([chosen_pairs(genes, measured.genes) for genes in result.features[at:]], axis=0)
            for result in measured.results
        ]
    )
    observed, expected = found.mean(axis=0)
    text = (
        f"{observed:.2f} complete overlaps on average from epoch {measured.epochs[at]} on; "
        f"{expected:.2f} are expected if as many overlap genes are drawn at random"
    )
    verdict = grade(observed / max(expected, 1e-9), reproduced=1.5, partly=1.1)
    return text, verdict, (found[:, 0] >= 1.5 * np.maximum(found[:, 1], 1e-9)).tolist()


def _stair_patterns(measured: Measured, at: int) -> tuple[str, Verdict, Sequence[bool]]:
    shares = np.array(
        [
            np.mean(
                [
                    share_of_stair_patterns(features, states, measured.genes)
                    for features, states in zip(
                        result.features[at:], result.states[at:], strict=True
                    )
                ]
            )
            for result in measured.results
        ]
    )
    text = (
        f"in {np.mean(shares):.0%} of the most frequent patterns from epoch "
        f"{measured.epochs[at]} on, all ones lie in one overlap or in two neighbouring ones"
    )
    verdict = grade(float(np.mean(shares)), reproduced=0.9, partly=0.7)
    return text, verdict, (shares >= 0.9).tolist()


def _robust(measured: Measured, at: int) -> tuple[str, Verdict, Sequence[bool]]:
    num_seeds = len(measured.results)
    in_seeds = measured.overlap[:, at:].min(axis=1) > measured.num_selected / 2
    held = in_seeds.mean()
    text = (
        f"overlap genes are the majority at every checkpoint from epoch {measured.epochs[at]} on "
        f"in {held:.0%} of {num_seeds} seeds, each with its own cells and weights"
    )
    verdict = grade(held, reproduced=0.9, partly=0.5) if num_seeds > 1 else "not measured"
    return text, verdict, in_seeds.tolist()


def _table(measured: Measured) -> Table:
    first = measured.results[0]
    rows = sorted({at for epoch in TABLE_EPOCHS if (at := first.first_from(epoch)) is not None})
    return Table(
        f"Roles of the {measured.num_selected} selected genes, mean over seeds",
        ["epoch", *ROLES, "genes explained by chance", "reconstruction error (nats)"],
        [
            [
                measured.epochs[at],
                *(f"{value:.1f}" for value in measured.counts[:, at].mean(axis=0)),
                f"{np.mean([result.by_chance[at].sum() for result in measured.results]):.1f}",
                f"{np.mean([result.reconstruction[at] for result in measured.results]):.2f}"
                if at
                else "before training",
            ]
            for at in rows
        ],
    )


def _plot_patterns(trajectory: Trajectory, genes: StairGenes) -> Figure:
    shown = sorted(
        {at for epoch in MOSAIC_EPOCHS if (at := trajectory.first_from(epoch)) is not None}
    )
    colors = [figures.ROLE_COLORS[role] for role in genes.role]
    figure = Figure(figsize=(11, 1.75 * len(shown) + 0.9), layout="constrained")
    axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for ax, at in zip(axes, shown, strict=True):
        patterns = trajectory.patterns(at)
        pattern_plot(patterns, features=trajectory.features[at].tolist(), colors=colors, ax=ax)
        ax.set_title(f"epoch {trajectory.epochs[at]}", loc="left", fontsize=10)
        ax.set_yticks([0, len(patterns.states) - 1], ["1", str(len(patterns.states))], fontsize=8)
        ax.set_ylabel("pattern", fontsize=9)
    columns = np.unique([0, *range(4, len(colors), 5), len(colors) - 1])
    axes[-1].set_xticks(columns, [str(column + 1) for column in columns], fontsize=8)
    axes[-1].set_xlabel("gene, in the order of the stages; noise genes last")
    tones = {"not selected": NOT_SELECTED, "selected, 0": LOWEST, "selected, 1": HIGHEST}
    figures.tile_legend(figure, figures.ROLE_COLORS, tones)
    return figure


def _plot_roles(measured: Measured) -> Figure:
    figure = Figure(figsize=(8, 4), layout="constrained")
    ax = figure.subplots()
    figures.role_lines(ax, measured.epochs, measured.counts, measured.num_selected)
    ax.set(xlabel="epoch", ylabel=f"genes among the {measured.num_selected} selected")
    ax.legend(frameon=False, loc="center right")
    return figure
