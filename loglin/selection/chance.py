"""Gains by chance alone (Section 2.2): of shuffled features, or by the margins of the tables.

A gain can be large for two reasons that say nothing about the latents: a count of one half in every
empty cell favours rare features in a sparse table, and under Eq. 1 a feature may be associated only
with the features chosen before. Shuffling a feature among the samples breaks all its associations
and keeps the frequencies of its values; the gain that is left is due to chance.

Where the expectation by chance was subtracted from a conditional gain, its distribution by chance
is known well enough to do without shuffling: see `chance_by_margins`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from loglin.selection.memory import Memory, in_memory
from loglin.selection.scoring import rounding
from loglin.validation import as_choice, as_count, shown

MOST_BY_CHANCE = 0.5
"""Chance explains a step if the mean gain after shuffling is above this share of its gain."""
LEVEL = 0.05
"""Chance also explains a step if its exceedance is above this level. With fewer than 19 shuffles no
exceedance is that small; then chance explains a step if any shuffle reaches its gain."""

_BATCH_SIZE = 2**26
"""Bytes of shuffled copies of a feature that are made at a time; a code takes one byte."""

_TINY = np.finfo(float).tiny

GainsOf = Callable[[Memory], NDArray[np.float64]]
"""Function that returns the gains of columns, given the latents and the chosen features."""


class Chance(NamedTuple):
    """Gains by chance: one entry per step, or (q, p) for all candidates.

    See Also
    --------
    select_features : Its result has them.
    """

    mean: NDArray[np.float64]
    """Mean over the shuffles; of corrected gains without shuffles, what was subtracted."""
    sd: NDArray[np.float64]
    """Standard deviation."""
    exceedance: NDArray[np.float64]
    """With shuffles, (1 + shuffles with at least the gain) / (1 + shuffles): a valid p-value for
    the hypothesis that the feature is independent of all others, unless it was chosen among many.
    Of corrected gains without shuffles, the p-value of `chance_by_margins`, which
    allows for the choice."""


class Margins(NamedTuple):
    """What the margins of the tables say about corrected gains by chance; one entry for each."""

    mean: Any
    """Expectation of G2, summed over patterns and, where gains are sums, latents."""
    df: Any
    """Degrees of freedom of G2, likewise."""
    square: Any
    """About half the second cumulant of Pearson's X2, likewise."""
    cube: Any
    """About an eighth of its third cumulant, likewise."""


class Shuffles(NamedTuple):
    """How features are shuffled."""

    number: int
    which: str
    """ "winner" or "all". With "all" the candidates are shuffled together, so they keep their
    associations with each other."""
    rng: np.random.Generator


def as_shuffles(number: int, which: str, rng: Any) -> Shuffles | None:
    """Check the arguments of `select_features`; return None if nothing is shuffled."""
    as_count(number, "num_shuffles", 0)
    as_choice(which, "shuffle", ("winner", "all"))
    if number and not isinstance(rng, np.random.Generator):
        raise ValueError(f"`rng` must be a numpy Generator to draw the shuffles, got {shown(rng)}")
    return Shuffles(number, which, rng) if number else None


def chance_of_step(
    gains_of: GainsOf,
    source: Memory,
    winner: int,
    gains: NDArray[np.float64],
    shuffles: Shuffles,
) -> Chance:
    """Return the gains after shuffling of the winner of a step, or of every candidate.

    Parameters
    ----------
    gains_of : callable
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
        shuffled = _shuffle_all(gains_of, source, shuffles)
        columns = np.flatnonzero(~np.isnan(gains))
    else:
        shuffled = np.full((shuffles.number, len(gains)), np.nan)
        shuffled[:, winner] = _shuffle_one(gains_of, source, winner, shuffles)
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


def chance_by_margins(gains: Any, margins: Margins, num_tests: Any) -> Chance:
    """Return how probable corrected conditional gains are by chance; all arguments broadcast.

    Let a feature be dealt at random to the samples of each pattern of S. The mean of its G2 is then
    known exactly; the higher cumulants are those of Pearson's X2, which G2 approaches and which
    follow from the associations between the latents. Where sparse tables raise the mean of G2 above
    that of X2, the standard deviation is raised in proportion. Two distributions stand in for that
    of the sum over patterns and latents: a gamma distribution with this mean and variance, which
    has the heavier tail for rare values, and a shifted one that also has the third cumulant
    (Pearson 1959), which has the heavier tail for dependent latents. The larger p-value counts.

    Parameters
    ----------
    gains : float or array
        Corrected gains.
    margins : Margins
    num_tests : int or array
        P-values are multiplied by the number of gains that were compared (Bonferroni), so that they
        hold for the largest.

    Returns
    -------
    Chance

    References
    ----------
    Pearson (1959), Note on an approximation to the distribution of non-central chi-square,
    Biometrika 46.
    """
    mean, df, square, cube = margins
    varies = df > 0
    ratio = np.maximum(1, mean / np.maximum(df, 1))
    variance = np.where(varies, 2 * square * ratio**2, 1)
    rate = mean / variance
    # Where nothing varies, the gain is 0, and its p-value 1.
    tail = gammaincc(np.maximum(rate * mean, _TINY), rate * np.maximum(gains + mean, 0) * varies)
    freedom = np.where(varies, square, 1) ** 3 / np.where(varies, cube, 1) ** 2
    standardized = gains / np.sqrt(variance)
    shifted = (freedom + standardized * np.sqrt(2 * freedom)) / 2
    tail = np.maximum(tail, gammaincc(freedom / 2, np.maximum(shifted, 0) * varies))
    return Chance(mean, np.sqrt(variance * varies), np.minimum(1, num_tests * tail))


def _shuffle_all(gains_of: GainsOf, source: Memory, shuffles: Shuffles) -> NDArray[np.float64]:
    """Return the gain of every feature after each shuffle, (shuffles, columns)."""
    levels = source.variables.x_levels.tolist(), source.variables.u_levels.tolist()
    gains = [
        gains_of(
            in_memory(shuffles.rng.permutation(source.x), source.u, *levels, source.num_threads)
        )
        for _ in range(shuffles.number)
    ]
    return np.stack(gains)


def _shuffle_one(
    gains_of: GainsOf, source: Memory, feature: int, shuffles: Shuffles
) -> NDArray[np.float64]:
    """Return the gain of a feature after each shuffle, scoring its copies as separate features."""
    levels = int(source.variables.x_levels[feature])
    codes = source.x[:, feature]
    batch = max(1, _BATCH_SIZE // len(codes))
    gains = []
    for first in range(0, shuffles.number, batch):
        size = min(batch, shuffles.number - first)
        copies = shuffles.rng.permuted(np.tile(codes, (size, 1)), axis=1)
        columns = in_memory(
            copies.T, source.u, [levels] * size, source.variables.u_levels.tolist(),
            source.num_threads,
        )  # fmt: skip
        gains.append(gains_of(columns))
    return np.concatenate(gains)
