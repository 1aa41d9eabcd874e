"""Transfer of labels between samples with the same pattern (Section 2.6)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.containers import as_columns_of, check_same_names, names_of
from loglin.tables import distinct_rows
from loglin.validation import as_codes, shown


def transfer_labels(
    x_reference: ArrayLike,
    labels: ArrayLike,
    x: ArrayLike,
    features: Sequence[int | str],
    *,
    rng: np.random.Generator,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Give samples the labels of reference samples with the same pattern (Section 2.6, Equation 5).

    If reference samples with the same pattern have different labels, the most frequent label is
    used, and among equally frequent labels the one that comes first. A sample whose pattern no
    reference sample carries gets the label of a randomly drawn reference sample.

    Parameters
    ----------
    x_reference : (m, p) int array or data frame
        Codes of the reference samples.
    labels : (m,) array
        Their labels.
    x : (n, p) int array
        Codes of the samples to be labelled.
    features : sequence of q ints or names
        Columns that form the pattern.
    rng : numpy Generator
        Draws the reference samples of patterns without a match.

    Returns
    -------
    labels : (n,) array
        A label of each sample.
    matched : (n,) bool array
        Whether the pattern was found among the reference samples.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    frequent_patterns : The patterns themselves.
    loglin.plots.label_plot : Draws patterns by labels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> transfer_labels([[0], [1], [1]], ["a", "b", "b"], [[1], [0]], [0], rng=rng)[0].tolist()
    ['b', 'a']
    """
    reference, _ = as_codes(x_reference, "x_reference")
    codes, _ = as_codes(x, "x")
    names = np.asarray(labels)
    if names.dtype.kind == "O":
        raise ValueError("`labels` must all be text or all numbers, got a mixture or objects")
    if names.shape != (len(reference),):
        raise ValueError(
            f"`labels` must be one per row of `x_reference`: expected {len(reference)}, "
            f"got shape {names.shape}"
        )
    if reference.shape[1] != codes.shape[1]:
        raise ValueError(
            f"`x` must have the columns of `x_reference`: expected {reference.shape[1]}, "
            f"got {codes.shape[1]}"
        )
    named, others = names_of(x_reference), names_of(x)
    if named is not None and others is not None:
        check_same_names(others, named, "have the columns of `x_reference` in their order")
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"`rng` must be a numpy Generator, got {shown(rng)}")
    columns = as_columns_of(features, named, codes.shape[1])
    both = np.concatenate([reference[:, columns], codes[:, columns]])
    pattern = distinct_rows(both).group
    known, wanted = pattern[: len(reference)], pattern[len(reference) :]

    kinds, kind = np.unique(names, return_inverse=True)
    votes = np.zeros((pattern.max() + 1, len(kinds)), np.int64)
    np.add.at(votes, (known, kind), 1)
    # Ties within a pattern go to the label whose first sample comes earliest.
    earliest = np.full(votes.shape, len(names))
    np.minimum.at(earliest, (known, kind), np.arange(len(names)))
    winner = (votes * (len(names) + 1) - earliest).argmax(axis=1)

    matched: NDArray[np.bool_] = (votes.sum(axis=1) > 0)[wanted]
    transferred = kinds[winner[wanted]]
    transferred[~matched] = rng.choice(names, size=(~matched).sum())
    return transferred, matched
