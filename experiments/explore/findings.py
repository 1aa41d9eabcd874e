"""What the models of one kind have learned of the cells."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin import Coverage, Patterns, Selection, Stability, StandIns


class ByLabel(NamedTuple):
    """How the patterns relate to labels that no model has seen."""

    labels: NDArray[np.str_]
    """(c,) the labels, most frequent first."""
    counts: NDArray[np.int64]
    """(k, c) number of real cells with each pattern and label."""
    totals: NDArray[np.int64]
    """(c,) number of real cells with each label, with whatever pattern."""
    accuracy: dict[str, tuple[float, float]]
    """Balanced accuracy of labels, cross-validated, with its standard deviation: by the chosen
    features, the same number at random and with the largest variance, and by all features."""


class Course(NamedTuple):
    """How one model did during its training."""

    epochs: NDArray[np.int64]
    """(t,)"""
    training: NDArray[np.float64]
    """(t,) lower bound of the log-likelihood of the cells it was trained on, in nats per cell."""
    held_out: NDArray[np.float64]
    """(t,) the same of held-out cells."""
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
