"""From counts to codes, and from codes to contingency tables (Sections 2.2 and 2.5)."""

from collections.abc import Sequence
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loglin.containers import as_matrix
from loglin.validation import MAX_LEVELS, as_choice, as_codes, as_count, as_number, as_table

MAX_TABLE_BYTES = 2**32
"""Size of the largest dense table that is built (4 GiB)."""
SIZE_FACTOR_RULES = ("all-positive", "positive-counts")


def dichotomize(
    values: Any,
    quantile: float = 0.5,
    *,
    threshold: float | None = None,
    layer: str | None = None,
) -> Any:
    """Return 1 where a value exceeds the given quantile of its column, else 0 (Section 2.5).

    The comparison is strict, so if more than half of a column is zero, the median separates
    zero from all positive values.

    Parameters
    ----------
    values : (n, p) array, data frame, sparse matrix or AnnData
        Real numbers, such as expression values or continuous latents.
    quantile : float
        Between 0 and 1; 0.5 cuts at the median.
    threshold : float, optional
        Cut all columns at this value in place of a quantile; 0 tells whether a gene was detected.
    layer : str, optional
        Layer of the AnnData to use in place of its .X.

    Returns
    -------
    (n, p) int8 array
        For a data frame or AnnData, a data frame with the names of cells and features, which other
        functions then know.

    Raises
    ------
    ValueError
        If `values` is not a table of finite numbers, or another argument is invalid.

    See Also
    --------
    categorize : More than two levels.
    normalize : Counts are divided by size factors before.
    select_features : Takes the codes.

    Examples
    --------
    >>> dichotomize([[0.0, 5.0], [0.0, 7.0], [3.0, 6.0]])
    array([[0, 0],
           [0, 1],
           [1, 0]], dtype=int8)
    """
    quantile = as_number(quantile, "quantile", 0, 1)
    if threshold is not None:
        threshold = as_number(threshold, "threshold", -np.inf)

    def above(block: NDArray[np.float64]) -> NDArray[np.bool_]:
        cut = _quantiles(block, quantile) if threshold is None else threshold
        return np.greater(block, cut)

    return as_matrix(values, "values", layer).map(above, "values")


def categorize(values: Any, num_levels: int, *, layer: str | None = None) -> Any:
    """Return the quantile bin of each value within its column, 0..num_levels-1.

    The bins of a column are cut at its quantiles 1/L, 2/L, ..., (L-1)/L; a value equal to a
    cut goes to the lower bin. Two levels give the same as `dichotomize`.

    Parameters
    ----------
    values : (n, p) array, data frame, sparse matrix or AnnData
        Real numbers, such as expression values or continuous latents.
    num_levels : int
        Number of levels of each column, from 2 to 127.
    layer : str, optional
        Layer of the AnnData to use in place of its .X.

    Returns
    -------
    (n, p) int8 array
        For a data frame or AnnData, a data frame with the names of cells and features.

    Raises
    ------
    ValueError
        As in `dichotomize`, or if `num_levels` is out of range.

    See Also
    --------
    dichotomize : Two levels.
    latent_codes : Only if the values are not codes yet.

    Examples
    --------
    >>> categorize([[1.0], [2.0], [3.0], [4.0]], num_levels=4).ravel()
    array([0, 1, 2, 3], dtype=int8)
    """
    num_levels = as_count(num_levels, "num_levels", 2, MAX_LEVELS)

    def bins(block: NDArray[np.float64]) -> NDArray[np.int8]:
        codes = np.zeros(block.shape, np.int8)
        for cut in _quantiles(block, np.arange(1, num_levels) / num_levels):
            codes += block > cut
        return codes

    return as_matrix(values, "values", layer).map(bins, "values")


def _quantiles(block: NDArray[np.float64], at: Any) -> NDArray[np.float64]:
    """Return quantiles of each column; differences of values are within the range of floats."""
    unit = 4.0 if max(block.max(), -block.min()) > 1e307 else 1.0
    return unit * np.quantile(block / unit if unit > 1 else block, at, axis=0)


def latent_codes(u: ArrayLike) -> NDArray[Any]:
    """Return latents as codes: unchanged if all are whole numbers, else cut at the column medians.

    Parameters
    ----------
    u : (n, r) array
        Latents, real or codes.

    Returns
    -------
    (n, r) array
        Codes of the latents.

    Raises
    ------
    ValueError
        If `u` is not a table of finite numbers.

    See Also
    --------
    dichotomize : Cut in any case.
    categorize : More than two levels.

    Examples
    --------
    >>> latent_codes([[0.3, -1.2], [-0.5, 0.7]])
    array([[1, 0],
           [0, 1]], dtype=int8)
    """
    latents = as_table(u, "u")
    if latents.dtype.kind != "f" or (latents == np.floor(latents)).all():
        return latents
    if not np.isfinite(latents).all():
        raise ValueError(f"`u` must be finite, got {latents[~np.isfinite(latents)][0]}")
    return np.asarray(dichotomize(latents))


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

    See Also
    --------
    dichotomize : Makes codes of values.
    fit : Fits a log-linear model to the table.

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


class DistinctRows(NamedTuple):
    """The different rows of a table of codes, sorted by the first column first."""

    states: NDArray[np.int8]
    """(k, d) each row once."""
    group: NDArray[np.intp]
    """(n,) which of them each row of the table is."""
    counts: NDArray[np.intp]
    """(k,) how often each occurs."""


def distinct_rows(codes: NDArray[np.int8]) -> DistinctRows:
    """Return the different rows of codes (n, d), as `numpy.unique` does along the first axis.

    Where 64 bits are enough, a row is compared as one number whose digits are its codes. `unique`
    compares it as a record, which takes a hundred times as long for 10 columns.

    >>> distinct_rows(np.array([[1, 0], [0, 2], [1, 0]], np.int8)).group.tolist()
    [1, 0, 1]
    """
    levels = [int(column.max(initial=0)) + 1 for column in codes.T]
    if prod(levels) > 2**63:
        found = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
        return DistinctRows(*found)
    number = np.zeros(len(codes), np.int64)
    for column, level in zip(codes.T, levels, strict=True):
        number *= level
        number += column
    number = number.astype(np.min_scalar_type(prod(levels) - 1))  # of 16 bits, sorted by radix
    _, first, group, counts = np.unique(
        number, return_index=True, return_inverse=True, return_counts=True
    )
    return DistinctRows(codes[first], group, counts)


def margin(table: NDArray, axes: tuple[int, ...]) -> NDArray:
    """Return the margin of a table over `axes`; the axes that are summed out keep length 1."""
    others = tuple(axis for axis in range(table.ndim) if axis not in axes)
    return table.sum(axis=others, keepdims=True)


def unit_of(values: NDArray[np.float64]) -> float:
    """Return the power of two that is next to the largest of some numbers that are not negative.

    In this unit squares and reciprocals are within the range of floats, and all roundings the same.

    >>> unit_of(np.array([0.0, 5.0, 3.0]))
    4.0
    """
    return float(np.ldexp(0.5, np.frexp(values.max())[1]))


def size_factors(
    counts: Any,
    rule: Literal["all-positive", "positive-counts"] = "all-positive",
    *,
    layer: str | None = None,
) -> NDArray[np.float64]:
    """Return the size factor of each cell: its sequencing depth relative to a typical cell.

    A cell's factor is the median, over genes, of the ratio of its count to the gene's geometric
    mean over cells. The median is taken of the logarithms, so for an even number of genes it is
    the geometric mean of the middle two ratios.

    Parameters
    ----------
    counts : (n, p) array, data frame, sparse matrix or AnnData
        Number of reads of each gene in each cell.
    rule : "all-positive" or "positive-counts"
        Which genes are used. "all-positive" takes the genes without a zero in any cell, as DESeq
        does; sparse counts have no such gene. "positive-counts" takes, for each cell, the genes
        with a positive count in it; the geometric mean of a gene is then the n-th root of the
        product of its positive counts ("poscounts" in DESeq2).
    layer : str, optional
        Layer of the AnnData to use in place of its .X.

    Returns
    -------
    (n,) array
        Positive; 1 for a typical cell.

    Raises
    ------
    ValueError
        If `counts` are not counts, a cell has no reads, or `rule` is "all-positive" and no gene is
        positive in all cells.

    See Also
    --------
    normalize : Divides the counts by them.

    Examples
    --------
    >>> size_factors([[1, 10, 4], [4, 40, 16]])
    array([0.5, 2. ])
    """
    matrix = as_matrix(counts, "counts", layer)
    as_choice(rule, "rule", SIZE_FACTOR_RULES)
    num_cells, num_genes = matrix.values.shape
    log_sums, num_positive = np.zeros(num_genes), np.zeros(num_genes, np.int64)
    for part, block in matrix.row_blocks():
        is_count = np.isfinite(block) & (block >= 0)
        if not is_count.all():
            row, column = np.argwhere(~is_count)[0]
            raise ValueError(
                f"`counts` must be finite and not negative, got {block[row, column]} in "
                f"{matrix.name(column)} of cell {part.start + row}"
            )
        empty = np.flatnonzero(block.sum(axis=1) == 0)
        if empty.size:
            cell = part.start + empty[0]
            raise ValueError(f"`counts` must have a read in every cell, got none in cell {cell}")
        logarithms, is_positive = _logarithms(block)
        log_sums += logarithms.sum(axis=0)
        num_positive += is_positive.sum(axis=0)
    genes = num_positive > 0 if rule == "positive-counts" else num_positive == num_cells
    if not genes.any():
        raise ValueError(
            "`counts` must have a gene that is positive in all cells, got none: `rule` "
            "'positive-counts' is for sparse counts"
        )
    factors = np.empty(num_cells)
    for part, block in matrix.row_blocks():
        logarithms, is_positive = _logarithms(block)
        ratios = np.where(is_positive, logarithms - log_sums / num_cells, np.nan)[:, genes]
        factors[part] = np.exp(np.nanmedian(ratios, axis=1))
    return factors


def _logarithms(block: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the logarithms of counts, 0 where a count is not positive, and where it is."""
    is_positive = block > 0
    return np.log(block, out=np.zeros_like(block), where=is_positive), is_positive


def normalize(
    counts: Any,
    rule: Literal["all-positive", "positive-counts"] = "all-positive",
    *,
    layer: str | None = None,
) -> Any:
    """Return counts divided by the cells' size factors, ready for `dichotomize`.

    Parameters
    ----------
    counts : (n, p) array, data frame, sparse matrix or AnnData
        Number of reads of each gene in each cell.
    rule : "all-positive" or "positive-counts"
        Which genes are used, as in `size_factors`.
    layer : str, optional
        Layer of the AnnData to use in place of its .X.

    Returns
    -------
    (n, p) array
        For a data frame or AnnData, a data frame with the names of cells and features.

    Raises
    ------
    ValueError
        As in `size_factors`.

    See Also
    --------
    size_factors : The factors alone.
    dichotomize : Cuts the values.

    Examples
    --------
    >>> normalize([[1, 10, 4], [4, 40, 16]])
    array([[ 2., 20.,  8.],
           [ 2., 20.,  8.]])
    """
    factors = size_factors(counts, rule, layer=layer)
    matrix = as_matrix(counts, "counts", layer)
    values = np.empty(matrix.values.shape)
    for part, block in matrix.row_blocks():
        values[part] = block / factors[part, None]
    return values if matrix.columns is None else matrix.frame(values)
