"""Stepwise selection of the features jointly associated with the latents (Section 2.2).

At each step every candidate j is scored by how much worse a null model fits the table of
(u, S, j) than the full model, S being the features chosen so far: the difference of G2. The
null model of Eq. 1 is [U S][j]; its fit is n(u, s) n(j) / N, so its G2 is 2 N times the mutual
information of j with (u, S), and no table has to be built: only patterns of S that occur are
visited, all others add the same constant.
"""

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin import _kernels
from loglin.fitting import fit
from loglin.tables import as_codes, as_count, contingency_table

NullModel = str | Callable[[int], Iterable[Iterable[int]]]
NULL_MODELS = ("joint", "conditional")
STARTS = ("empty", "best-pair")


class Selection(NamedTuple):
    """The features chosen step by step, and how every candidate scored."""

    features: NDArray[np.intp]
    """(q,) columns of x in the order in which they were chosen."""
    latents: NDArray[np.intp]
    """(q,) the latent with which each gain was reached; -1 without latents."""
    gains: NDArray[np.float64]
    """(q,) G2 of the null model for the chosen feature; NaN for the first of a best pair, which
    is not chosen for a gain of its own."""
    scores: NDArray[np.float64]
    """(q, r, p) G2 of the null model for each latent and candidate at each step; NaN where the
    feature is already chosen or no candidate. Without latents r is 1."""


def select_features(
    x: ArrayLike,
    u: ArrayLike | None,
    num_features: int,
    *,
    levels: Sequence[int] | None = None,
    latent_levels: Sequence[int] | None = None,
    null_model: NullModel = "joint",
    empty: float = 0.5,
    start: str = "empty",
    candidates: Iterable[int] | None = None,
) -> Selection:
    """Choose features one by one by the largest G2 difference to the full model (Eq. 1).

    With several latents the maximum over them counts. Scores that differ by no more than
    rounding tie, and go to the lowest feature, then the lowest latent.

    Parameters
    ----------
    x : (n, p) int array
        Codes of the features.
    u : (n, r) int array, or None
        Codes of the latents; None selects features associated with each other.
    num_features : int
        How many to choose, q.
    levels, latent_levels : sequences of p and r ints, optional
        Numbers of levels; by default one more than the largest code, at least two.
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
    samples = _as_samples(x, u, levels, latent_levels)
    allowed = _as_candidates(candidates, len(samples.x))
    if start not in STARTS:
        raise ValueError(f"`start` must be one of {STARTS}, got {start!r}")
    from_pair = start == "best-pair" or u is None
    num_features = as_count(num_features, "num_features", 2 if from_pair else 1, len(allowed))
    if not (np.isfinite(empty) and empty >= 0):
        raise ValueError(f"`empty` must be a number of at least 0, got {empty}")
    if not callable(null_model) and null_model not in NULL_MODELS:
        raise ValueError(
            f"`null_model` must be one of {NULL_MODELS} or callable, got {null_model!r}"
        )

    def score(chosen: list[int]) -> NDArray[np.float64]:
        scores = np.full((len(samples.u), len(samples.x)), np.nan)
        rest = np.setdiff1d(allowed, chosen)
        if callable(null_model):
            scores[:, rest] = _scores_from_tables(samples, chosen, rest, null_model, empty)
        else:
            scores[:, rest] = _scores_in_closed_form(samples, chosen, rest, null_model, empty)
        return scores

    chosen: list[int] = []
    latents, gains, history = [], [], []
    if from_pair:
        given = np.stack([score([first]).max(axis=0) for first in allowed])
        first, _ = _best(given, samples.num_samples)
        chosen = [int(allowed[first])]
        latents, gains = [-1], [np.nan]
        history = [np.full((len(samples.u), len(samples.x)), np.nan)]
    while len(chosen) < num_features:
        scores = score(chosen)
        feature, latent = _best(scores.T, samples.num_samples)
        chosen.append(feature)
        latents.append(-1 if u is None else latent)
        gains.append(scores[latent, feature])
        history.append(scores)
    if from_pair:
        latents[0] = latents[1]
    return Selection(np.array(chosen), np.array(latents), np.array(gains), np.stack(history))


class _Samples(NamedTuple):
    """Checked codes, one contiguous row a variable; without latents one that never changes."""

    x: NDArray[np.int8]  # (p, n)
    u: NDArray[np.int8]  # (r, n)
    x_levels: NDArray[np.int64]  # (p,)
    u_levels: NDArray[np.int64]  # (r,)

    @property
    def num_samples(self) -> int:
        return self.x.shape[1]


def _best(scores: NDArray[np.float64], num_samples: int) -> tuple[int, int]:
    """Row and column of the largest score; ties go to the lowest row, then column.

    A score is a difference of sums that grow with the samples, so x and 1 - x, which tie in
    exact arithmetic, differ by rounding: what lies within 1e-9 of that scale is a tie.
    """
    largest = np.nanmax(scores)
    tied = np.argwhere(scores >= largest - 1e-9 * max(largest, num_samples))
    row, column = tied[0]
    return int(row), int(column)


def _scores_in_closed_form(
    samples: _Samples, chosen: list[int], rest: NDArray[np.intp], null_model: str, empty: float
) -> NDArray[np.float64]:
    """(r, len(rest)) scores from the patterns of the chosen features that occur."""
    pattern = np.zeros(samples.num_samples, np.int64)
    for feature in chosen:
        pattern = pattern * samples.x_levels[feature] + samples.x[feature]
        # Renumbering keeps the numbers small, however many features are chosen.
        pattern = np.unique(pattern, return_inverse=True)[1]
    order = np.argsort(pattern, kind="stable")
    starts = np.append(0, np.cumsum(np.bincount(pattern)))
    given_us, given_s, alone = _kernels.candidate_information(
        samples.x[:, order], samples.u[:, order], starts, samples.x_levels, samples.u_levels,
        float(prod(samples.x_levels[chosen].tolist())), float(empty), rest,
    )  # fmt: skip
    return 2 * (given_us - (alone if null_model == "joint" else given_s))


def _scores_from_tables(
    samples: _Samples,
    chosen: list[int],
    rest: NDArray[np.intp],
    null_model: Callable[[int], Iterable[Iterable[int]]],
    empty: float,
) -> NDArray[np.float64]:
    """(r, len(rest)) scores of any null model, each from its dense table."""
    scores = np.empty((len(samples.u), len(rest)))
    for latent, states in enumerate(samples.u):
        for column, candidate in enumerate(rest):
            features = [*chosen, candidate]
            codes = samples.x[features].T
            levels = samples.x_levels[features].tolist()
            if samples.u_levels[latent] > 1:
                codes = np.column_stack([states, codes])
                levels = [int(samples.u_levels[latent]), *levels]
            table = contingency_table(codes, levels)
            table[table == 0] = empty
            scores[latent, column] = fit(table, null_model(len(levels))).g2
    return scores


def _as_samples(
    x: ArrayLike,
    u: ArrayLike | None,
    levels: Sequence[int] | None,
    latent_levels: Sequence[int] | None,
) -> _Samples:
    features, x_levels = as_codes(x, "x", levels)
    # A latent that never changes adds nothing to any table.
    latents = np.zeros((len(features), 1), np.int8)
    u_levels: tuple[int, ...] = (1,)
    if u is not None:
        latents, u_levels = as_codes(u, "u", latent_levels, "latent_levels")
    if len(latents) != len(features):
        raise ValueError(
            f"`u` must have as many rows as `x`: expected {len(features)}, got {len(latents)}"
        )
    return _Samples(
        np.ascontiguousarray(features.T),
        np.ascontiguousarray(latents.T),
        np.array(x_levels),
        np.array(u_levels),
    )


def _as_candidates(candidates: Iterable[int] | None, num_features: int) -> NDArray[np.intp]:
    if candidates is None:
        return np.arange(num_features)
    allowed = {as_count(candidate, "candidates", 0, num_features - 1) for candidate in candidates}
    if not allowed:
        raise ValueError("`candidates` must name at least one feature, got none")
    return np.array(sorted(allowed))
