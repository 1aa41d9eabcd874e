"""DBMs trained for different numbers of epochs, and the maps of their patterns."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from experiments.analysis.map_order import (
    circular_order,
    circular_order_null,
    swept_turns,
)
from experiments.analysis.model_settings import ModelSettings
from experiments.analysis.trajectory import synthetic_cells
from experiments.data.stairs import (
    StairConfig,
    StairGenes,
    simulate_stairs,
)
from experiments.runs.options import Unprefixed
from experiments.runs.progress import Track, without_bar
from experiments.runs.units import Unit
from loglin import (
    embed,
    frequent_patterns,
    kruskal_stress,
    pattern_distances,
    select_features,
    union_of_features,
    union_of_patterns,
)
from loglin.validation import as_count
from models import Drawn


@dataclass(frozen=True)
class Config:
    """Settings of the study; the defaults are the paper's."""

    epochs: tuple[int, ...] = (2, 20, 50, 100, 200)
    """Epochs of the DBMs that contribute to the unions of features and patterns: each is pretrained
    for so many epochs, and fine-tuned for as many."""
    more_epochs: tuple[int, ...] = (5, 10)
    """Epochs of further DBMs, in which the same patterns are examined."""
    num_selected: int = 4
    """Number of genes to select from each DBM."""
    num_patterns: int = 10
    """Number of most frequent patterns of each DBM."""
    num_samples: int = 10_000
    """Number of synthetic cells drawn from each DBM."""
    num_permutations: int = 9999
    """Number of random orders that the circular order is compared with."""
    stairs: Unprefixed[StairConfig] = field(
        default_factory=lambda: StairConfig(num_cells=5000, num_noise=168)
    )
    model_settings: Unprefixed[ModelSettings] = field(default_factory=lambda: ModelSettings("dbm"))

    def __post_init__(self) -> None:
        """Check the settings."""
        if len(self.epochs) < 2:
            raise ValueError(f"`epochs` must be at least two, got {self.epochs}")
        for epoch in (*self.epochs, *self.more_epochs):
            as_count(epoch, "epochs", 1)
        as_count(self.num_selected, "num_selected", 1, self.stairs.num_genes)
        for name in ("num_patterns", "num_samples", "num_permutations"):
            as_count(getattr(self, name), name, 1)
        self.model_settings.check(self.stairs.num_genes, self.stairs.num_cells)
        if (self.model_settings.model, self.model_settings.pretrain_share) != ("dbm", 0.5):
            raise ValueError(
                "`model` and `pretrain_share` cannot be chosen: this study uses DBMs with as many "
                "epochs of pretraining as of fine-tuning"
            )


class Result(NamedTuple):
    """The patterns and their maps for each DBM, in the order of epochs."""

    epochs: NDArray[np.int64]
    """(t,)"""
    chosen: NDArray[np.int64]
    """(t, s) genes selected from each DBM."""
    features: NDArray[np.int64]
    """(q,) the union of the genes, in order."""
    states: NDArray[np.int8]
    """(k, q) the union of the patterns."""
    counts: NDArray[np.int64]
    """(t, k) number of synthetic cells with each pattern."""
    distances: NDArray[np.float64]
    """(t, k, k) root Jensen-Shannon divergences; NaN if no cell has a pattern."""
    corrected: NDArray[np.float64]
    """(t, k, k) the same, corrected for chance."""
    points: NDArray[np.float64]
    """(t, k, 2) classical maps of the distances; NaN if no cell has a pattern."""
    stress: NDArray[np.float64]
    """(t,) Kruskal's stress-1 of the maps."""
    circular: NDArray[np.float64]
    """(t,) `circular_order` of the patterns along the stair; NaN with fewer than three."""
    p_value: NDArray[np.float64]
    """(t,) p-value of the circular order, in either direction, among random orders."""
    turns: NDArray[np.float64]
    """(t,) how many turns the patterns make around the centre."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return one unit per repetition."""
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
    united = np.flatnonzero(np.isin(epochs, config.epochs))
    features = union_of_features(chosen[at] for at in united)
    states = union_of_patterns(
        frequent_patterns(drawn[at].x, features.tolist(), config.num_patterns) for at in united
    )
    order = stair_order(features, states, cells.genes)
    rng = np.random.default_rng([seed, 1])
    rows = [_map(d, features, states, order, config.num_permutations, rng) for d in drawn]
    columns = (np.array(column) for column in zip(*rows, strict=True))
    return Result(np.array(epochs), np.array(chosen), features, states, *columns)


def _draw(key: jax.Array, config: Config, x: NDArray[np.int8], epoch: int) -> Drawn:
    """Pretrain a DBM for some epochs, fine-tune it for as many, and draw from it at the end."""
    cells = synthetic_cells(key, config.model_settings, x, [2 * epoch], config.num_samples)
    return next(cells)


def stair_order(
    features: NDArray[np.int64], states: NDArray[np.int8], genes: StairGenes
) -> NDArray[np.intp]:
    """Return the patterns with ones, all in genes of the stair, in their order along the stair."""
    is_stair = genes.is_informative[features]
    on = states == 1
    along = np.flatnonzero((on & is_stair).any(axis=1) & ~(on & ~is_stair).any(axis=1))
    place = [features[on[pattern]].mean() for pattern in along]
    return along[np.argsort(place, kind="stable")]


def center_of(points: NDArray[np.float64], states: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the place of the pattern of zeros, the centre in the paper; the origin without it."""
    nothing_on = points[(states == 0).all(axis=1) & np.isfinite(points).all(axis=1)]
    return nothing_on[0] if len(nothing_on) else np.zeros(2)


def _map(
    drawn: Drawn,
    features: NDArray[np.int64],
    states: NDArray[np.int8],
    order: NDArray[np.intp],
    num_permutations: int,
    rng: np.random.Generator,
) -> tuple[NDArray | float, ...]:
    """Return the fields of `Result` for one checkpoint, from `counts` on."""
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
        center = center_of(points, states)
        circular, turns = circular_order(along, center), swept_turns(along, center)
        null = np.abs(circular_order_null(along, center, num_permutations, rng))
        p_value = (1 + (null >= abs(circular) - 1e-9).sum()) / (1 + num_permutations)
    return counts, distances, corrected, points, stress, circular, p_value, turns
