"""How the patterns of a DBM lie in its latents over its training (Section 3.1.3, Fig. 4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import jensenshannon

from experiments import figures
from experiments.architecture import ArchitectureConfig
from experiments.course import Drawn, draw_at
from experiments.evaluation import circular_order, circular_order_null, swept_turns, walk_p_value
from experiments.report import Section, Statement, Table, judge, say_number, say_range
from experiments.runs import Done, Flat, Track, Unit, without_bar
from experiments.stairs import (
    StairConfig,
    StairGenes,
    simulate_stairs,
    stage_posterior,
    stair_genes,
)
from loglin import (
    embed,
    frequent_patterns,
    kruskal_stress,
    pattern_distances,
    select_features,
    union_of_features,
    union_of_patterns,
)
from loglin.tables import as_count


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's."""

    epochs: tuple[int, ...] = (2, 20, 50, 100, 200)
    """Epochs of the DBMs whose features and patterns are united: so many of pretraining and as many
    of fine-tuning."""
    more_epochs: tuple[int, ...] = (5, 10)
    """Epochs of further DBMs, in which the same patterns are looked at."""
    num_selected: int = 4
    """Genes to select from each DBM."""
    num_patterns: int = 10
    """Most frequent patterns of each DBM."""
    num_samples: int = 10_000
    """Synthetic cells drawn from each DBM."""
    num_permutations: int = 9999
    """Orders drawn at random, to which the circular order is compared."""
    num_latents: int = 10
    """Units in the highest layer."""
    batch_size: int = 1
    """Cells per gradient step in pretraining."""
    stairs: Flat[StairConfig] = field(
        default_factory=lambda: StairConfig(num_cells=5000, num_noise=168)
    )

    def __post_init__(self) -> None:
        """Check the settings."""
        if len(self.epochs) < 2:
            raise ValueError(f"`epochs` must be at least two, got {self.epochs}")
        for epoch in (*self.epochs, *self.more_epochs):
            as_count(epoch, "epochs", 1)
        as_count(self.num_selected, "num_selected", 1, self.stairs.num_genes)
        for name in ("num_patterns", "num_samples", "num_permutations"):
            as_count(getattr(self, name), name, 1)
        self.architecture.check(self.stairs.num_genes, self.stairs.num_cells)

    @property
    def architecture(self) -> ArchitectureConfig:
        """The settings of the DBMs."""
        return ArchitectureConfig("dbm", self.num_latents, self.batch_size)


class Result(NamedTuple):
    """The patterns and how they lie at each look, in the order of epochs."""

    epochs: NDArray[np.int64]
    """(t,)"""
    chosen: NDArray[np.int64]
    """(t, s) genes selected from each DBM."""
    features: NDArray[np.int64]
    """(q,) the union of the genes, in order."""
    states: NDArray[np.int8]
    """(k, q) the union of the patterns."""
    counts: NDArray[np.int64]
    """(t, k) synthetic cells that carry them."""
    distances: NDArray[np.float64]
    """(t, k, k) root Jensen-Shannon divergences; NaN where no cell carries a pattern."""
    corrected: NDArray[np.float64]
    """(t, k, k) the same less what chance gives."""
    points: NDArray[np.float64]
    """(t, k, 2) classical maps of the distances; NaN where no cell carries a pattern."""
    stress: NDArray[np.float64]
    """(t,) Kruskal's stress-1 of the maps."""
    circular: NDArray[np.float64]
    """(t,) `circular_order` of the patterns along the stair; NaN with fewer than three."""
    p_value: NDArray[np.float64]
    """(t,) share of orders at random that are as circular, in whichever direction."""
    turns: NDArray[np.float64]
    """(t,) how far the patterns go round, in turns."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return one unit a repetition."""
    return [Unit(compute, config, seed) for seed in seeds]


def compute(config: Config, seed: int, track: Track = without_bar) -> Result:
    """Simulate cells, train a DBM for each number of epochs, and map their patterns."""
    cells = simulate_stairs(config.stairs, np.random.default_rng(seed))
    epochs = sorted({*config.epochs, *config.more_epochs})
    keys = jax.random.split(jax.random.key(seed), len(epochs))
    drawn = [
        _draw(key, config, cells.x, epoch)
        for key, epoch in track(zip(keys, epochs, strict=True), len(epochs))
    ]
    chosen = [select_features(d.x, d.u, config.num_selected).features for d in drawn]
    united = [look for look, epoch in enumerate(epochs) if epoch in config.epochs]
    features = union_of_features(chosen[look] for look in united)
    states = union_of_patterns(
        frequent_patterns(drawn[look].x, features.tolist(), config.num_patterns) for look in united
    )
    order = stair_order(features, states, cells.genes)
    rng = np.random.default_rng([seed, 1])
    looks = [_map(d, features, states, order, config.num_permutations, rng) for d in drawn]
    columns = (np.array(column) for column in zip(*looks, strict=True))
    return Result(np.array(epochs), np.array(chosen), features, states, *columns)


def _draw(key: jax.Array, config: Config, x: NDArray[np.int8], epoch: int) -> Drawn:
    """Pretrain a DBM for some epochs, fine-tune it for as many, and draw from it at the end."""
    return next(draw_at(key, config.architecture, x, [2 * epoch], config.num_samples))


def stair_order(
    features: NDArray[np.int64], states: NDArray[np.int8], genes: StairGenes
) -> NDArray[np.intp]:
    """Return the patterns with ones in genes of the stair only, in their order along it."""
    is_stair = genes.role[features] != "noise"
    on = states == 1
    along = np.flatnonzero((on & is_stair).any(axis=1) & ~(on & ~is_stair).any(axis=1))
    place = [features[on[pattern]].mean() for pattern in along]
    return along[np.argsort(place, kind="stable")]


def _map(
    drawn: Drawn,
    features: NDArray[np.int64],
    states: NDArray[np.int8],
    order: NDArray[np.intp],
    num_permutations: int,
    rng: np.random.Generator,
) -> tuple[NDArray | float, ...]:
    """Return the fields of `Result` for one look, from `counts` on."""
    counts = (drawn.x[:, None, features] == states).all(axis=2).sum(axis=0)
    found = np.flatnonzero(counts)
    distances, corrected = np.full((2, len(states), len(states)), np.nan)
    points = np.full((len(states), 2), np.nan)
    stress = circular = p_value = turns = np.nan
    if len(found) > 2:
        for matrix, is_corrected in ((distances, False), (corrected, True)):
            matrix[np.ix_(found, found)] = pattern_distances(
                drawn.x, drawn.u, features.tolist(), states[found], corrected=is_corrected
            )
        between = distances[np.ix_(found, found)]
        points[found] = embed(between)
        stress = kruskal_stress(between, points[found])
    along = points[[pattern for pattern in order if counts[pattern]]]
    if len(along) > 2:
        # The pattern of zeros is the centre, as in the paper, where it is there to be seen.
        nothing_on = points[(states == 0).all(axis=1) & (counts > 0)]
        center = nothing_on[0] if len(nothing_on) else np.zeros(2)
        circular, turns = circular_order(along, center), swept_turns(along, center)
        null = np.abs(circular_order_null(along, center, num_permutations, rng))
        p_value = (1 + (null >= abs(circular) - 1e-9).sum()) / (1 + num_permutations)
    return counts, distances, corrected, points, stress, circular, p_value, turns


def plot(config: Config, results: Sequence[Result]) -> dict[str, tuple[Figure, str]]:
    """Draw Fig. 4 for the first repetition, and the circular order over all of them."""
    how_often = say_number(len(results), "repetition")
    genes = stair_genes(config.stairs)
    return {
        "maps": (
            _plot_maps(config, results[0], genes),
            "Fig. 4 (first repetition). Above: the most frequent patterns, numbered in the order "
            "of the stair; bright: gene not selected, medium: 0, dark: 1. Below: where they lie "
            "after so many epochs; a dash is a 0, a bar a 1. The grey line follows the stair. "
            "Each map may be turned and mirrored at will; here they are laid upon the last one.",
        ),
        "circular": (
            _plot_circular(results),
            "How circular the order of the patterns is at each number of epochs (1: all triples "
            "of patterns go round in the order of the stair; 0: none more than its reverse). "
            f"Points: {how_often}; line: mean; grey: the middle 90 % of orders at random.",
        ),
    }


def _plot_maps(config: Config, result: Result, genes: StairGenes) -> Figure:
    looks = [look for look, epoch in enumerate(result.epochs) if epoch in config.epochs]
    order = stair_order(result.features, result.states, genes)
    rest = [pattern for pattern in range(len(result.states)) if pattern not in order]
    number = {pattern: rank for rank, pattern in enumerate([*rest, *order], start=1)}
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    rows = -(-len(looks) // 3)
    heights = [0.22 * len(number) / rows, 3.0 * rows]
    top, below = np.ravel(figure.subfigures(2, 1, height_ratios=heights, squeeze=False))
    ax = top.subplots()
    colors = [figures.ROLE_COLORS[role] for role in genes.role]
    tiles = figures.pattern_tiles(result.features, result.states[list(number)], len(colors))
    # Of the many noise genes only those selected are shown.
    shown = np.union1d(np.flatnonzero(genes.role != "noise"), result.features)
    figures.mosaic(ax, tiles[:, shown], [colors[gene] for gene in shown])
    ax.set_yticks(range(len(number)), [str(n) for n in number.values()], fontsize=7)
    ax.set(ylabel="pattern", xlabel="genes of the stair, then the selected noise genes")
    ax.set_xticks([])
    tones = {"0": figures.SELECTED_0, "1": figures.SELECTED_1}
    figures.mosaic_legend(top, figures.ROLE_COLORS, {"not selected": figures.NOT_SELECTED, **tones})
    panels = below.subplots(rows, 3, squeeze=False).ravel()
    for ax in panels[len(looks) :]:
        ax.set_axis_off()
    for ax, look in zip(panels, looks, strict=False):
        points = _laid_upon(result.points[look], result.points[looks[-1]])
        ax.plot(*points[order].T, color=figures.LINE, linewidth=1, zorder=0)
        for pattern, state in enumerate(result.states):
            bars = "".join("|" if code else "\u2013" for code in state)
            if np.isfinite(points[pattern]).all():
                ax.plot(*points[pattern], ".", color=figures.BLUE, markersize=3)
                ax.annotate(
                    f"{number[pattern]}\n{bars}", points[pattern], fontsize=6, ha="center",
                    va="center", family="DejaVu Sans Mono",
                )  # fmt: skip
        order_found = f"{abs(result.circular[look]):.2f}, p = {result.p_value[look]:.2g}"
        ax.set_title(f"epoch {result.epochs[look]}: circular order {order_found}", fontsize=9)
        ax.set_aspect("equal", adjustable="datalim")
        ax.margins(0.2)
        ax.set_xticks([])
        ax.set_yticks([])
    return figure


def _laid_upon(points: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn and mirror a map so that it comes as close as can be to another one."""
    both = np.isfinite(points).all(axis=1) & np.isfinite(last).all(axis=1)
    turn, _ = orthogonal_procrustes(points[both], last[both])
    turned: NDArray[np.float64] = points @ turn
    return turned


def _plot_circular(results: Sequence[Result]) -> Figure:
    epochs = results[0].epochs
    circular = np.abs(np.stack([result.circular for result in results]))
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    ax = figure.subplots()
    rng = np.random.default_rng(0)
    most = int(np.median([(result.states.sum(axis=1) == 1).sum() for result in results]))
    null = np.abs(circular_order_null(rng.normal(size=(max(most, 3), 2)), [0, 0], 9999, rng))
    ax.axhspan(*np.quantile(null, [0.05, 0.95]), color=figures.LINE, alpha=0.4, lw=0)
    places = np.arange(len(epochs))
    jitter = rng.uniform(-0.12, 0.12, circular.shape)
    ax.plot((places + jitter).T, circular.T, ".", color=figures.BLUE, alpha=0.6)
    ax.plot(places, [_mean(column) for column in circular.T], color=figures.INK)
    ax.set_xticks(places, epochs.tolist())
    ax.set(xlabel="epochs of training", ylabel="circular order", ylim=(0, 1.03))
    figures.bare(ax)
    return figure


def summarize(config: Config, done: Sequence[Done]) -> Section:
    """Set the paper's statements beside what was measured."""
    results: list[Result] = [unit.result for unit in done]
    how_often = say_number(len(results), "repetition")
    epochs = results[0].epochs
    first, last = np.searchsorted(epochs, [min(config.epochs), max(config.epochs)])
    circular = np.stack([result.circular for result in results])
    is_circular = np.stack([result.p_value for result in results]) < 0.05
    turns = np.abs([result.turns for result in results])
    spread = np.array([[_mean_distance(d) for d in result.corrected] for result in results])
    plain = np.array([[_mean_distance(d) for d in result.distances] for result in results])
    roles = stair_genes(config.stairs).role
    noise = np.array([(roles[result.chosen] == "noise").sum(axis=1) for result in results])
    num_on = [result.states.sum(axis=1) for result in results]
    sizes = np.array([(len(result.features), len(result.states)) for result in results])
    walks = np.array([_walks(config, result) for result in results])
    exact = np.abs([_exact_circular_order(config, result) for result in results])
    statements = [
        Statement(
            "The union of the selected genes has 11 genes, that of the patterns 12 patterns.",
            f"{say_range(sizes[:, 0], 1)} genes and {say_range(sizes[:, 1], 1)} patterns",
            judge(float(np.mean(np.abs(sizes - [11, 12]).max(axis=1) <= 4)), 0.7, 0.3),
        ),
        Statement(
            "In each pattern at most one gene has value 1.",
            f"{np.mean(np.concatenate(num_on) <= 1):.0%} of the patterns; all of them in "
            f"{np.mean([on.max() <= 1 for on in num_on]):.0%} of the repetitions",
            judge(float(np.mean(np.concatenate(num_on) <= 1)), 0.9, 0.6),
        ),
        Statement(
            "At the beginning of training all patterns are clustered together.",
            f"mean distance {plain[:, first].mean():.2f} at epoch {epochs[first]} and "
            f"{plain[:, last].mean():.2f} at epoch {epochs[last]}; corrected for the sizes of the "
            f"groups {spread[:, first].mean():.2f} and {spread[:, last].mean():.2f}, smaller at "
            f"the beginning in {np.mean(spread[:, first] < spread[:, last]):.0%} of repetitions",
            judge(
                float(np.mean(spread[:, first] < spread[:, last] / 2)),
                0.9,
                0.5 if np.mean(spread[:, first] < spread[:, last]) >= 0.9 else 1.1,
            ),
        ),
    ]
    for look, epoch in enumerate(epochs):
        if epoch in (5, 10, 20):
            statements.append(
                Statement(
                    "After only 5 to 10 epochs the patterns lie in a circle or spiral, in the "
                    "order of the genes."
                    if epoch < 20
                    else "After 20 epochs they form such a structure.",
                    f"at epoch {epoch} more circular than 95 % of orders at random in "
                    f"{is_circular[:, look].mean():.0%} of {how_often}; circular order "
                    f"{_mean(np.abs(circular[:, look])):.2f}",
                    judge(is_circular[:, look].mean(), 0.9, 0.5),
                )
            )
    later = [look for look, epoch in enumerate(epochs) if epoch >= 20]
    if later:
        statements += _later_statements(results, later)
        shares = ", ".join(f"{epochs[k]}: {(walks[:, k] < 0.05).mean():.0%}" for k in later)
        statements.append(
            Statement(
                "Not in the paper: the order of the stair is seen in the map, circle or not.",
                "the way from pattern to pattern along the stair is shorter than 95 % of ways in "
                f"random order, at epoch {shares} of {how_often}. With the true stage of a cell "
                f"for its latent the circular order would be {_mean(exact):.2f}: much of what "
                "these patterns do not show cannot be learned",
                judge(float((walks[:, last] < 0.05).mean()), 0.9, 0.5),
            )
        )
    else:
        stopped = f"training stopped at {epochs[-1]}"
        statements.append(Statement("From 20 epochs on it is maintained.", stopped, "not measured"))
    table = Table(
        f"At each number of epochs, mean over {how_often}",
        ["epochs", "noise genes among the selected", "circular order", "share with p < 0.05",
         "turns", "distance", "corrected", "stress of the map"],
        [
            [epoch,
             f"{noise[:, look].mean():.1f} of {config.num_selected}",
             f"{_mean(np.abs(circular[:, look])):.2f}", f"{is_circular[:, look].mean():.2f}",
             f"{_mean(turns[:, look]):.2f}", f"{_mean(plain[:, look]):.2f}",
             f"{_mean(spread[:, look]):.2f}",
             f"{_mean([r.stress[look] for r in results]):.2f}"]
            for look, epoch in enumerate(epochs)
        ],
    )  # fmt: skip
    introduction = (
        f"DBMs with {config.num_latents} units in their highest layer learn "
        f"{config.stairs.num_cells} cells with {config.stairs.num_genes} genes, one DBM for each "
        "number of epochs: so many of pretraining and as many of fine-tuning. The "
        f"{config.num_patterns} most frequent patterns in the union of {config.num_selected} genes "
        "selected from each are united and mapped by the root Jensen-Shannon distances of their "
        "latents. The circular order (Fisher & Lee 1982) counts triples of patterns that go round "
        f"the zeros in the order of the stair; {config.num_permutations} random ones tell chance. "
        f"{how_often}."
    )
    return Section(
        "Dissimilarity of patterns (Section 3.1.3, Fig. 4)",
        introduction,
        statements,
        plot(config, results),
        [table],
    )


def _later_statements(results: Sequence[Result], later: list[int]) -> list[Statement]:
    """Return what the paper says of the looks from 20 epochs on."""
    how_often = say_number(len(results), "repetition")
    circular = np.abs([result.circular[later] for result in results])
    is_circular = np.array([result.p_value[later] for result in results]) < 0.05
    turns = _mean(np.abs([result.turns[later] for result in results]))
    is_mostly = is_circular.mean() > 0.5
    flips = np.mean([(np.diff(np.sign(result.circular[later])) != 0).any() for result in results])
    return [
        Statement(
            "It is then maintained in a stable way, in 100 repetitions.",
            f"circular at every look from epoch 20 on in {is_circular.all(axis=1).mean():.0%} of "
            f"{how_often}, in {is_circular.mean():.0%} of these looks; mean circular order "
            f"{_mean(circular):.2f}",
            judge(float(is_circular.mean()), 0.9, 0.6),
        ),
        Statement(
            "The patterns form a spiral that winds outward from the pattern of zeros.",
            f"from epoch 20 on they go round {turns:.2f} of a turn on average, but mostly in an "
            "order that is no more circular than by chance"
            if not is_mostly
            else f"from epoch 20 on they go round {turns:.2f} of a turn on average: "
            + ("a spiral" if turns >= 1 else "an arc around the zeros, no spiral"),
            judge(turns if is_mostly else 0.0, 1, 0.5),
        ),
        Statement(
            "The direction of rotation changes during training.",
            f"in {flips:.0%} of the repetitions. But the axes of a map have no sign: the distances "
            "are those of its mirror image as well"
            + ("" if is_mostly else ", and an order at random has a direction, too"),
            judge(float(flips), 0.3, 0.1) if is_mostly else "not measured",
        ),
    ]


def _walks(config: Config, result: Result) -> list[float]:
    """Return the p-value of the walk along the stair on each map, (t,); NaN where there is none."""
    order = stair_order(result.features, result.states, stair_genes(config.stairs))
    walks = [points[order][np.isfinite(points[order, 0])] for points in result.points]
    rng = np.random.default_rng(0)
    return [walk_p_value(w, 999, rng) if len(w) > 2 else np.nan for w in walks]


def _exact_circular_order(config: Config, result: Result) -> float:
    """Return the circular order if the stage itself were the latent; NaN with few patterns."""
    features, states = result.features, result.states
    order = stair_order(features, states, stair_genes(config.stairs))
    if len(order) < 3:
        return np.nan
    posterior = stage_posterior(config.stairs, features, states)
    with np.errstate(invalid="ignore"):  # of equal distributions it may round below 0
        distances = jensenshannon(posterior[:, None], posterior[None], axis=2)
    points = embed(np.nan_to_num((distances + distances.T) / 2))
    nothing_on = points[(states == 0).all(axis=1)]
    return circular_order(points[order], nothing_on[0] if len(nothing_on) else np.zeros(2))


def _mean(values: ArrayLike) -> float:
    """Return the mean of the values that are there; NaN if none is."""
    there = np.asarray(values)[np.isfinite(values)]
    return float(there.mean()) if there.size else np.nan


def _mean_distance(distances: NDArray[np.float64]) -> float:
    """Return the mean over pairs of patterns that both were seen."""
    return _mean(distances[np.triu_indices(len(distances), 1)])
