"""How much of what all features say about the latents the chosen ones say.

scikit-learn is imported where it is used, since this takes longer than all other imports.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.containers import as_columns_of, names_of
from loglin.selection import _chance_kernels, _information_kernels
from loglin.validation import as_codes, as_count, check_rows, shown

_LEAST = 0.01
"""Information below which a latent counts as idle, in nats: no features say anything about it."""


class Coverage(NamedTuple):
    """What the first 1, 2, ..., q features say about each latent, in nats.

    See Also
    --------
    coverage : Makes it.
    """

    information: NDArray[np.float64]
    """(q, r) information in the patterns of the first features, adjusted for chance."""
    of_all: NDArray[np.float64]
    """(r,) information in all features: the larger of two lower bounds, what a classifier predicts
    and what the chosen features say."""
    entropy: NDArray[np.float64]
    """(r,) entropy of the latents: the most that can be said."""

    @property
    def shares(self) -> NDArray[np.float64]:
        """(q, r) share of the information in all features; NaN for latents below 0.01 nats."""
        known = np.where(self.of_all >= _LEAST, self.of_all, np.nan)
        return self.information / known

    @property
    def curve(self) -> NDArray[np.float64]:
        """(q,) share of the information in all features, summed over the latents."""
        total = self.of_all.sum()
        return (
            self.information.sum(axis=1) / total if total > 0 else self.information[:, 0] * np.nan
        )


def coverage(
    x: ArrayLike,
    u: ArrayLike,
    features: Sequence[int | str],
    *,
    classifier: Any = None,
    num_folds: int = 3,
    max_samples: int = 10_000,
) -> Coverage:
    """Return what the first 1, 2, ..., q features say about each latent, beside what all say.

    The information I of the patterns of some features about a latent is adjusted for chance: with
    its expectation E if the latent were dealt at random (exact), and the entropy H of the latent,
    it becomes H (I - E) / (H - E), which is 0 on average for features that say nothing, and H for
    features that say all (Vinh, Epps & Bailey 2010). What all features say cannot be counted, since
    each sample has a pattern of its own; a classifier predicts the latent from them, and the
    cross-validated loss of its logarithmic predictions bounds the information from below.

    Parameters
    ----------
    x : (n, p) int array or data frame
        Codes of the features.
    u : (n, r) int array
        Codes of the latents.
    features : sequence of q ints or names
        The chosen features, in order (`Selection.features`).
    classifier : scikit-learn classifier, optional
        With `fit` and `predict_proba`; by default logistic regression on the indicators of all
        levels.
    num_folds : int
        Folds of the cross-validation, at least 2.
    max_samples : int
        The classifier is given at most so many samples, the first ones.

    Returns
    -------
    Coverage
        Information in nats; its `curve` is the share that the first features have.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    loglin.plots.coverage_plot : Draws it.
    select_features : Chooses the features.
    stand_ins : What would have done as well.

    References
    ----------
    Vinh, Epps & Bailey (2010), Information theoretic measures for clusterings comparison, J. Mach.
    Learn. Res. 11.

    Examples
    --------
    >>> u = np.repeat([[0], [1]], 50, axis=0)
    >>> x = np.column_stack([np.arange(100) % 2, u])
    >>> coverage(x, u, [0, 1]).curve.round(1)
    array([-0.,  1.])
    """
    codes, levels = as_codes(x, "x")
    latents, _ = as_codes(u, "u")
    check_rows(u, x)
    chosen = as_columns_of(features, names_of(x), codes.shape[1])
    if classifier is not None and (
        isinstance(classifier, type) or not hasattr(classifier, "predict_proba")
    ):
        raise ValueError(
            "`classifier` must be a scikit-learn classifier with `predict_proba`, got "
            f"{shown(classifier)}"
        )
    as_count(num_folds, "num_folds", 2)
    as_count(max_samples, "max_samples", 2)
    information, entropy = pattern_information(codes, latents, chosen)
    indicators = np.concatenate(
        [codes[:max_samples, [k]] == np.arange(1, level) for k, level in enumerate(levels)], axis=1
    )
    predicted = [
        _predicted_information(indicators.astype(np.float32), states, classifier, num_folds)
        for states in latents[:max_samples].T
    ]
    of_all = np.maximum(np.maximum(predicted, 0), information.max(axis=0))
    return Coverage(information, of_all, entropy)


def pattern_information(
    x: NDArray[np.int8], u: NDArray[np.int8], features: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the first features say about each latent (q, r), and the entropies (r,)."""
    information, entropy = np.zeros((len(features), u.shape[1])), np.zeros(u.shape[1])
    pattern = np.zeros(len(x), np.intp)
    for step, feature in enumerate(features):
        codes = x[:, feature].astype(np.intp)
        _, pattern = np.unique(pattern * (codes.max() + 1) + codes, return_inverse=True)
        for latent, states in enumerate(u.T):
            information[step, latent], entropy[latent] = _adjusted_information(pattern, states)
    return information, entropy


def _adjusted_information(
    pattern: NDArray[np.intp], states: NDArray[np.int8]
) -> tuple[float, float]:
    """Return the information of two variables, adjusted for chance, and the second's entropy."""
    n = len(pattern)
    counts = np.zeros((int(states.max()) + 1, int(pattern.max()) + 1), np.int64)
    np.add.at(counts, (states, pattern), 1)
    cell = np.arange(n + 1.0)
    cell *= np.log(np.maximum(cell, 1))
    most = 2 * (cell[n] - cell[counts.sum(axis=1)].sum())  # G2 if the pattern tells the state
    if most <= 0:
        return 0.0, 0.0
    g2 = _information_kernels.table_g2(counts, cell)
    memory = _chance_kernels.no_known_cells()
    expected, _ = _chance_kernels.table_chance(counts, cell, *memory)
    adjusted = most * (g2 - expected) / (most - expected) if most > expected * (1 + 1e-9) else 0.0
    return adjusted / (2 * n), most / (2 * n)


def _predicted_information(
    indicators: NDArray[np.float32], states: NDArray[np.int8], classifier: Any, num_folds: int
) -> float:
    """Return entropy less cross-validated loss of predicting the states, in nats."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    values, counts = np.unique(states, return_counts=True)
    if counts.min() < num_folds or len(values) < 2:
        return 0.0
    if classifier is None:
        classifier = LogisticRegression(C=0.1, max_iter=1000)
    folds = StratifiedKFold(num_folds)
    probabilities = cross_val_predict(
        classifier, indicators, states, cv=folds, method="predict_proba"
    )
    shares = counts / counts.sum()
    return float(-(shares @ np.log(shares)) - log_loss(states, probabilities, labels=values))
