"""What chance alone would give: the gains of shuffled features (Section 2.2).

A gain is large for two reasons that say nothing about the latents: with half a count in every
empty cell a sparse table favours rare features, and under Eq. 1 a feature may be associated with
the chosen ones only. Shuffling a feature among the samples breaks all its associations and keeps
how often it takes each value; what gain is left is chance.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.scoring import Memory, in_memory

MOST_BY_CHANCE = 0.5
"""Chance explains a step whose shuffled gains are on average above this share of its gain, ..."""
LEVEL = 0.05
"""... or whose exceedance share is above this."""

SHUFFLES = ("winner", "all")

_BATCH_SIZE = 2**26
"""Codes of as many shuffled copies of a feature as fit in this many bytes are made at a time."""

ScoreColumns = Callable[[Memory], NDArray[np.float64]]
"""Scores any columns against given latents and chosen features, (r, columns)."""


class Chance(NamedTuple):
    """Gains of shuffled features; one entry a step, or (q, p) for all candidates."""

    mean: NDArray[np.float64]
    """Mean over the shuffles."""
    sd: NDArray[np.float64]
    """Standard deviation."""
    exceedance: NDArray[np.float64]
    """(1 + shuffles with at least the gain) / (1 + shuffles): a valid p-value for the hypothesis
    that the feature is independent of everything else, if it was not chosen among many."""


def chance_of_step(
    score: ScoreColumns,
    source: Memory,
    winner: int,
    gains: NDArray[np.float64],
    num_shuffles: int,
    shuffle: str,
    rng: np.random.Generator,
) -> Chance:
    """Return what chance gives the winner of a step, or every candidate.

    Parameters
    ----------
    score : callable
        Scores any columns as the step scored the features.
    source : Memory
    winner : int
        The feature chosen.
    gains : (columns,) array
        The gain of every feature, NaN for those chosen before.
    num_shuffles : int
    shuffle : "winner" or "all"
        All candidates are shuffled alike, so each keeps its associations with the others.
    rng : numpy Generator

    Returns
    -------
    Chance
        One entry a feature, NaN for those not shuffled.
    """
    if shuffle == "all":
        levels = source.variables.x_levels.tolist(), source.variables.u_levels.tolist()
        shuffled = np.stack(
            [
                score(in_memory(rng.permutation(source.x), source.u, *levels)).max(axis=0)
                for _ in range(num_shuffles)
            ]
        )
        columns = np.flatnonzero(~np.isnan(gains))
    else:
        shuffled = np.full((num_shuffles, len(gains)), np.nan)
        shuffled[:, winner] = _shuffle_one(score, source, winner, num_shuffles, rng)
        columns = np.array([winner])
    chance = Chance(*np.full((3, len(gains)), np.nan))
    chance.mean[columns] = shuffled[:, columns].mean(axis=0)
    chance.sd[columns] = shuffled[:, columns].std(axis=0)
    exceeding = (shuffled[:, columns] >= gains[columns]).sum(axis=0)
    chance.exceedance[columns] = (1 + exceeding) / (1 + num_shuffles)
    return chance


def is_by_chance(gains: NDArray[np.float64], chance: Chance) -> NDArray[np.bool_]:
    """Tell which gains chance explains; none where nothing was shuffled."""
    return (chance.mean > MOST_BY_CHANCE * gains) | (chance.exceedance > LEVEL)


def _shuffle_one(
    score: ScoreColumns,
    source: Memory,
    feature: int,
    num_shuffles: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Gain of a feature after each shuffle: shuffled copies are scored as if they were features."""
    levels = int(source.variables.x_levels[feature])
    codes = source.x[:, feature]
    batch = max(1, _BATCH_SIZE // len(codes))
    gains = []
    for first in range(0, num_shuffles, batch):
        size = min(batch, num_shuffles - first)
        copies = rng.permuted(np.tile(codes, (size, 1)), axis=1)
        columns = in_memory(copies.T, source.u, [levels] * size, source.variables.u_levels.tolist())
        gains.append(score(columns).max(axis=0))
    return np.concatenate(gains)
