"""The patterns that the chosen features form (Section 2.3)."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.containers import as_columns_of, as_names, names_of
from loglin.tables import distinct_rows
from loglin.validation import as_codes, as_count, shown


class Patterns(NamedTuple):
    """The most frequent value combinations of some features, most frequent first.

    See Also
    --------
    frequent_patterns : Finds them.
    loglin.plots.pattern_plot : Draws them.
    """

    states: NDArray[np.int8]
    """(k, q) the value of each feature in each pattern."""
    counts: NDArray[np.int64]
    """(k,) number of samples that carry each pattern."""
    names: NDArray[np.str_] | None = None
    """(q,) names of the features, if they have names."""

    def to_frame(self) -> Any:
        """Return the patterns as a pandas data frame: a column for each feature, and the count."""
        import pandas as pd

        columns = range(self.states.shape[1]) if self.names is None else self.names
        return pd.DataFrame(self.states, columns=list(columns)).assign(count=self.counts)


def frequent_patterns(
    x: ArrayLike,
    features: Sequence[int | str],
    num_patterns: int = 10,
    *,
    names: Iterable[str] | None = None,
) -> Patterns:
    """Return the most frequent combinations of values of the chosen features (Section 2.3).

    Equally frequent patterns are in the order of their states, sorted by the first feature first.
    Exactly `num_patterns` are returned, or all that occur if these are fewer. (The authors' code
    returns more if the last ones are tied.)

    Parameters
    ----------
    x : (n, p) int array or data frame
        Codes of the features.
    features : sequence of q ints or names
        Columns of `x`.
    num_patterns : int
        Largest number of patterns, k.
    names : sequence of p str, optional
        Names of the features; by default those of the columns of a data frame.

    Returns
    -------
    Patterns
        States and counts, most frequent first.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    select_features : Chooses the features.
    pattern_distances : How patterns relate in the latents.
    loglin.plots.pattern_plot : Draws them.

    Examples
    --------
    >>> patterns = frequent_patterns([[0, 1], [1, 1], [0, 1], [0, 0]], [0, 1], num_patterns=2)
    >>> patterns.states.tolist(), patterns.counts.tolist()
    ([[0, 1], [0, 0]], [2, 1])
    """
    codes, _ = as_codes(x, "x")
    words = as_names(names, codes.shape[1]) or names_of(x)
    columns = as_columns_of(features, words, codes.shape[1])
    num_patterns = as_count(num_patterns, "num_patterns", 1)
    states, _, counts = distinct_rows(codes[:, columns])
    order = np.argsort(-counts, kind="stable")[:num_patterns]
    chosen = None if words is None else np.array(words)[columns]
    return Patterns(states[order], counts[order], chosen)


def patterns_if_any(
    x: ArrayLike, features: Sequence[int], num_patterns: int, names: Iterable[str] | None = None
) -> Patterns:
    """Return the most frequent patterns of chosen features; none if no feature was chosen."""
    if not len(features):
        return Patterns(np.zeros((0, 0), np.int8), np.zeros(0, np.int64))
    return frequent_patterns(x, features, num_patterns, names=names)


def union_of_features(choices: Iterable[Iterable[int]]) -> NDArray[np.intp]:
    """Return all features chosen for any of several states of a model, sorted (Section 3.1.3).

    Parameters
    ----------
    choices : iterable of iterables of int
        The features chosen for each state, such as `Selection.features`.

    Returns
    -------
    (q,) int array
        Each feature once.

    Raises
    ------
    ValueError
        If there is no feature, or an entry is not one.

    See Also
    --------
    union_of_patterns : The same of patterns.

    Examples
    --------
    >>> union_of_features([[4, 1], [1, 7]]).tolist()
    [1, 4, 7]
    """
    try:
        features = {as_count(feature, "choices", 0) for choice in choices for feature in choice}
    except TypeError:
        raise ValueError(
            f"`choices` must hold sequences of features, one per state, got {shown(choices)}"
        ) from None
    if not features:
        raise ValueError("`choices` must hold at least one feature, got none")
    return np.array(sorted(features))


def union_of_patterns(patterns: Iterable[Patterns]) -> NDArray[np.int8]:
    """Return all patterns that are frequent in any of several states of a model (Section 3.1.3).

    Patterns are in the order in which they first appear: those of the first state come first, the
    most frequent one on top.

    Parameters
    ----------
    patterns : iterable of Patterns
        Patterns of the same features, one entry per state.

    Returns
    -------
    (k, q) int8 array
        Each pattern once.

    Raises
    ------
    ValueError
        If there are no patterns, or they have different numbers of features.

    See Also
    --------
    union_of_features : The same of features.

    Examples
    --------
    >>> early = frequent_patterns([[0, 1], [0, 1], [1, 0]], [0, 1])
    >>> late = frequent_patterns([[1, 1], [1, 1], [0, 1]], [0, 1])
    >>> union_of_patterns([early, late]).tolist()
    [[0, 1], [1, 0], [1, 1]]
    """
    try:
        states = [as_codes(found.states, "patterns")[0] for found in patterns]
    except (TypeError, AttributeError):
        raise ValueError(
            f"`patterns` must hold Patterns, one per state, got {shown(patterns)}"
        ) from None
    if len({state.shape[1] for state in states}) != 1:
        raise ValueError(
            "`patterns` must be of the same number of features, at least one pattern, "
            f"got {[state.shape[1] for state in states]}"
        )
    together = np.concatenate(states)
    _, first = np.unique(together, axis=0, return_index=True)
    return together[np.sort(first)]
