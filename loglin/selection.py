"""Stepwise selection of the features jointly associated with the latents (Section 2.2).

At each step every candidate j is scored by how much worse a null model fits the table of
(u, S, j) than the full model, S being the features chosen so far: the difference of G2. The best
candidate joins S. The null model of Eq. 1 is [U S][j].
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.fitting import fit
from loglin.hierarchy import degrees_of_freedom
from loglin.scoring import (
    Memory,
    ReadChunks,
    Source,
    as_samples,
    in_chunks,
    in_memory,
    pair_g2,
    score_all,
    statistic,
)
from loglin.significance import SHUFFLES, Chance, chance_of_step, is_by_chance
from loglin.tables import as_count, contingency_table

NullModel = str | Callable[[int], Iterable[Iterable[int]]]
NULL_MODELS = ("joint", "conditional")
STARTS = ("empty", "best-pair")


class Selection(NamedTuple):
    """The features chosen step by step, what each added, and what chance would have added.

    In the first step from a best pair nothing is chosen for a gain of its own: NaN.
    """

    features: NDArray[np.intp]
    """(q,) columns of x in the order in which they were chosen."""
    latents: NDArray[np.intp]
    """(q,) the latent with which each gain was reached; -1 without latents."""
    gains: NDArray[np.float64]
    """(q,) G2 of the null model for the chosen feature."""
    scores: NDArray[np.float64]
    """(q, r, p) G2 of the null model for each latent and candidate at each step; NaN where the
    feature is already chosen or no candidate. Without latents r is 1."""
    feature_gains: NDArray[np.float64]
    """(q,) G2 of [S][j]: association with the features chosen before, latents aside."""
    latent_gains: NDArray[np.float64]
    """(q,) G2 of [U S][S j]: association with the latent, given these features. The two add up
    to the gain under Eq. 1."""
    df: NDArray[np.float64]
    """(q,) degrees of freedom of the null model, all possible cells counted."""
    chance: Chance
    """(q,) each: the gain of the chosen feature after shuffling; NaN without shuffles."""
    by_chance: NDArray[np.bool_]
    """(q,) whether chance explains the step: shuffled gains are on average above half the gain,
    or reach it in more than 5 % of the shuffles. Never without shuffles."""
    chance_of_all: Chance | None = None
    """(q, p) each, for every candidate, where asked."""

    def records(self) -> list[dict[str, Any]]:
        """Return one dict a step, as ``pandas.DataFrame`` and others take them."""
        columns = {
            "feature": self.features,
            "latent": self.latents,
            "gain": self.gains,
            "feature_gain": self.feature_gains,
            "latent_gain": self.latent_gains,
            "df": self.df,
            "shuffled_mean": self.chance.mean,
            "shuffled_sd": self.chance.sd,
            "exceedance": self.chance.exceedance,
            "by_chance": self.by_chance,
        }
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [
            {"step": step} | dict(zip(columns, row, strict=True))
            for step, row in enumerate(rows, start=1)
        ]

    def __str__(self) -> str:
        """Show the steps as a table."""
        lines = [
            "step feature latent        gain  with S alone  latent given S           df"
            "   shuffled: mean (sd)      share"
        ]
        for r in self.records():
            lines.append(
                f"{r['step']:>4} {r['feature']:>7} {r['latent']:>6} {r['gain']:>11.2f} "
                f"{r['feature_gain']:>13.2f} {r['latent_gain']:>15.2f} {r['df']:>12.6g} "
                f"{r['shuffled_mean']:>11.2f} ({r['shuffled_sd']:.2f}) {r['exceedance']:>10.3g}"
                f"{'  by chance' if r['by_chance'] else ''}"
            )
        return "\n".join(lines)


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
    """Choose features one by one by the largest G2 difference to the full model (Eq. 1).

    With several latents the maximum over them counts. Scores that differ by no more than
    rounding tie, and go to the lowest feature, then the lowest latent.

    Parameters
    ----------
    x : (n, p) int array, or chunks
        Codes of the features. Samples that do not fit in memory come as chunks: a function that
        returns an iterator over pairs (x, u), the same each time it is called, or a list or tuple
        of such pairs. Then the argument `u` is None; u in the pairs may be None as well.
    u : (n, r) int array, or None
        Codes of the latents; None selects features associated with each other.
    num_features : int
        How many to choose, q.
    levels, latent_levels : sequences of p and r ints, optional
        Numbers of levels, 2 to 127; by default one more than the largest code, at least two.
    null_model : "joint", "conditional" or callable
        "joint" is [U S][j], the paper's Eq. 1; "conditional" is [U S][S j]. A callable takes
        the number of variables and returns generators over the axes (u, s_1, ..., j), or
        (s_1, ..., j) without latents; it is fitted to dense tables, by iterative proportional
        fitting where it is not decomposable.
    empty : float
        What an empty cell of the table counts. The authors' code counts 0.5; 0 gives the plain
        likelihood ratio.
    start : "empty" or "best-pair"
        Whether the first step looks for one feature or for the ordered pair (i, j) with the
        largest gain of j given S = {i}. Without latents always the pair.
    candidates : iterable of ints, optional
        The only features that may be chosen.
    num_shuffles : int
        How often the feature chosen at each step is shuffled among the samples, to see what gain
        chance would give it; 0 is off.
    shuffle : "winner" or "all"
        Whether only the chosen feature is shuffled or every candidate.
    stop_at_chance : bool
        Stop before the first step that chance explains; `num_features` is then the most.
    rng : numpy Generator, optional
        Draws the shuffles; needed for them.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If an argument does not fit; the message names it.

    Examples
    --------
    >>> u = np.array([0, 1] * 50)[:, None]
    >>> x = np.column_stack([np.arange(100) % 3 == 0, u[:, 0], np.arange(100) < 50])
    >>> select_features(x, u, 1).features
    array([1])
    """
    source, allowed, num_columns = _as_source(x, u, levels, latent_levels, candidates)
    without_latents = bool(source.variables.u_levels.max() == 1)
    if start not in STARTS:
        raise ValueError(f"`start` must be one of {STARTS}, got {start!r}")
    from_pair = start == "best-pair" or without_latents
    num_features = as_count(num_features, "num_features", 2 if from_pair else 1, len(allowed))
    score = _scorer(source, null_model, empty)
    rng = _check_shuffles(source, num_shuffles, shuffle, stop_at_chance, rng)

    # In here features are columns of the source, which holds the candidates only.
    chosen: list[int] = []
    steps: list[_Step] = []
    partition = source.start()
    while len(chosen) < num_features:
        if from_pair and not chosen:
            step = _first_of_best_pair(source, score)
        else:
            step = _best_step(source, score, chosen, partition, null_model, empty)
            if num_shuffles:
                gains = step.scores.max(axis=0)
                again = partial(score, chosen=chosen, partition=partition)
                chance = chance_of_step(
                    again, source, step.feature, gains, num_shuffles, shuffle, rng
                )
                step = step._replace(chance=chance)
                if stop_at_chance and step.by_chance:
                    break
        steps.append(step)
        chosen.append(step.feature)
        if len(chosen) < num_features:
            partition = source.refine(partition, step.feature)
    selection = _as_selection(steps, allowed, num_columns, len(source.variables.u_levels))
    if from_pair and len(steps) > 1:
        selection.latents[0] = selection.latents[1]
    if without_latents:
        selection.latents[:] = -1
    return (
        selection if shuffle == "all" and num_shuffles else selection._replace(chance_of_all=None)
    )


class _Step(NamedTuple):
    """One step, over the columns of the source."""

    feature: int
    latent: int
    scores: NDArray[np.float64]  # (r, columns)
    feature_gain: float
    latent_gain: float
    df: float
    chance: Chance | None = None  # (columns,) each

    @property
    def by_chance(self) -> bool:
        """Whether chance explains the step."""
        if self.chance is None:
            return False
        return bool(is_by_chance(self.scores[self.latent], self.chance)[self.feature])


_Score = Callable[..., NDArray[np.float64]]
"""score(columns, chosen, partition) -> (r, columns): G2 of any columns, given chosen features."""


def _scorer(source: Source, null_model: NullModel, empty: float) -> _Score:
    if not (np.isfinite(empty) and empty >= 0):
        raise ValueError(f"`empty` must be a number of at least 0, got {empty}")
    if isinstance(null_model, str):
        if null_model not in NULL_MODELS:
            raise ValueError(
                f"`null_model` must be one of {NULL_MODELS} or callable, got {null_model!r}"
            )
        measure = statistic(null_model, empty, source.num_samples)
        return lambda columns, chosen, partition: score_all(columns, partition, measure)
    if not callable(null_model):
        raise ValueError(
            f"`null_model` must be one of {NULL_MODELS} or callable, got {null_model!r}"
        )
    if not isinstance(source, Memory):
        raise ValueError("`null_model` must be 'joint' or 'conditional' for chunks, got a callable")
    return lambda columns, chosen, partition: _scores_from_tables(
        source, columns, chosen, null_model, empty
    )


def _scores_from_tables(
    source: Memory,
    columns: Memory,
    chosen: list[int],
    null_model: Callable[[int], Iterable[Iterable[int]]],
    empty: float,
) -> NDArray[np.float64]:
    """Scores under any null model, each from its dense table; (r, columns)."""
    scores = np.full((source.u.shape[1], columns.x.shape[1]), np.nan)
    for latent, feature in np.ndindex(scores.shape):
        if columns is source and feature in chosen:
            continue
        levels = _table_levels(source, chosen, int(columns.variables.x_levels[feature]), latent)
        codes = np.column_stack([source.u[:, latent], source.x[:, chosen], columns.x[:, feature]])[
            :, -len(levels) :
        ]
        table = contingency_table(codes, levels)
        table[table == 0] = empty
        scores[latent, feature] = fit(table, null_model(len(levels))).g2
    return scores


def _table_levels(source: Source, chosen: list[int], last: int, latent: int) -> list[int]:
    """Levels of (u, s_1, ..., j), without u where there are no latents."""
    u_levels = int(source.variables.u_levels[latent])
    levels = [*source.variables.x_levels[chosen].tolist(), last]
    return [u_levels, *levels] if u_levels > 1 else levels


def _best_step(
    source: Source,
    score: _Score,
    chosen: list[int],
    partition: Any,
    null_model: NullModel,
    empty: float,
) -> _Step:
    """Return the best next feature, with what its gain consists of."""
    scores = score(source, chosen, partition)
    scores[:, chosen] = np.nan
    feature, latent = _best(scores.T, source.num_samples)
    (table,) = source.pair_tables(partition, [(feature, latent)])
    joint, conditional = pair_g2(table, partition.num_possible, empty)
    _, height, width = table.shape
    if null_model == "joint":
        df = (partition.num_possible * height - 1) * (width - 1)
    elif null_model == "conditional":
        df = partition.num_possible * (height - 1) * (width - 1)
    else:
        levels = _table_levels(source, chosen, width, latent)
        df = degrees_of_freedom(null_model(len(levels)), levels)  # type: ignore[operator]
    return _Step(feature, latent, scores, joint - conditional, conditional, float(df))


def _first_of_best_pair(source: Source, score: _Score) -> _Step:
    """Return i of the ordered pair (i, j) with the largest gain of j given S = {i}."""
    num_columns = len(source.variables.x_levels)
    best = np.empty((num_columns, num_columns))
    for first in range(num_columns):
        scores = score(source, [first], source.refine(source.start(), first))
        best[first] = scores.max(axis=0)
        best[first, first] = np.nan
    first, _ = _best(best, source.num_samples)
    unknown = np.full((len(source.variables.u_levels), num_columns), np.nan)
    return _Step(first, 0, unknown, np.nan, np.nan, np.nan)


def _best(scores: NDArray[np.float64], num_samples: int) -> tuple[int, int]:
    """Row and column of the largest score; ties go to the lowest row, then column.

    A score is a difference of sums that grow with the samples, so x and 1 - x, which tie in
    exact arithmetic, differ by rounding: what lies within 1e-9 of that scale is a tie.
    """
    largest = np.nanmax(scores)
    tied = scores >= largest - 1e-9 * max(largest, num_samples)
    row, column = divmod(int(tied.argmax()), scores.shape[1])
    return row, column


def _as_selection(
    steps: list[_Step], allowed: NDArray[np.intp], num_columns: int, num_latents: int
) -> Selection:
    """Put the steps together, in columns of the data."""
    num_steps = len(steps)
    features = np.array([step.feature for step in steps], np.intp)
    latents = np.array([step.latent for step in steps], np.intp)
    scores = np.full((num_steps, num_latents, num_columns), np.nan)
    of_all = Chance(*np.full((3, num_steps, num_columns), np.nan))
    for row, step in enumerate(steps):
        scores[row][:, allowed] = step.scores
        for target, values in zip(of_all, step.chance or (), strict=False):
            target[row, allowed] = values
    rows, features = np.arange(num_steps), allowed[features]
    return Selection(
        features=features,
        latents=latents,
        gains=scores[rows, latents, features],
        scores=scores,
        feature_gains=np.array([step.feature_gain for step in steps]),
        latent_gains=np.array([step.latent_gain for step in steps]),
        df=np.array([step.df for step in steps]),
        chance=Chance(*(values[rows, features] for values in of_all)),
        by_chance=np.array([step.by_chance for step in steps], bool),
        chance_of_all=of_all,
    )


def _as_source(
    x: Any,
    u: ArrayLike | None,
    levels: Sequence[int] | None,
    latent_levels: Sequence[int] | None,
    candidates: Iterable[int] | None,
) -> tuple[Source, NDArray[np.intp], int]:
    """Check the samples; return them with the candidates only, and these and all columns."""
    if callable(x) or _is_sequence_of_pairs(x):
        if u is not None:
            raise ValueError("`u` must be None where `x` is chunks (x, u), got an array")
        whole = in_chunks(x if callable(x) else lambda: x, levels, latent_levels)
        num_columns = len(whole.variables.x_levels)
        allowed = _as_candidates(candidates, num_columns)
        return (whole if candidates is None else whole.only(allowed)), allowed, num_columns
    features, latents, x_levels, u_levels = as_samples(x, u, levels, latent_levels)
    allowed = _as_candidates(candidates, features.shape[1])
    kept = features if candidates is None else features[:, allowed]
    kept_levels = [x_levels[column] for column in allowed]
    return in_memory(kept, latents, kept_levels, u_levels), allowed, features.shape[1]


def _is_sequence_of_pairs(x: Any) -> bool:
    """Tell chunks from a table: their first item is a pair whose first item is a table."""
    return (
        isinstance(x, list | tuple)
        and len(x) > 0
        and isinstance(x[0], tuple)
        and len(x[0]) == 2
        and np.ndim(x[0][0]) == 2
    )


def _as_candidates(candidates: Iterable[int] | None, num_columns: int) -> NDArray[np.intp]:
    if candidates is None:
        return np.arange(num_columns)
    allowed = {as_count(candidate, "candidates", 0, num_columns - 1) for candidate in candidates}
    if not allowed:
        raise ValueError("`candidates` must name at least one feature, got none")
    return np.array(sorted(allowed))


def _check_shuffles(
    source: Source, num_shuffles: int, shuffle: str, stop_at_chance: bool, rng: Any
) -> Any:
    as_count(num_shuffles, "num_shuffles", 0)
    if shuffle not in SHUFFLES:
        raise ValueError(f"`shuffle` must be one of {SHUFFLES}, got {shuffle!r}")
    if num_shuffles and not isinstance(rng, np.random.Generator):
        raise ValueError(f"`rng` must be a numpy Generator to draw the shuffles, got {rng!r}")
    if num_shuffles and not isinstance(source, Memory):
        raise ValueError(f"`num_shuffles` must be 0 for chunks, got {num_shuffles}")
    if stop_at_chance and not num_shuffles:
        raise ValueError("`stop_at_chance` needs `num_shuffles` of at least 1, got 0")
    return rng
