"""Stepwise selection of the features jointly associated with the latents (Section 2.2).

Let S be the features chosen so far. At each step every candidate j is scored by the G2 of a null
model for the table of (u, S, j), that is, by how much worse it fits than the saturated model. The
candidate with the largest score is added to S. The null model of Eq. 1 is [U S][j].
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.selection.chance import (
    Chance,
    ScoreColumns,
    Shuffles,
    as_shuffles,
    chance_of_step,
    is_by_chance,
)
from loglin.selection.chunks import ReadChunks, in_chunks
from loglin.selection.counting import P, SampleSource, as_samples
from loglin.selection.memory import Memory, in_memory
from loglin.selection.results import Selection
from loglin.selection.scoring import (
    NullModel,
    Statistic,
    as_statistic,
    gain_parts,
    null_degrees_of_freedom,
    rounding,
    score,
)
from loglin.validation import as_candidates, as_choice, as_count, as_tuple

STARTS = ("empty", "best-pair")


def select_features(
    x: ArrayLike | ReadChunks | Sequence[tuple[ArrayLike, ArrayLike | None]],
    u: ArrayLike | None,
    num_features: int,
    *,
    levels: Sequence[int] | None = None,
    latent_levels: Sequence[int] | None = None,
    null_model: NullModel = "joint",
    empty: float = 0.5,
    start: str = "empty",
    candidates: Iterable[int] | None = None,
    num_shuffles: int = 0,
    shuffle: str = "winner",
    stop_at_chance: bool = False,
    rng: np.random.Generator | None = None,
) -> Selection:
    """Select features one by one, each with the largest G2 of the null model (Eq. 1).

    With several latents, the score of a feature is the maximum over the latents. Scores that differ
    only by rounding are tied; ties go to the lowest feature, then to the lowest latent.

    Parameters
    ----------
    x : (n, p) int array, or chunks
        Codes of the features. Samples that do not fit in memory can be given as chunks: a function
        that returns an iterator over pairs (x, u) of arrays, the same each time it is called, or a
        list or tuple of such pairs. The argument `u` must then be None; the u of all pairs may be
        None as well, for samples without latents.
    u : (n, r) int array, or None
        Codes of the latents; None selects features that are associated with each other.
    num_features : int
        Number of features to select, q.
    levels, latent_levels : sequences of p and r ints, optional
        Numbers of levels, 2 to 127; by default one more than the largest code, at least two.
    null_model : "joint", "conditional" or callable
        "joint" is [U S][j], the paper's Eq. 1; "conditional" is [U S][S j]. A callable takes
        the number of variables and returns generators over the axes (u, s_1, ..., j), or
        (s_1, ..., j) without latents; it is fitted to dense tables by iterative proportional
        fitting.
    empty : float
        Count used for an empty cell of the table. The authors' code uses 0.5; 0 gives the plain
        likelihood ratio.
    start : "empty" or "best-pair"
        "empty" starts with the best single feature, "best-pair" with the ordered pair (i, j) with
        the largest gain of j given S = {i}. Without latents the selection always starts with the
        best pair.
    candidates : iterable of ints, optional
        Features that may be selected; all by default.
    num_shuffles : int
        How often the feature chosen at each step is shuffled among the samples, to estimate the
        gain that it would have by chance; 0 for no shuffling.
    shuffle : "winner" or "all"
        Whether to shuffle only the chosen feature of each step or every candidate.
    stop_at_chance : bool
        Whether to stop before the first step that chance explains (see `Selection.by_chance`);
        `num_features` is then the largest number of features.
    rng : numpy Generator, optional
        Draws the shuffles; required if `num_shuffles` is positive.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If an argument is invalid; the message names it.

    Examples
    --------
    >>> u = np.array([0, 1] * 50)[:, None]
    >>> x = np.column_stack([np.arange(100) % 3 == 0, u[:, 0], np.arange(100) < 50])
    >>> select_features(x, u, 1).features
    array([1])
    """
    source, allowed, num_columns = _as_source(x, u, levels, latent_levels, candidates)
    statistic = as_statistic(null_model, empty, source.num_samples)
    shuffles = as_shuffles(num_shuffles, shuffle, rng, stop_at_chance)
    if not isinstance(source, Memory) and (shuffles or callable(null_model)):
        raise ValueError(
            "`x` must be an array, not chunks, where features are shuffled or `null_model` is "
            "callable"
        )
    as_choice(start, "start", STARTS)
    if _without_latents(source) and null_model == "conditional":
        raise ValueError("`null_model` 'conditional' needs latents, got none")
    from_pair = start == "best-pair" or _without_latents(source)
    num_features = as_count(num_features, "num_features", 2 if from_pair else 1, len(allowed))

    # From here on features are numbered as columns of the source, which has only the candidates.
    chosen: list[int] = []
    steps: list[_Step] = []
    partition = source.start()
    while len(chosen) < num_features:
        if from_pair and not chosen:
            step = _first_of_best_pair(source, statistic)
        else:
            step = _best_step(source, chosen, partition, statistic)
        if shuffles and isinstance(source, Memory) and np.isfinite(step.gain):
            score_columns = partial(
                score, source=source, chosen=chosen, partition=partition, statistic=statistic
            )
            step = _with_chance(step, score_columns, source, shuffles)
            if stop_at_chance and step.by_chance:
                if from_pair and len(steps) == 1:
                    steps = []  # without its second feature there is no pair, so drop the first too
                break
        steps.append(step)
        chosen.append(step.feature)
        if len(chosen) < num_features:
            partition = source.refine(partition, step.feature)
    return _as_selection(steps, source, allowed, num_columns, shuffles)


class _Step(NamedTuple):
    """One step; features are numbered as columns of the source."""

    feature: int
    latent: int
    scores: NDArray[np.float64]  # (r, columns)
    feature_gain: float = np.nan
    latent_gain: float = np.nan
    df: float = np.nan
    chance: Chance | None = None  # (columns,) each
    by_chance: bool = False

    @property
    def gain(self) -> float:
        """G2 of the chosen feature."""
        return float(self.scores[self.latent, self.feature])


def _with_chance(
    step: _Step, score_columns: ScoreColumns, source: Memory, shuffles: Shuffles
) -> _Step:
    """Return the step with the gains of shuffled features added."""
    winner, gains = step.feature, step.scores.max(axis=0)
    chance = chance_of_step(score_columns, source, winner, gains, shuffles)
    mean, exceedance = chance.mean[winner], chance.exceedance[winner]
    by_chance = is_by_chance(step.gain, mean, exceedance, shuffles.number)
    return step._replace(chance=chance, by_chance=by_chance)


def _best_step(
    source: SampleSource[P], chosen: list[int], partition: P, statistic: Statistic
) -> _Step:
    """Return the step to the best next feature, with the two parts of its gain."""
    scores = score(source, source, chosen, partition, statistic)
    scores[:, chosen] = np.nan
    feature, latent = _best(scores.T, source.num_samples)
    (table,) = source.pair_tables(partition, [(feature, latent)])
    parts = gain_parts(table, partition.num_possible, statistic.empty)
    df = null_degrees_of_freedom(
        source, chosen, partition.num_possible, feature, latent, statistic.null_model
    )
    return _Step(feature, latent, scores, *parts, df)


def _first_of_best_pair(source: SampleSource[Any], statistic: Statistic) -> _Step:
    """Return the step to i, of the pair (i, j) with the largest gain of j given S = {i}."""

    def scores_given(first: int) -> NDArray[np.float64]:
        partition = source.refine(source.start(), first)
        scores = score(source, source, [first], partition, statistic)
        scores[:, first] = np.nan
        return scores

    num_columns = len(source.variables.x_levels)
    gains = np.stack([scores_given(first).max(axis=0) for first in range(num_columns)])
    first, second = _best(gains, source.num_samples)
    scores = scores_given(first)
    _, latent = _best(scores[:, [second]].T, source.num_samples)
    return _Step(first, latent, np.full(scores.shape, np.nan))


def _best(scores: NDArray[np.float64], num_samples: int) -> tuple[int, int]:
    """Return row and column of the largest score; ties go to the lowest row, then column."""
    largest = np.nanmax(scores)
    tied = scores >= largest - rounding(largest, num_samples)
    row, column = divmod(int(tied.argmax()), scores.shape[1])
    return row, column


def _as_selection(
    steps: list[_Step],
    source: SampleSource[Any],
    allowed: NDArray[np.intp],
    num_columns: int,
    shuffles: Shuffles | None,
) -> Selection:
    """Combine the steps; features are numbered as columns of the data from here on."""
    num_latents = len(source.variables.u_levels)
    scores = np.full((len(steps), num_latents, num_columns), np.nan)
    of_all = Chance(*np.full((3, len(steps), num_columns), np.nan))
    for row, step in enumerate(steps):
        scores[row][:, allowed] = step.scores
        if step.chance is not None:
            for target, values in zip(of_all, step.chance, strict=True):
                target[row, allowed] = values
    rows = np.arange(len(steps))
    features = allowed[np.array([step.feature for step in steps], np.intp)]
    latents = np.array([step.latent for step in steps], np.intp)
    return Selection(
        features=features,
        latents=np.full_like(latents, -1) if _without_latents(source) else latents,
        gains=scores[rows, latents, features],
        scores=scores,
        feature_gains=np.array([step.feature_gain for step in steps]),
        latent_gains=np.array([step.latent_gain for step in steps]),
        df=np.array([step.df for step in steps]),
        chance=Chance(*(values[rows, features] for values in of_all)),
        by_chance=np.array([step.by_chance for step in steps], bool),
        chance_of_all=of_all if shuffles and shuffles.which == "all" else None,
    )


def _without_latents(source: SampleSource[Any]) -> bool:
    return bool(source.variables.u_levels.max() == 1)


def _as_source(
    x: Any,
    u: ArrayLike | None,
    levels: Sequence[int] | None,
    latent_levels: Sequence[int] | None,
    candidates: Iterable[int] | None,
) -> tuple[SampleSource[Any], NDArray[np.intp], int]:
    """Check the samples; return a source of the candidates, these, and the number of columns."""
    # Chunks check the levels each time they are read, so an iterator will not do.
    levels, latent_levels = as_tuple(levels), as_tuple(latent_levels)
    if callable(x) or _is_sequence_of_pairs(x):
        if u is not None:
            raise ValueError("`u` must be None where `x` is chunks (x, u), got an array")
        whole = in_chunks(x if callable(x) else lambda: x, levels, latent_levels)
        num_columns = len(whole.variables.x_levels)
        allowed = as_candidates(candidates, num_columns)
        return (whole if candidates is None else whole.only(allowed)), allowed, num_columns
    features, latents, x_levels, u_levels = as_samples(x, u, levels, latent_levels)
    allowed = as_candidates(candidates, features.shape[1])
    kept = features if candidates is None else features[:, allowed]
    kept_levels = [x_levels[column] for column in allowed]
    return in_memory(kept, latents, kept_levels, u_levels), allowed, features.shape[1]


def _is_sequence_of_pairs(x: Any) -> bool:
    """Tell chunks from a table: the first item of chunks is a pair that begins with a table."""
    return (
        isinstance(x, list | tuple)
        and len(x) > 0
        and isinstance(x[0], list | tuple)
        and len(x[0]) == 2
        and getattr(x[0][0], "ndim", 0) == 2
    )
