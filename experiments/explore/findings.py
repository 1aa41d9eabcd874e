"""What the models of one kind have learned of the cells."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score

from experiments.analysis.evaluation import largest
from experiments.explore.files import NO_LABEL
from loglin import (
    COVERING,
    Coverage,
    Patterns,
    Selection,
    Stability,
    StandIns,
    coverage,
    embed,
    pattern_distances,
    select_features,
    stability,
    stand_ins,
)
from loglin.patterns.frequent import patterns_if_any

MOST_COMPARED = 20_000
"""At most so many cells are used where random forests learn labels, and for distances."""
NUM_FOLDS = 5
"""Folds in which labels are predicted; labels with fewer than twice as many cells are left out."""
NUM_TREES = 100
"""Trees of each random forest."""
RANDOM_SETS = 5
"""Sets of random features that the chosen ones are compared with."""


NO_STAND_INS = StandIns(np.zeros(0, np.intp), np.zeros(0, np.intp), *np.zeros((3, 0)))


class ByLabel(NamedTuple):
    """How the patterns relate to labels that no model has seen."""

    labels: NDArray[np.str_]
    """(c,) the labels, most frequent first."""
    counts: NDArray[np.int64]
    """(k, c) number of real cells with each pattern and label."""
    totals: NDArray[np.int64]
    """(c,) number of real cells with each label, with whatever pattern."""
    accuracy: dict[str, tuple[float, float]]
    """Balanced accuracy of labels, cross-validated, and its standard deviation over the folds, by
    the "chosen" features, as many with the largest "variance", and "all"; of "random" ones the mean
    and standard deviation over sets. Empty if no feature was chosen or one label has all cells."""
    name: str = "label"
    """What the labels are called: the name of their column."""


class Course(NamedTuple):
    """How one model did during its training."""

    epochs: NDArray[np.int64]
    """(t,)"""
    training: NDArray[np.float64]
    """(t,) lower bound of the log-likelihood of the cells it was trained on, in nats per cell."""
    held_out: NDArray[np.float64]
    """(t,) the same of held-out cells."""
    advantage: NDArray[np.float64]
    """(h,) by how many nats each held-out cell is described better than by independent features, at
    the epoch where held-out cells are described best."""
    chosen: int
    """The epoch that was taken."""


class Findings(NamedTuple):
    """What the models of one kind have learned of the cells."""

    model: str
    """What the page calls the models: "VAE", "DBM", the key of latents, or "samples"."""
    selection: Selection
    """The chosen features, q steps, from the samples of all starts together."""
    share_on: NDArray[np.float64]
    """(q,) share of the real cells in which each chosen feature is above its lowest level."""
    p_values: NDArray[np.float64] | None
    """(q,) of the whole procedure, from models trained on permuted data; None if not asked for."""
    by_start: list[NDArray[np.intp]]
    """The features selected from each start alone, in order."""
    stability: Stability | None
    """Agreement of these; None with one start."""
    coverage: Coverage
    """Coverage of the latents of the first start by the chosen features."""
    stand_ins: StandIns
    """What would have done as well."""
    patterns: Patterns
    """The most frequent patterns of the synthetic cells of all starts, k."""
    num_samples: int
    """Number of all these synthetic cells."""
    real_counts: NDArray[np.int64]
    """(k,) number of real cells with each pattern."""
    num_cells: int
    """Number of real cells."""
    points: NDArray[np.float64]
    """(k, 2) the patterns on a map of the distances between their distributions over the latents;
    NaN where there is none."""
    by_label: ByLabel | None
    """None without labels."""
    courses: list[Course]
    """One for each start; empty if the models were trained elsewhere."""


class About(NamedTuple):
    """The data behind the findings, and where the numbers come from."""

    title: str
    """Name of the file."""
    names: NDArray[np.str_]
    """(p,) names of the features, by which all columns are numbered."""
    num_cells: int
    kind: str
    """What the values are: "counts", "codes" or "continuous"."""
    coding: str
    """One sentence on how they became codes."""
    left_out: dict[str, list[str]]
    """Reason -> names of the features that were left out for it."""
    provenance: dict[str, str]
    """Settings, seeds, versions and times, as they are shown."""
    noun: str = "feature"
    """What a feature is called: "gene" where the file says so."""


class Samples(NamedTuple):
    """Cells with their latents, as codes, from one model."""

    x: NDArray[np.int8]
    """(m, p)"""
    u: NDArray[np.int8]
    """(m, r)"""


def find(
    model: str,
    samples: Sequence[Samples],
    cells: NDArray[np.int8],
    names: NDArray[np.str_],
    *,
    labels: NDArray[np.str_] | None = None,
    label_name: str = "label",
    courses: Sequence[Course] = (),
    num_features: int = 10,
    num_patterns: int = 10,
    null_gains: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> Findings:
    """Select features from the samples of all models together, and describe their patterns.

    Parameters
    ----------
    model : str
        What the page calls the models.
    samples : sequence of Samples
        One for each start.
    cells : (n, p) int array
        Codes of the real cells.
    names : (p,) str array
        Names of the features.
    labels : (n,) str array, optional
        Known classes of the real cells.
    label_name : str
        What they are called.
    courses : sequence of Course
    num_features, num_patterns : int
        Most features and patterns.
    null_gains : (permutations, num_features) array, optional
        Gains of models trained on permuted features.
    seed : int
        For random sets of features, and for random forests.
    """
    x, u = [one.x for one in samples], [one.u for one in samples]
    levels = np.max([cells.max(axis=0), *(one.max(axis=0) for one in x)], axis=0) + 1
    levels = np.maximum(levels, 2).tolist()
    most = min(num_features, cells.shape[1])

    def select(x: Sequence[NDArray[np.int8]], u: Sequence[NDArray[np.int8]]) -> Selection:
        return select_features(
            list(x), list(u), most, levels=levels, names=names, stop="chance", **COVERING
        )

    selection = select(x, u)
    chosen = selection.features.tolist()
    by_start = [chosen] if len(samples) == 1 else [
        select([one.x], [one.u]).features.tolist() for one in samples
    ]  # fmt: skip
    synthetic = np.concatenate(x)
    patterns = patterns_if_any(synthetic, chosen, num_patterns, names)
    pattern = _pattern_of(cells, chosen, patterns)
    return Findings(
        model=model,
        selection=selection,
        share_on=(cells[:, chosen] > 0).mean(axis=0),
        p_values=None if null_gains is None else _p_values(selection.gains, null_gains),
        by_start=[np.array(choice, np.intp) for choice in by_start],
        stability=_stability(cells, by_start),
        coverage=coverage(x[0], u[0], chosen) if chosen else _covering_nothing(u[0].shape[1]),
        stand_ins=(stand_ins(x, u, chosen, levels=levels, names=names) if chosen else NO_STAND_INS),
        patterns=patterns,
        num_samples=len(synthetic),
        real_counts=np.bincount(pattern[pattern >= 0], minlength=len(patterns.states)),
        num_cells=len(cells),
        points=_map(samples, chosen, patterns),
        by_label=(
            None
            if labels is None
            else _by_label(label_name, labels, cells, chosen, pattern, len(patterns.states), seed)
        ),
        courses=list(courses),
    )


def _covering_nothing(num_latents: int) -> Coverage:
    """Return the coverage of latents by no features."""
    unknown = np.full(num_latents, np.nan)
    return Coverage(np.zeros((0, num_latents)), unknown, unknown)


def _pattern_of(x: NDArray[np.int8], chosen: list[int], patterns: Patterns) -> NDArray[np.intp]:
    """Return the number of the pattern of each cell, -1 for none of them."""
    found = np.full(len(x), -1)
    for number, state in enumerate(patterns.states):
        found[(x[:, chosen] == state).all(axis=1)] = number
    return found


def _p_values(gains: NDArray[np.float64], null_gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (1 + b) / (1 + B), where b of B permutations reach the gain of the step."""
    reached = (null_gains[:, : len(gains)] >= gains).sum(axis=0)
    p_values: NDArray[np.float64] = (1 + reached) / (1 + len(null_gains))
    return p_values


def _stability(cells: NDArray[np.int8], by_start: list[list[int]]) -> Stability | None:
    """Return the agreement of the starts; None unless two of them chose any feature."""
    choices = [choice for choice in by_start if choice]
    return stability(cells, choices) if len(choices) > 1 else None


def _map(samples: Sequence[Samples], chosen: list[int], patterns: Patterns) -> NDArray[np.float64]:
    """Map the patterns by their distances, which are averaged over the models.

    Latents of different models have nothing to do with each other, so distances are computed
    within each model; the means of their squares, the divergences, are mapped.
    """
    points = np.full((len(patterns.states), 2), np.nan)
    if not chosen:
        return points
    divergences = []
    with warnings.catch_warnings():  # of patterns that a model never draws
        warnings.filterwarnings("ignore", "no sample carries|Mean of empty slice")
        for x, u in samples:
            x, u = x[:MOST_COMPARED], u[:MOST_COMPARED]
            distances = pattern_distances(x, u, chosen, patterns.states, corrected=True)
            divergences.append(distances**2)
        divergence = np.nanmean(divergences, axis=0)
    known = np.arange(len(points))
    while (unknown := np.isnan(divergence[np.ix_(known, known)]).sum(axis=1)).any():
        known = np.delete(known, unknown.argmax())
    if len(known) > 2:
        points[known] = embed(np.sqrt(divergence[np.ix_(known, known)]))
    return points


def _by_label(
    name: str,
    labels: NDArray[np.str_],
    cells: NDArray[np.int8],
    chosen: list[int],
    pattern: NDArray[np.intp],
    num_patterns: int,
    seed: int,
) -> ByLabel:
    """Count the real cells by pattern and label, and predict labels from the chosen features."""
    kinds, kind, totals = np.unique(labels, return_inverse=True, return_counts=True)
    order = np.argsort(-totals, kind="stable")
    counts = np.zeros((num_patterns, len(kinds)), np.int64)
    np.add.at(counts, (pattern[pattern >= 0], kind[pattern >= 0]), 1)
    known = labels != NO_LABEL
    rng = np.random.default_rng(seed)
    accuracy = _accuracy(cells[known], kind[known], chosen, rng) if chosen else {}
    return ByLabel(kinds[order], counts[:, order], totals[order], accuracy, name)


def _accuracy(
    cells: NDArray[np.int8], kind: NDArray[np.intp], chosen: list[int], rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """Return the balanced accuracy of labels, by sets of features, with standard deviations."""
    kept = np.flatnonzero(np.bincount(kind)[kind] >= 2 * NUM_FOLDS)
    kept = np.sort(rng.permutation(kept)[:MOST_COMPARED])
    kept = kept[np.bincount(kind[kept], minlength=kind.max() + 1)[kind[kept]] >= NUM_FOLDS]
    x, y = cells[kept], kind[kept]
    if len(np.unique(y)) < 2:
        return {}
    forest = RandomForestClassifier(NUM_TREES, random_state=0)
    folds = StratifiedKFold(NUM_FOLDS, shuffle=True, random_state=0)

    def of(features: Sequence[int] | NDArray[np.intp]) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = cross_val_score(
            forest, x[:, features], y, cv=folds, scoring="balanced_accuracy"
        )
        return scores

    number, num_columns = len(chosen), x.shape[1]
    at_random = [of(rng.permutation(num_columns)[:number]).mean() for _ in range(RANDOM_SETS)]
    scores = {
        "chosen": of(chosen),
        "random": np.array(at_random),
        "variance": of(largest(x.var(axis=0), number)),
        "all": of(np.arange(num_columns)),
    }
    return {name: (float(found.mean()), float(found.std())) for name, found in scores.items()}
