"""The methods that select features: rules for samples of a model, and simpler ways."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from experiments.analysis.evaluation import (
    largest,
    most_loaded,
    mutual_information,
    nmf_loadings,
)
from loglin import COVERING, categorize, select_features
from loglin.tables import distinct_rows
from loglin.validation import MAX_LEVELS

CONDITIONAL: dict[str, Any] = {"null_model": "conditional", "empty": 0.0}
RULES: dict[str, dict[str, Any]] = {
    "Eq. 1": {},
    "conditional, maximum": CONDITIONAL,
    "conditional, sum": CONDITIONAL | {"across": "sum"},
    "conditional, sum, corrected": COVERING,
}
"""Settings of `select_features`, for samples of a model."""
RECOMMENDED = "conditional, sum, corrected"
CATEGORIES, JOINTLY, CONSENSUS = (
    "the same, latents in 4 categories", "the same, all latents as one",
    "the same, all starts together",
)  # fmt: skip
ONE_LATENT, NMF, VARIANCE, RANDOM = (
    "mutual information with a latent", "NMF of the data", "variance in the data", "at random",
)  # fmt: skip
WITH_LABELS = ("conditional, with the labels", "random forest, with the labels",
               "L1 logistic regression, with the labels")  # fmt: skip
ALL = "all features"
METHODS = (
    *RULES,
    CATEGORIES,
    JOINTLY,
    CONSENSUS,
    ONE_LATENT,
    NMF,
    VARIANCE,
    RANDOM,
    *WITH_LABELS,
    ALL,
)
SIMPLER = (ONE_LATENT, NMF, VARIANCE)


class Synthetic(NamedTuple):
    """Samples of a trained model."""

    x: NDArray[np.int8]
    """(n, p) codes of the features."""
    u: NDArray[Any]
    """(n, r) latents as the model gives them."""
    codes: NDArray[np.int8]
    """(n, r) codes of the latents."""


def select_by_each(
    starts: list[Synthetic],
    x: NDArray[np.int8],
    labels: NDArray[np.int64],
    num_features: int,
    num_trees: int,
    seed: int,
) -> dict[str, NDArray[np.intp]]:
    """Return the features that each method but `ALL` selects, in the order of `METHODS`.

    Parameters
    ----------
    starts : list of Synthetic
        Samples of models trained on the same data; only `CONSENSUS` uses more than the first.
    x : (n, p) int array
        Training samples.
    labels : (n,) int array
        Their classes, for the methods `WITH_LABELS`.
    num_features : int
    num_trees : int
        Trees of the random forest with the labels.
    seed : int
    """
    first, rng = starts[0], np.random.default_rng(seed)
    # A DBM has binary latents.
    in_categories = categorize(first.u, 4) if first.u.dtype.kind == "f" else first.codes
    forest = RandomForestClassifier(num_trees, random_state=seed).fit(x, labels)
    logistic = LogisticRegression(l1_ratio=1, solver="saga", C=0.1, max_iter=300, tol=1e-3)

    def covering(x: Any, u: Any) -> NDArray[np.intp]:
        return select_features(x, u, num_features, **COVERING).features

    by_rule = {
        name: select_features(first.x, first.codes, num_features, **rule).features
        for name, rule in RULES.items()
    }
    return by_rule | {
        CATEGORIES: covering(first.x, in_categories),
        JOINTLY: covering(first.x, joint_states(first.codes)),
        CONSENSUS: covering([start.x for start in starts], [start.codes for start in starts]),
        ONE_LATENT: largest(mutual_information(first.x, first.codes), num_features),
        NMF: most_loaded(nmf_loadings(x, first.u.shape[1], seed), num_features),
        VARIANCE: largest(x.var(axis=0), num_features),
        RANDOM: rng.permutation(x.shape[1])[:num_features],
        WITH_LABELS[0]: covering(x, labels[:, None]),
        WITH_LABELS[1]: largest(forest.feature_importances_, num_features),
        WITH_LABELS[2]: largest(np.abs(logistic.fit(x, labels).coef_).sum(axis=0), num_features),
    }


def joint_states(u: NDArray[np.int8]) -> NDArray[np.int64]:
    """Return the states of all latents (n, r) as one latent (n, 1); rare ones share the last code.

    A latent may have at most 127 levels.
    """
    _, state, counts = distinct_rows(u)
    rank = np.argsort(np.argsort(-counts, kind="stable"))
    return np.minimum(rank[state], MAX_LEVELS - 1)[:, None]
