"""From raw counts to expression: size factors as in DESeq (Section 2.5; Anders & Huber 2010)."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.tables import as_choice, as_table

RULES = ("all-positive", "positive-counts")


def size_factors(
    counts: ArrayLike, rule: Literal["all-positive", "positive-counts"] = "all-positive"
) -> NDArray[np.float64]:
    """Return how deeply each cell is sequenced, relative to a typical one.

    A cell's factor is the median, over genes, of the ratio of its count to the gene's geometric
    mean over cells. The median is taken of logarithms, so between an even number of genes it is
    the geometric mean of the middle two.

    Parameters
    ----------
    counts : (n, p) array
        Reads of each gene in each cell, not negative.
    rule : "all-positive" or "positive-counts"
        Which genes count. "all-positive" takes those without a zero in any cell, as DESeq does.
        In sparse counts there is no such gene. "positive-counts" takes for each cell the genes
        that it has; the geometric mean of a gene is then the n-th root of the product of its
        positive counts ("poscounts" in DESeq2).

    Returns
    -------
    (n,) array

    Raises
    ------
    ValueError
        If `counts` are none, no gene is positive in all cells although the rule asks for it, or a
        cell has no reads at all.

    Examples
    --------
    >>> size_factors([[1, 10, 4], [4, 40, 16]])
    array([0.5, 2. ])
    """
    table = as_table(counts, "counts").astype(np.float64)
    as_choice(rule, "rule", RULES)
    if not np.isfinite(table).all() or (table < 0).any():
        raise ValueError("`counts` must be finite and not negative")
    empty = np.flatnonzero(table.sum(axis=1) == 0)
    if empty.size:
        raise ValueError(f"`counts` must have a read in every cell, got none in cell {empty[0]}")
    is_positive = table > 0
    logarithms = np.log(table, out=np.zeros_like(table), where=is_positive)
    genes = is_positive.any(axis=0) if rule == "positive-counts" else is_positive.all(axis=0)
    if not genes.any():
        raise ValueError(
            "`counts` have no gene that is positive in all cells: `rule` 'positive-counts' is for "
            "sparse counts"
        )
    ratios = np.where(is_positive, logarithms - logarithms.mean(axis=0), np.nan)[:, genes]
    factors: NDArray[np.float64] = np.exp(np.nanmedian(ratios, axis=1))
    return factors


def normalize(
    counts: ArrayLike, rule: Literal["all-positive", "positive-counts"] = "all-positive"
) -> NDArray[np.float64]:
    """Return counts divided by the cells' size factors, ready for `loglin.dichotomize`.

    >>> normalize([[1, 10, 4], [4, 40, 16]])
    array([[ 2., 20.,  8.],
           [ 2., 20.,  8.]])
    """
    factors = size_factors(counts, rule)
    return np.asarray(counts, np.float64) / factors[:, None]
