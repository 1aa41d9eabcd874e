"""Stepwise selection of the features jointly associated with the latents (Section 2.2).

Let S be the features chosen so far. At each step every candidate j is scored by the G2 of a null
model for the table of (u, S, j), that is, by how much worse it fits than the saturated model. The
candidate with the largest gain, the maximum or the sum of its scores over the latents, is added to
S. Two null models matter most:

- [U S][j], the paper's Eq. 1: the gain is 2 N I(j; u, S), association with u or with S;
- [U S][S j]: the gain is 2 N I(j; u | S), what j tells about u beyond S. This is the greedy
  maximisation of I(S; u), known as conditional mutual information maximisation (CMI in Brown et al.
  2012). Summed over the latents u_l it maximises the sum of I(S; u_l).

Brown, Pocock, Zhao & Lujan (2012), Conditional likelihood maximisation, J. Mach. Learn. Res. 13.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from loglin._threads import num_cores
from loglin.selection.chance import LEVEL, Chance, Margins, Shuffles, as_shuffles, chance_by_margins
from loglin.selection.chunks import ReadChunks
from loglin.selection.memory import Memory
from loglin.selection.results import Selection
from loglin.selection.scoring import NullModel, as_statistic
from loglin.selection.sources import Given, are_without_latents, as_sources
from loglin.selection.steps import Step, best_step, first_of_best_pair, with_shuffles
from loglin.validation import as_choice, as_count

STARTS = ("empty", "best-pair")
COVERING: dict[str, Any] = {"null_model": "conditional", "across": "sum", "corrected": True}
"""Settings with which the selected features cover all that the latents know, and repeat nothing:
the ones for data that are not the paper's."""


def select_features(
    x: ArrayLike | ReadChunks | Sequence[Any],
    u: ArrayLike | Sequence[ArrayLike] | None = None,
    num_features: int = 10,
    *,
    levels: Sequence[int] | None = None,
    latent_levels: Sequence[int] | None = None,
    null_model: NullModel = "joint",
    across: str = "max",
    corrected: bool = False,
    empty: float | None = None,
    start: str = "empty",
    candidates: Iterable[int | str] | None = None,
    names: Iterable[str] | None = None,
    num_shuffles: int = 0,
    shuffle: str = "winner",
    stop: str | None = None,
    rng: np.random.Generator | None = None,
    num_threads: int | None = None,
) -> Selection:
    """Select features one by one, each with the largest G2 of the null model (Equation 1).

    The defaults are the rule of the paper. To cover everything that the latents know with features
    that do not repeat each other, pass ``**COVERING``: conditional, summed and corrected gains.
    Gains that differ only by rounding are tied; ties go to the lowest feature, then to the lowest
    latent.

    Parameters
    ----------
    x : (n, p) int array or data frame, samples, or chunks
        Codes of the features. Samples (x, u) as a model of `models` returns them can be given as
        they are, without `u`; latents that are not whole numbers are then cut at their medians.

        Samples of several models can be given as a list of arrays, with `u` a list of the same
        length, as a list of `Samples` as models return them, or of functions that return chunks:
        the latents of all of them count as one set, each with the samples of its own model.

        Samples of one model that do not fit in memory can be given as chunks: a function that
        returns an iterator over pairs (x, u) of arrays, the same each time it is called, or a list
        or tuple of such pairs. (Plain pairs are chunks of one model, named tuples `Samples` are a
        model each.) The argument `u` must then be None; the u of all pairs may be None as well, for
        samples without latents.
    u : (n, r) int array, list of such arrays, or None
        Codes of the latents; None selects features that are associated with each other.
    num_features : int
        Number of features to select, q.
    levels, latent_levels : sequences of p and r ints, optional
        Numbers of levels, 2 to 127; by default one more than the largest code, at least two. With
        several models, `latent_levels` are those of each model.
    null_model : "joint", "conditional" or callable
        "joint" is [U S][j], the paper's Eq. 1; "conditional" is [U S][S j]. A callable takes
        the number of variables and returns generators over the axes (u, s_1, ..., j), or
        (s_1, ..., j) without latents; it is fitted to dense tables by iterative proportional
        fitting.
    across : "max" or "sum"
        Whether the gain of a feature is the maximum of its G2 over the latents, as in the paper, or
        the sum.
    corrected : bool
        Whether to subtract from each G2 its expectation if, among the samples of each pattern of S,
        the feature were independent of the latent (exact, given the margins; for large counts to
        1e-4). Plain gains rise by themselves once patterns are sparse, and features with
        more levels, or closer to one half, gain more by chance. Needs `null_model` "conditional".
    empty : float, optional
        Count used for an empty cell of the table. The authors' code uses 0.5, the default; 0 gives
        the plain likelihood ratio, and is the default if `corrected`.
    start : "empty" or "best-pair"
        "empty" starts with the best single feature, "best-pair" with the ordered pair (i, j) with
        the largest gain of j given S = {i}. Without latents the selection always starts with the
        best pair.
    candidates : iterable of ints or names, optional
        Features that may be selected; all by default.
    names : sequence of p str, optional
        Names of the features; by default those of the columns of a data frame.
    num_shuffles : int
        How often the feature chosen at each step is shuffled among the samples, to estimate the
        gain that it would have by chance; 0 for no shuffling.
    shuffle : "winner" or "all"
        Whether to shuffle only the chosen feature of each step or every candidate.
    stop : None or "chance"
        "chance" stops before the first step that chance explains; `num_features` is then the
        largest number of features. Needs `corrected` or `num_shuffles`. With `corrected`, only
        candidates whose gain is significant may be chosen, at a level of 5 % that holds for all
        candidates of a step together; with `num_shuffles`, see `Selection.by_chance`.
    rng : numpy Generator, optional
        Draws the shuffles; required if `num_shuffles` is positive.
    num_threads : int, optional
        Largest number of threads for samples in memory; by default the number of cores. The result
        does not depend on it, to the bit.

    Returns
    -------
    Selection
        The features in the order in which they were chosen, with their gains; print it for a table.

    Raises
    ------
    ValueError
        If an argument is invalid; the message names it.

    See Also
    --------
    permutation_test : Is the whole procedure more than chance?
    coverage : How much of the latents do the first features tell?
    stand_ins : Which features would have done as well?
    stability : Do several selections agree?
    frequent_patterns : The patterns that the features form.
    follow : Selections over a training.
    LogLinearSelector : The same as a selector of scikit-learn.

    Examples
    --------
    >>> u = np.array([0, 1] * 50)[:, None]
    >>> x = np.column_stack([np.arange(100) % 3 == 0, u[:, 0], np.arange(100) < 50])
    >>> select_features(x, u, 1).features
    array([1])
    """
    num_threads = num_cores() if num_threads is None else as_count(num_threads, "num_threads", 1)
    given = as_sources(x, u, levels, latent_levels, candidates, num_threads, names)
    sources, allowed = given.sources, given.candidates
    num_samples = sum(source.num_samples for source in sources)
    statistic = as_statistic(null_model, empty, num_samples, across, corrected)
    shuffles = as_shuffles(num_shuffles, shuffle, rng)
    one_in_memory = len(sources) == 1 and isinstance(sources[0], Memory)
    if shuffles and not one_in_memory:
        raise ValueError(
            "`x` must be one array, not chunks or several models, where features are shuffled"
        )
    if callable(null_model) and not all(isinstance(source, Memory) for source in sources):
        raise ValueError("`x` must be arrays, not chunks, where `null_model` is callable")
    if stop is not None:
        as_choice(stop, "stop", ("chance",))
        if not (shuffles or corrected):
            raise ValueError("`stop` 'chance' needs `corrected` or `num_shuffles`, got neither")
    as_choice(start, "start", STARTS)
    without_latents = are_without_latents(sources)
    if without_latents and null_model == "conditional":
        raise ValueError("`null_model` 'conditional' needs latents, got none")
    if without_latents and across != "max":
        raise ValueError(f"`across` {across!r} needs latents, got none")
    from_pair = start == "best-pair" or without_latents
    num_features = as_count(num_features, "num_features", 2 if from_pair else 1, len(allowed))

    # From here on features are numbered as columns of the sources, which have only the candidates.
    only_significant = stop == "chance" and corrected and not shuffles
    chosen: list[int] = []
    steps: list[Step] = []
    partitions = [source.start() for source in sources]
    split: dict[int, Any] = {}
    while len(chosen) < num_features:
        if from_pair and not chosen:
            step = first_of_best_pair(sources, statistic)
        else:
            # The second of the best pair was compared with all features after all others.
            num_first = len(allowed) if from_pair and len(chosen) == 1 else 1
            step, split = best_step(
                sources, chosen, partitions, statistic, only_significant, num_first
            )
        if shuffles and isinstance(sources[0], Memory) and np.isfinite(step.gain):
            step = with_shuffles(step, sources[0], chosen, partitions[0], statistic, shuffles)
        if stop == "chance" and step.by_chance:
            if from_pair and len(steps) == 1:
                steps = []  # without its second feature there is no pair, so drop the first too
            break
        steps.append(step)
        chosen.append(step.feature)
        if len(chosen) < num_features:
            partitions = [
                split[which] if which in split else source.refine(partition, step.feature)
                for which, (source, partition) in enumerate(zip(sources, partitions, strict=True))
            ]
    return _as_selection(steps, given, corrected, shuffles)


def _as_selection(
    steps: list[Step], given: Given, corrected: bool, shuffles: Shuffles | None
) -> Selection:
    """Combine the steps; features are numbered as columns of the data from here on."""
    sources, allowed, num_columns, names = given
    num_latents = sum(len(source.variables.u_levels) for source in sources)
    scores = np.full((len(steps), num_latents, num_columns), np.nan)
    of_all = Chance(*np.full((3, len(steps), num_columns), np.nan))
    for row, step in enumerate(steps):
        scores[row][:, allowed] = step.scores
        if step.chance is not None:
            for target, values in zip(of_all, step.chance, strict=True):
                target[row, allowed] = values
    features = allowed[np.array([step.feature for step in steps], np.intp)]
    latents = np.array([step.latent for step in steps], np.intp)
    gains = np.array([step.gain for step in steps])
    chance = Chance(*(values[np.arange(len(steps)), features] for values in of_all))
    by_chance = np.array([step.by_chance for step in steps], bool)
    if corrected and not shuffles:
        margins = Margins(*np.array([step.margins for step in steps]).reshape(-1, 4).T)
        chance = chance_by_margins(gains, margins, np.array([step.num_tests for step in steps]))
        by_chance = chance.exceedance > LEVEL
    shuffled_all = bool(shuffles and shuffles.which == "all")
    return Selection(
        features=features,
        latents=np.full_like(latents, -1) if are_without_latents(sources) else latents,
        gains=gains,
        scores=scores,
        feature_gains=np.array([step.feature_gain for step in steps]),
        latent_gains=np.array([step.latent_gain for step in steps]),
        df=np.array([step.df for step in steps]),
        chance=chance,
        by_chance=by_chance,
        chance_of_all=of_all if shuffled_all else None,
        corrected=corrected,
        names=None if names is None else np.array(names)[features],
    )
