"""What follows from the findings, as numbers: for the sentences, the figures and the tables."""

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.explore.findings import About, Findings

ENOUGH = 0.9
"""Features are enough if they say this share of what all features say."""
IDLE = 0.01
"""A latent is idle if all features together say less about it, in nats, as in `Coverage`."""
MOST_OF_REAL, LEAST_EXPECTED = 0.2, 10
"""A pattern is drawn, and hardly found, if the real cells with it are at most this share of as many
as the synthetic cells would let expect, which must be at least so many. By chance, 10 are expected
and at most 2 found in one of 360 cases."""
ACCURACY_OF = {
    "chosen": "chosen", "random": "at random", "variance": "largest variance", "all": "all",
}  # fmt: skip
"""What the kinds of features are called whose accuracy is measured."""
PURE = 0.9
"""A pattern is of one label if so many of its cells are."""
EXCHANGEABLE = 0.5
"""A stand-in says much the same as the chosen feature if they share this part of its gain."""


def names_of(about: About, columns: Any) -> list[str]:
    """Return the names of some columns."""
    return [str(about.names[column]) for column in columns]


def chosen_names(about: About, found: Findings) -> list[str]:
    """Return the names of the chosen features, in order."""
    return names_of(about, found.selection.features)


def num_enough(found: Findings) -> int | None:
    """Return how many of the chosen features say 90 % of what all say; None if they do not."""
    reached = np.flatnonzero(found.coverage.curve >= ENOUGH)
    return int(reached[0]) + 1 if reached.size else None


def advantage(found: Findings) -> tuple[float, float]:
    """Return how much better the models describe held-out cells than independent features do.

    The mean over the held-out cells of all starts, in nats, and its standard error; NaN if there
    are too few.
    """
    cells = np.concatenate([course.advantage for course in found.courses])
    if len(cells) < 2:
        return float(cells.mean()), np.nan
    return float(cells.mean()), float(cells.std(ddof=1) / np.sqrt(len(cells)))


def is_worth_a_model(found: Findings) -> bool:
    """Tell whether held-out cells show that features depend on each other as the models say."""
    mean, error = advantage(found)
    return bool(mean > 2 * error)


def idle_latents(found: Findings) -> NDArray[np.intp]:
    """Return the latents of the first start about which no features say anything."""
    return np.flatnonzero(found.coverage.of_all <= IDLE)


def shares(found: Findings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the shares of the synthetic and of the real cells with each pattern, (k,) each."""
    return found.patterns.counts / found.num_samples, found.real_counts / found.num_cells


def hardly_real(found: Findings) -> NDArray[np.bool_]:
    """Tell of each pattern whether the model draws it and hardly any cell has it, (k,)."""
    expected = shares(found)[0] * found.num_cells
    too_few = found.real_counts <= MOST_OF_REAL * expected
    return np.asarray(too_few & (expected >= LEAST_EXPECTED))


def on_in_patterns(about: About, found: Findings) -> list[list[str]]:
    """Return the names of what is above its lowest level in each pattern, as "LYZ" or "LYZ = 2"."""
    names = chosen_names(about, found)
    highest = found.patterns.states.max(axis=0, initial=1)
    return [
        [
            name if most == 1 else f"{name} = {level}"
            for name, level, most in zip(names, state, highest, strict=True)
            if level > 0
        ]
        for state in found.patterns.states
    ]


def map_distances(found: Findings) -> NDArray[np.float64]:
    """Return the distances between patterns on the map, (k, k); NaN on the diagonal."""
    points = found.points
    distances = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))
    np.fill_diagonal(distances, np.nan)
    return np.asarray(distances)


def nearest_on_map(found: Findings) -> list[int | None]:
    """Return the nearest other pattern on the map for each pattern."""
    return [
        int(np.nanargmin(row)) if np.isfinite(row).any() else None for row in map_distances(found)
    ]


def extremes_on_map(found: Findings) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the nearest and the most distant two patterns; None if fewer than three are placed."""
    distances = map_distances(found)
    if np.isfinite(found.points).all(axis=1).sum() < 3:
        return None
    pairs = [p for p in combinations(range(len(distances)), 2) if np.isfinite(distances[p])]
    return min(pairs, key=distances.__getitem__), max(pairs, key=distances.__getitem__)


def most_frequent_labels(found: Findings) -> list[tuple[str, float] | None]:
    """Return the most frequent label of the cells with each pattern, and its share of them."""
    if found.by_label is None:
        return [None] * len(found.real_counts)
    answers: list[tuple[str, float] | None] = []
    for counts in found.by_label.counts:
        first = int(counts.argmax()) if counts.any() else None
        answers.append(
            None
            if first is None
            else (str(found.by_label.labels[first]), float(counts[first] / counts.sum()))
        )
    return answers


def times_selected(found: Findings, column: int) -> int:
    """Return from how many starts alone a feature is selected."""
    return sum(int(column in features) for features in found.by_start)


def only_from_starts(found: Findings) -> list[int]:
    """Return the features that some start selects alone and all together do not, often first."""
    together = set(found.selection.features.tolist())
    others = {int(column) for features in found.by_start for column in features} - together
    return sorted(others, key=lambda column: (-times_selected(found, column), column))
