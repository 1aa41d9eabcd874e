"""How far selections agree: by the names of the features, and by what their patterns tell."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from loglin.containers import as_columns_of, names_of
from loglin.tables import distinct_rows
from loglin.validation import as_codes, is_iterable, shown


class Stability(NamedTuple):
    """Agreement of several selections: 1 if they are equal, 0 if they agree by chance alone.

    See Also
    --------
    stability : Makes it.
    """

    by_name: float
    """Agreement of the sets of features (Nogueira, Sechidis & Brown 2018)."""
    by_pattern: float
    """Mean over pairs of selections of the adjusted mutual information of the groups into which
    their patterns divide the samples (Vinh, Epps & Bailey 2010)."""


def stability(x: ArrayLike, choices: Iterable[Sequence[int | str]]) -> Stability:
    """Return how far several selections of features agree.

    Features of one module can stand in for each other, so that selections with few features in
    common may divide the samples into the same groups.

    Parameters
    ----------
    x : (n, p) int array or data frame
        Codes of the features, of the same samples for all selections, best the data.
    choices : iterable of sequences of ints or names
        The features of each selection, at least two selections.

    Returns
    -------
    Stability
        Agreement by name and by pattern.

    Raises
    ------
    ValueError
        If an argument is invalid.

    See Also
    --------
    select_features : Makes a selection.
    stand_ins : Features that take each other's place.

    References
    ----------
    Nogueira, Sechidis & Brown (2018), On the stability of feature selection algorithms, J. Mach.
    Learn. Res. 18. Vinh, Epps & Bailey (2010), Information theoretic measures for clusterings
    comparison, J. Mach. Learn. Res. 11.

    Examples
    --------
    >>> x = np.array([[0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]] * 5)
    >>> found = stability(x, [[0], [1]])
    >>> round(found.by_name, 3), found.by_pattern
    (-0.5, 1.0)
    """
    from sklearn.metrics import adjusted_mutual_info_score

    codes, _ = as_codes(x, "x")
    num_features = codes.shape[1]
    if not is_iterable(choices):
        raise ValueError(f"`choices` must be selections of features, got {shown(choices)}")
    names = names_of(x)
    sets = [as_columns_of(choice, names, num_features, "choices") for choice in choices]
    if len(sets) < 2:
        raise ValueError(f"`choices` must be at least two selections, got {len(sets)}")
    is_chosen = np.zeros((len(sets), num_features))
    for row, chosen in zip(is_chosen, sets, strict=True):
        row[chosen] = 1
    share = is_chosen.mean()
    by_name = (
        1.0 - is_chosen.var(axis=0, ddof=1).mean() / (share * (1 - share)) if share < 1 else 1.0
    )
    groups = [distinct_rows(codes[:, chosen]).group for chosen in sets]
    agreement = [adjusted_mutual_info_score(a, b) for a, b in combinations(groups, 2)]
    return Stability(float(by_name), float(np.mean(agreement)))
