"""One step of a selection: which feature comes next, with the parts of its gain and its chance."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.selection.chance import (
    LEVEL,
    Chance,
    Margins,
    Shuffles,
    chance_by_margins,
    chance_of_step,
    is_by_chance,
)
from loglin.selection.counting import SampleSource
from loglin.selection.memory import Memory
from loglin.selection.scoring import (
    Scores,
    Statistic,
    feature_g2,
    gain_parts,
    null_degrees_of_freedom,
    rounding,
    score,
)


class Step(NamedTuple):
    """One step; features are numbered as columns of the sources, latents over all sources."""

    feature: int
    latent: int
    scores: NDArray[np.float64]  # (r, columns)
    gain: float = np.nan
    feature_gain: float = np.nan
    latent_gain: float = np.nan
    df: float = np.nan
    chance: Chance | None = None  # (columns,) each, of shuffled features
    margins: Margins = Margins(*[np.nan] * 4)  # of the chosen feature
    num_tests: int = 0
    by_chance: bool = False


def _score_all(
    sources: Sequence[SampleSource[Any]],
    chosen: list[int],
    partitions: Sequence[Any],
    statistic: Statistic,
) -> Scores:
    """Score the columns with the latents of all sources; NaN for those chosen before."""
    found = [
        score(source, source, chosen, partition, statistic)
        for source, partition in zip(sources, partitions, strict=True)
    ]
    scores = found[0]
    if len(found) > 1:
        values, expected, df, cumulants = zip(*found, strict=True)
        # Features of different sources are independent by chance, so their cumulants add up.
        scores = Scores(
            np.concatenate(values), np.concatenate(expected), np.concatenate(df),
            np.sum(cumulants, axis=0),
        )  # fmt: skip
    scores.values[:, chosen] = np.nan
    return scores


def _gains(scores: NDArray[np.float64], across: str) -> NDArray[np.float64]:
    """Return the gain of each column from its scores with the latents, (r, columns)."""
    return scores.max(axis=0) if across == "max" else scores.sum(axis=0)


def with_shuffles(
    step: Step,
    source: Memory,
    chosen: list[int],
    partition: Any,
    statistic: Statistic,
    shuffles: Shuffles,
) -> Step:
    """Return the step with the gains of shuffled features added."""
    winner, gains = step.feature, _gains(step.scores, statistic.across)

    def gains_of(columns: Memory) -> NDArray[np.float64]:
        scores = score(columns, source, chosen, partition, statistic)
        return _gains(scores.values, statistic.across)

    chance = chance_of_step(gains_of, source, winner, gains, shuffles)
    mean, exceedance = chance.mean[winner], chance.exceedance[winner]
    by_chance = is_by_chance(step.gain, mean, exceedance, shuffles.number)
    return step._replace(chance=chance, by_chance=by_chance)


def best_step(
    sources: Sequence[SampleSource[Any]],
    chosen: list[int],
    partitions: Sequence[Any],
    statistic: Statistic,
    only_significant: bool,
    num_first: int,
) -> tuple[Step, dict[int, Any]]:
    """Return the step to the best next feature, with the two parts of its gain.

    Its gain was compared with those of all candidates, given each of `num_first` other choices
    before. The second result are the partitions that were refined to find the parts, by source.
    """
    scores, across = _score_all(sources, chosen, partitions, statistic), statistic.across
    gains = scores.values if across == "max" else scores.values.sum(axis=0)[None]
    none_significant = False
    if statistic.corrected:
        num_tests = int(np.isfinite(gains).sum()) * num_first
    if only_significant:
        by_chance = chance_by_margins(gains, _margins(scores, across), num_tests).exceedance > LEVEL
        none_significant = bool(by_chance[np.isfinite(gains)].all())
        if not none_significant:
            gains = np.where(by_chance, np.nan, gains)
    feature, row = _best(gains.T, sum(source.num_samples for source in sources))
    latent = row if across == "max" else int(scores.values[:, feature].argmax())
    step = Step(feature, latent, scores.values, float(gains[row, feature]))
    if statistic.corrected:
        margins = Margins(*(part[row, 0] for part in _margins(scores, across, feature)))
        step = step._replace(margins=margins, num_tests=num_tests, by_chance=none_significant)
    return _with_parts(step, scores, sources, chosen, partitions, statistic)


def _margins(scores: Scores, across: str, feature: int | None = None) -> Margins:
    """Return what is known about gains by chance, (latents, or 1 for sums, features)."""
    columns = slice(None) if feature is None else slice(feature, feature + 1)
    mean, df = scores.expected[:, columns], scores.df[:, columns]
    if across == "max":
        return Margins(mean, df, df, df)
    return Margins(
        mean.sum(axis=0)[None], df.sum(axis=0)[None], *scores.cumulants[:, None, columns]
    )


def _with_parts(
    step: Step,
    scores: Scores,
    sources: Sequence[SampleSource[Any]],
    chosen: list[int],
    partitions: Sequence[Any],
    statistic: Statistic,
) -> tuple[Step, dict[int, Any]]:
    """Add the gain's association with the chosen features and with the latents, and its df.

    The second result is as in `best_step`.
    """
    feature, which, latent = step.feature, 0, step.latent
    split: dict[int, Any] = {}
    while latent >= len(sources[which].variables.u_levels):
        latent -= len(sources[which].variables.u_levels)
        which += 1
    num_possible = partitions[which].num_possible
    if statistic.null_model == "conditional" and statistic.empty == 0:
        split[which], counts = sources[which].split(partitions[which], feature)
        feature_gain = feature_g2(counts, statistic)
        of_latents = scores.values[:, feature] + scores.expected[:, feature]
        latent_gain = float(
            of_latents[step.latent] if statistic.across == "max" else of_latents.sum()
        )
    else:
        # Conditional scores are parts of gains already; other sums need the tables of all latents.
        with_all = statistic.across == "sum" and statistic.null_model != "conditional"
        wanted = {which: [latent]}
        if with_all:
            wanted = {
                number: list(range(len(source.variables.u_levels)))
                for number, source in enumerate(sources)
            }
        parts = [
            gain_parts(table, partitions[number].num_possible, statistic)
            for number, latents in wanted.items()
            for table in sources[number].pair_tables(
                partitions[number], [(feature, of) for of in latents]
            )
        ]
        feature_gain, latent_gain = parts[step.latent if with_all else 0]
        if with_all:
            latent_gain = sum(of_latent for _, of_latent in parts)
        elif statistic.across == "sum":
            latent_gain = float(scores.values[:, feature].sum())
    if statistic.across == "max":
        df = null_degrees_of_freedom(
            sources[which], chosen, num_possible, feature, [latent], statistic.null_model
        )
    else:
        df = sum(
            null_degrees_of_freedom(
                source, chosen, partition.num_possible, feature, None, statistic.null_model
            )
            for source, partition in zip(sources, partitions, strict=True)
        )
    step = step._replace(feature_gain=feature_gain, latent_gain=max(latent_gain, 0.0), df=df)
    return step, split


def first_of_best_pair(sources: Sequence[SampleSource[Any]], statistic: Statistic) -> Step:
    """Return the step to i, of the pair (i, j) with the largest gain of j given S = {i}."""

    def scores_given(first: int) -> NDArray[np.float64]:
        partitions = [source.refine(source.start(), first) for source in sources]
        return _score_all(sources, [first], partitions, statistic).values

    num_columns = len(sources[0].variables.x_levels)
    num_samples = sum(source.num_samples for source in sources)
    gains = np.stack(
        [_gains(scores_given(first), statistic.across) for first in range(num_columns)]
    )
    first, second = _best(gains, num_samples)
    scores = scores_given(first)
    _, latent = _best(scores[:, [second]].T, num_samples)
    return Step(first, latent, np.full(scores.shape, np.nan))


def _best(scores: NDArray[np.float64], num_samples: int) -> tuple[int, int]:
    """Return row and column of the largest score; ties go to the lowest row, then column."""
    largest = np.fmax.reduce(scores, axis=None)  # ignores NaN
    tied = scores >= largest - rounding(largest, num_samples)
    row, column = divmod(int(tied.argmax()), scores.shape[1])
    return row, column
