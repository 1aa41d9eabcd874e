"""Gains by chance alone: the gains of shuffled features (Section 2.2).

A gain can be large for two reasons that say nothing about the latents: a count of one half in every
empty cell favours rare features in a sparse table, and under Eq. 1 a feature may be associated only
with the features chosen before. Shuffling a feature among the samples breaks all its associations
and keeps the frequencies of its values; the gain that is left is due to chance.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.selection.memory import Memory, in_memory
from loglin.selection.scoring import rounding
from loglin.validation import as_count

MOST_BY_CHANCE = 0.5
"""Chance explains a step if the mean gain after shuffling is above this share of its gain."""
LEVEL = 0.05
"""Chance also explains a step if its exceedance is above this level. With fewer than 19 shuffles no
exceedance is that small; then chance explains a step if any shuffle reaches its gain."""

_BATCH_SIZE = 2**26
"""Bytes of shuffled copies of a feature that are made at a time; a code takes one byte."""

ScoreColumns = Callable[[Memory], NDArray[np.float64]]
"""Function that scores columns, given the latents and the chosen features, (r, columns)."""


class Chance(NamedTuple):
    """Gains of shuffled features: one entry per step, or (q, p) for all candidates."""

    mean: NDArray[np.float64]
    """Mean over the shuffles."""
    sd: NDArray[np.float64]
    """Standard deviation."""
    exceedance: NDArray[np.float64]
    """(1 + shuffles with at least the gain) / (1 + shuffles): a valid p-value for the hypothesis
    that the feature is independent of all others, unless it was chosen among many."""


class Shuffles(NamedTuple):
    """How features are shuffled."""

    number: int
    which: str
    """ "winner" or "all". With "all" the candidates are shuffled together, so they keep their
    associations with each other."""
    rng: np.random.Generator


def as_shuffles(number: int, which: str, rng: Any, stop_at_chance: bool) -> Shuffles | None:
    """Check the arguments of `select_features`; return None if nothing is shuffled."""
    as_count(number, "num_shuffles", 0)
    if not isinstance(which, str) or which not in ("winner", "all"):
        raise ValueError(f"`shuffle` must be 'winner' or 'all', got {which!r}")
    if number and not isinstance(rng, np.random.Generator):
        raise ValueError(f"`rng` must be a numpy Generator to draw the shuffles, got {rng!r}")
    if stop_at_chance and not number:
        raise ValueError("`stop_at_chance` needs `num_shuffles` of at least 1, got 0")
    return Shuffles(number, which, rng) if number else None


def chance_of_step(
    score: ScoreColumns,
    source: Memory,
    winner: int,
    gains: NDArray[np.float64],
    shuffles: Shuffles,
) -> Chance:
    """Return the gains after shuffling of the winner of a step, or of every candidate.

    Parameters
    ----------
    score : callable
        Scores columns in the same way as the step scored the features.
    source : Memory
    winner : int
        The feature chosen at this step.
    gains : (columns,) array
        The gain of every feature, NaN for those chosen before.
    shuffles : Shuffles

    Returns
    -------
    Chance
        One entry per feature, NaN for features that were not shuffled.
    """
    if shuffles.which == "all":
        shuffled = _shuffle_all(score, source, shuffles)
        columns = np.flatnonzero(~np.isnan(gains))
    else:
        shuffled = np.full((shuffles.number, len(gains)), np.nan)
        shuffled[:, winner] = _shuffle_one(score, source, winner, shuffles)
        columns = np.array([winner])
    chance = Chance(*np.full((3, len(gains)), np.nan))
    chance.mean[columns] = shuffled[:, columns].mean(axis=0)
    chance.sd[columns] = shuffled[:, columns].std(axis=0)
    reached = gains[columns] - rounding(gains[columns], source.num_samples)
    exceeding = (shuffled[:, columns] >= reached).sum(axis=0)
    chance.exceedance[columns] = (1 + exceeding) / (1 + shuffles.number)
    return chance


def is_by_chance(gain: float, mean: float, exceedance: float, num_shuffles: int) -> bool:
    """Tell whether chance explains a gain: see `MOST_BY_CHANCE` and `LEVEL`."""
    return bool(mean > MOST_BY_CHANCE * gain or exceedance > max(LEVEL, 1 / (1 + num_shuffles)))


def _shuffle_all(score: ScoreColumns, source: Memory, shuffles: Shuffles) -> NDArray[np.float64]:
    """Return the gain of every feature after each shuffle, (shuffles, columns)."""
    levels = source.variables.x_levels.tolist(), source.variables.u_levels.tolist()
    gains = [
        score(in_memory(shuffles.rng.permutation(source.x), source.u, *levels)).max(axis=0)
        for _ in range(shuffles.number)
    ]
    return np.stack(gains)


def _shuffle_one(
    score: ScoreColumns, source: Memory, feature: int, shuffles: Shuffles
) -> NDArray[np.float64]:
    """Return the gain of a feature after each shuffle, scoring its copies as separate features."""
    levels = int(source.variables.x_levels[feature])
    codes = source.x[:, feature]
    batch = max(1, _BATCH_SIZE // len(codes))
    gains = []
    for first in range(0, shuffles.number, batch):
        size = min(batch, shuffles.number - first)
        copies = shuffles.rng.permuted(np.tile(codes, (size, 1)), axis=1)
        columns = in_memory(copies.T, source.u, [levels] * size, source.variables.u_levels.tolist())
        gains.append(score(columns).max(axis=0))
    return np.concatenate(gains)
