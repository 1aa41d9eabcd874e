"""DBMs trained for different numbers of epochs, and the maps of their patterns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from experiments.analysis.evaluation import num_effective
from experiments.analysis.map_order import (
    circular_order,
    circular_order_null,
    num_places,
    swept_turns,
)
from experiments.analysis.model_settings import CENTERED_DBM, ModelSettings
from experiments.analysis.trajectory import synthetic_cells
from experiments.data.stairs import (
    StairConfig,
    gene_places,
    simulate_stairs,
    stair_genes,
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

QUICK_DBM = replace(CENTERED_DBM, num_chains=20, draws_per_chain=40, sweeps_between_draws=10)
"""With a fifth of the usual chains in fine-tuning and four times as many cells from each chain,
models and cells take half the time and are as good."""


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
    num_samples: int = 100_000
    """Number of synthetic cells drawn from each DBM. The latents have 1024 states; with 10 000
    cells a pattern has a few hundred, and distances between patterns are mostly sampling noise."""
    num_permutations: int = 9999
    """Number of random orders that the circular order is compared with."""
    stairs: Unprefixed[StairConfig] = field(
        default_factory=lambda: StairConfig(num_cells=5000, num_noise=168)
    )
    model_settings: Unprefixed[ModelSettings] = QUICK_DBM

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


class Maps(NamedTuple):
    """Some patterns, and their map for each DBM, in the order of epochs."""

    features: NDArray[np.int64]
    """(q,) the genes, in order."""
    states: NDArray[np.int8]
    """(k, q) the patterns."""
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
    """(t,) `circular_order` of the patterns along the stair; NaN with fewer than three places."""
    p_value: NDArray[np.float64]
    """(t,) p-value of the circular order, in either direction, among random orders."""
    turns: NDArray[np.float64]
    """(t,) how many turns the patterns make around the centre."""


class Result(NamedTuple):
    """The patterns of one repetition, and their maps."""

    epochs: NDArray[np.int64]
    """(t,)"""
    chosen: NDArray[np.int64]
    """(t, s) genes selected from each DBM."""
    effective: NDArray[np.float64]
    """(t,) how many independent samples the latents are worth: of the one with the fewest."""
    union: Maps
    """The paper's maps: of the union of patterns in the union of the selected genes."""
    one_each: Maps
    """Maps of one gene of each overlap, whatever was selected: nothing on, or one of them."""


def units(config: Config, seeds: Iterable[int]) -> list[Unit]:
    """Return one unit per repetition."""
    return [Unit(compute, config, seed) for seed in seeds]


def compute(config: Config, seed: int, track: Track = without_bar) -> Result:
    """Simulate cells, train a DBM for each number of epochs, and map their patterns."""
    x = simulate_stairs(config.stairs, np.random.default_rng(seed)).x
    epochs = sorted({*config.epochs, *config.more_epochs})
    keys = jax.random.split(jax.random.key(seed), len(epochs))
    drawn = [
        _draw(key, config, x, epoch)
        for key, epoch in track(zip(keys, epochs, strict=True), len(epochs))
    ]
    chosen = [select_features(d.x, d.u, config.num_selected).features for d in drawn]
    united = np.flatnonzero(np.isin(epochs, config.epochs))
    features = union_of_features(chosen[at] for at in united)
    states = union_of_patterns(
        frequent_patterns(drawn[at].x, features.tolist(), config.num_patterns) for at in united
    )
    rng = np.random.default_rng([seed, 1])
    return Result(
        np.array(epochs),
        np.array(chosen),
        np.array([num_effective(d.u, config.model_settings.draws_per_chain) for d in drawn]),
        _maps(config, drawn, features, states, rng),
        _maps(config, drawn, *one_gene_each(config.stairs), rng),
    )


def one_gene_each(stairs: StairConfig) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Return the first gene of each overlap (q,), and the patterns with at most one on (q + 1, q).

    >>> one_gene_each(StairConfig(num_stages=3))[0]
    array([3, 6])
    """
    genes = stair_genes(stairs)
    shared = np.flatnonzero(genes.role == "overlap")
    first = np.unique(genes.first_stage[shared], return_index=True)[1]
    features = shared[first].astype(np.int64)
    return features, np.eye(len(features) + 1, len(features), -1, dtype=np.int8)


def _draw(key: jax.Array, config: Config, x: NDArray[np.int8], epoch: int) -> Drawn:
    """Pretrain a DBM for some epochs, fine-tune it for as many, and draw from it at the end."""
    cells = synthetic_cells(key, config.model_settings, x, [2 * epoch], config.num_samples)
    return next(cells)


def pattern_places(
    stairs: StairConfig, features: NDArray[np.int64], states: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Return the place of each pattern on the stair, (k,): the mean of its genes that are on.

    It is NaN if no gene is on, or one that belongs to no stage. The two genes of an overlap are at
    the same place.
    """
    on = states == 1
    places = gene_places(stairs)[features]
    total = np.where(on, places, 0.0).sum(axis=1)
    number = on.sum(axis=1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def stair_order(places: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the patterns that have a place, in the order of their places."""
    return np.argsort(places, kind="stable")[: np.isfinite(places).sum()]


def center_of(points: NDArray[np.float64], states: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the place of the pattern of zeros, the centre in the paper; the origin without it."""
    nothing_on = points[(states == 0).all(axis=1) & np.isfinite(points).all(axis=1)]
    return nothing_on[0] if len(nothing_on) else np.zeros(2)


def _maps(
    config: Config,
    drawn: Sequence[Drawn],
    features: NDArray[np.int64],
    states: NDArray[np.int8],
    rng: np.random.Generator,
) -> Maps:
    """Map the patterns in the latents of each DBM."""
    places = pattern_places(config.stairs, features, states)
    rows = [_map(d, features, states, places, config.num_permutations, rng) for d in drawn]
    return Maps(features, states, *(np.array(column) for column in zip(*rows, strict=True)))


def _map(
    drawn: Drawn,
    features: NDArray[np.int64],
    states: NDArray[np.int8],
    places: NDArray[np.float64],
    num_permutations: int,
    rng: np.random.Generator,
) -> tuple[NDArray | float, ...]:
    """Return the fields of `Maps` for one DBM, from `counts` on."""
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
    along = np.flatnonzero(np.isfinite(places) & (counts > 0))
    if len(found) > 2 and num_places(places[along]) > 2:
        of_stair, at, center = points[along], places[along], center_of(points, states)
        circular, turns = circular_order(of_stair, center, at), swept_turns(of_stair, center, at)
        null = np.abs(circular_order_null(of_stair, center, num_permutations, rng, at))
        p_value = (1 + (null >= abs(circular) - 1e-9).sum()) / (1 + num_permutations)
    return counts, distances, corrected, points, stress, circular, p_value, turns
