"""What chance alone would give: the gains of shuffled features (Section 2.2).

A gain is large for two reasons that say nothing about the latents: with half a count in every
empty cell a sparse table favours rare features, and under Eq. 1 a feature may be associated with
the chosen ones only. Shuffling a feature among the samples breaks all its associations and keeps
how often it takes each value; what gain is left is chance.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.selection.memory import Memory, in_memory
from loglin.selection.scoring import rounding
from loglin.validation import as_count

MOST_BY_CHANCE = 0.5
"""Chance explains a step whose shuffled gains are on average above this share of its gain, ..."""
LEVEL = 0.05
"""... or whose exceedance is above this (with fewer than 19 shuffles: that any of them reaches)."""

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


class Shuffles(NamedTuple):
    """How features are shuffled."""

    number: int
    which: str
    """ "winner" or "all"; all candidates are shuffled alike, so each keeps its associations with
    the others."""
    rng: np.random.Generator


def as_shuffles(number: int, which: str, rng: Any, stop_at_chance: bool) -> Shuffles | None:
    """Check the arguments of `select_features`; None where nothing is shuffled."""
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
    shuffles : Shuffles

    Returns
    -------
    Chance
        One entry a feature, NaN for those not shuffled.
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
    """Gain of every feature after each shuffle, (shuffles, columns)."""
    levels = source.variables.x_levels.tolist(), source.variables.u_levels.tolist()
    gains = [
        score(in_memory(shuffles.rng.permutation(source.x), source.u, *levels)).max(axis=0)
        for _ in range(shuffles.number)
    ]
    return np.stack(gains)


def _shuffle_one(
    score: ScoreColumns, source: Memory, feature: int, shuffles: Shuffles
) -> NDArray[np.float64]:
    """Gain of a feature after each shuffle: shuffled copies are scored as if they were features."""
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
