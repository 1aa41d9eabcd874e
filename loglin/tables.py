"""From counts to codes, and from codes to contingency tables (Sections 2.2 and 2.5)."""

from collections.abc import Sequence
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.validation import MAX_LEVELS, as_choice, as_codes, as_count, as_number, as_table

MAX_TABLE_BYTES = 2**32
"""Size of the largest dense table that is built (4 GiB)."""
SIZE_FACTOR_RULES = ("all-positive", "positive-counts")


def dichotomize(values: ArrayLike, quantile: float = 0.5) -> NDArray[np.int8]:
    """Return 1 where a value exceeds the given quantile of its column, else 0 (Sec. 2.5).

    The comparison is strict, so if more than half of a column is zero, the median separates
    zero from all positive values.

    Parameters
    ----------
    values : (n, p) array
        Real numbers, such as expression values or continuous latents.
    quantile : float
        Between 0 and 1; 0.5 cuts at the median.

    Returns
    -------
    (n, p) int8 array

    Raises
    ------
    ValueError
        If `values` is not a table of finite numbers, or `quantile` is not between 0 and 1.

    Examples
    --------
    >>> dichotomize([[0.0, 5.0], [0.0, 7.0], [3.0, 6.0]])
    array([[0, 0],
           [0, 1],
           [1, 0]], dtype=int8)
    """
    values = _as_values(values)
    quantile = as_number(quantile, "quantile", 0, 1)
    return (values > np.quantile(values, quantile, axis=0)).astype(np.int8)


def categorize(values: ArrayLike, num_levels: int) -> NDArray[np.int8]:
    """Return the quantile bin of each value within its column, 0..num_levels-1.

    The bins of a column are cut at its quantiles 1/L, 2/L, ..., (L-1)/L; a value equal to a
    cut goes to the lower bin. Two levels give the same as `dichotomize`.

    Parameters
    ----------
    values : (n, p) array
    num_levels : int
        From 2 to 127.

    Returns
    -------
    (n, p) int8 array

    Raises
    ------
    ValueError
        As in `dichotomize`, or if `num_levels` is out of range.

    Examples
    --------
    >>> categorize([[1.0], [2.0], [3.0], [4.0]], num_levels=4).ravel()
    array([0, 1, 2, 3], dtype=int8)
    """
    values = _as_values(values)
    num_levels = as_count(num_levels, "num_levels", 2, MAX_LEVELS)
    codes = np.zeros(values.shape, np.int8)
    for cut in np.quantile(values, np.arange(1, num_levels) / num_levels, axis=0):
        codes += values > cut
    return codes


def latent_codes(u: ArrayLike) -> NDArray[Any]:
    """Return latents as codes: unchanged if all are whole numbers, else cut at the column medians.

    Parameters
    ----------
    u : (n, r) array

    Returns
    -------
    (n, r) array

    Raises
    ------
    ValueError
        If `u` is not a table of finite numbers.

    Examples
    --------
    >>> latent_codes([[0.3, -1.2], [-0.5, 0.7]])
    array([[1, 0],
           [0, 1]], dtype=int8)
    """
    latents = as_table(u, "u")
    if latents.dtype.kind != "f" or (latents == np.floor(latents)).all():
        return latents
    return dichotomize(_as_values(latents, "u"))


def contingency_table(codes: ArrayLike, levels: Sequence[int] | None = None) -> NDArray[np.float64]:
    """Count how often each combination of values occurs.

    Parameters
    ----------
    codes : (n, d) int array
        One column per variable.
    levels : sequence of d ints, optional
        Number of levels of each variable; by default one more than its largest code, at
        least two.

    Returns
    -------
    float64 array of shape `levels`
        Axis i is column i of `codes`.

    Raises
    ------
    ValueError
        If `codes` are not codes, `levels` do not fit them, or the table would be larger than
        `MAX_TABLE_BYTES`.

    Examples
    --------
    >>> contingency_table([[0, 0], [1, 0], [1, 1], [1, 1]])
    array([[1., 0.],
           [1., 2.]])
    """
    codes, levels = as_codes(codes, "codes", levels)
    num_bytes = 8 * prod(levels)
    if num_bytes > MAX_TABLE_BYTES:
        raise ValueError(
            f"the table of `codes` must fit in {MAX_TABLE_BYTES:,} bytes: "
            f"{len(levels)} variables with {prod(levels):,} cells need {num_bytes:,}"
        )
    cells = np.ravel_multi_index(tuple(codes.T.astype(np.intp)), levels)
    return np.bincount(cells, minlength=prod(levels)).reshape(levels).astype(np.float64)


def margin(table: NDArray, axes: tuple[int, ...]) -> NDArray:
    """Return the margin of a table over `axes`; the axes that are summed out keep length 1."""
    others = tuple(axis for axis in range(table.ndim) if axis not in axes)
    return table.sum(axis=others, keepdims=True)


def size_factors(
    counts: ArrayLike, rule: Literal["all-positive", "positive-counts"] = "all-positive"
) -> NDArray[np.float64]:
    """Return the size factor of each cell: its sequencing depth relative to a typical cell.

    A cell's factor is the median, over genes, of the ratio of its count to the gene's geometric
    mean over cells. The median is taken of the logarithms, so for an even number of genes it is
    the geometric mean of the middle two ratios.

    Parameters
    ----------
    counts : (n, p) array
        Number of reads of each gene in each cell.
    rule : "all-positive" or "positive-counts"
        Which genes are used. "all-positive" takes the genes without a zero in any cell, as DESeq
        does; sparse counts have no such gene. "positive-counts" takes, for each cell, the genes
        with a positive count in it; the geometric mean of a gene is then the n-th root of the
        product of its positive counts ("poscounts" in DESeq2).

    Returns
    -------
    (n,) array

    Raises
    ------
    ValueError
        If `counts` are not counts, a cell has no reads, or `rule` is "all-positive" and no gene is
        positive in all cells.

    Examples
    --------
    >>> size_factors([[1, 10, 4], [4, 40, 16]])
    array([0.5, 2. ])
    """
    table = as_table(counts, "counts").astype(np.float64)
    as_choice(rule, "rule", SIZE_FACTOR_RULES)
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
            "`counts` must have a gene that is positive in all cells, got none: `rule` "
            "'positive-counts' is for sparse counts"
        )
    ratios = np.where(is_positive, logarithms - logarithms.mean(axis=0), np.nan)[:, genes]
    factors: NDArray[np.float64] = np.exp(np.nanmedian(ratios, axis=1))
    return factors


def normalize(
    counts: ArrayLike, rule: Literal["all-positive", "positive-counts"] = "all-positive"
) -> NDArray[np.float64]:
    """Return counts divided by the cells' size factors, ready for `dichotomize`.

    >>> normalize([[1, 10, 4], [4, 40, 16]])
    array([[ 2., 20.,  8.],
           [ 2., 20.,  8.]])
    """
    factors = size_factors(counts, rule)
    return np.asarray(counts, np.float64) / factors[:, None]


def _as_values(values: ArrayLike, name: str = "values") -> NDArray[np.float64]:
    array = as_table(values, name).astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(
            f"`{name}` must be finite (for logarithms of counts, add one first), "
            f"got {array[~np.isfinite(array)][0]}"
        )
    return array
