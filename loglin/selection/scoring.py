"""G2 of every candidate against a null model (Section 2.2, the closed form of Eq. 1).

The table of (u, S, j), where S are the chosen features, has cells for every pattern of S that could
occur. Let T be this table with `empty` in its empty cells, and N its total. The two null models of
the paper and its authors have a closed form, so that no table is built:

- [U S][j], Eq. 1: G2 = 2 (sum T log(T / T_us) - sum T_j log(T_j / N)), which is 2 N times the
  mutual information of j with (u, S);
- [U S][S j]: G2 = 2 (sum T log(T / T_us) - sum T_sj log(T_sj / T_s)), that of j with u given S.

Only patterns that occur are visited: if log(T / T+) is replaced by log(w T / T+), where j has w
levels, the cells of all other patterns add nothing. Any other null model is fitted to dense tables.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin.hierarchical.fitting import fit_tables
from loglin.hierarchical.generators import degrees_of_freedom
from loglin.selection import _kernels
from loglin.selection.counting import P, SampleSource
from loglin.selection.memory import Memory
from loglin.tables import contingency_table
from loglin.validation import as_number

NullModel = str | Callable[[int], Iterable[Iterable[int]]]
NULL_MODELS = ("joint", "conditional")

_TABLE_SIZE = 2**16
"""Logarithms of counts below this are looked up in a table."""


class Statistic(NamedTuple):
    """The null model, the count of an empty cell, and tables of logarithms for G2."""

    null_model: NullModel
    """ "joint", "conditional", or a function from the number of variables to generators."""
    empty: float
    """Count used for an empty cell."""
    cell: NDArray[np.float64]
    """k log k for k = 1, 2, ...; the entry for 0 is empty log(empty), the term of an empty cell."""
    extra: NDArray[np.float64]
    """(k + empty) log(k + empty)."""


def as_statistic(null_model: Any, empty: float, num_samples: int) -> Statistic:
    """Check the null model and the count of an empty cell; tabulate logarithms."""
    if not (callable(null_model) or (isinstance(null_model, str) and null_model in NULL_MODELS)):
        raise ValueError(
            f"`null_model` must be one of {NULL_MODELS} or callable, got {null_model!r}"
        )
    empty = as_number(empty, "empty", 0)
    counts = np.arange(min(num_samples + 1, _TABLE_SIZE), dtype=np.float64)
    cell, extra = (k * np.log(np.where(k > 0, k, 1.0)) for k in (counts, counts + empty))
    cell[0] = extra[0]
    return Statistic(null_model, empty, cell, extra)


def score(
    columns: SampleSource[P],
    source: SampleSource[P],
    chosen: list[int],
    partition: P,
    statistic: Statistic,
) -> NDArray[np.float64]:
    """Return G2 of the null model for every latent and column, (r, columns).

    Parameters
    ----------
    columns : SampleSource
        The candidates j, with the latents of `source`: `source` itself, or shuffled features.
    source : SampleSource
        Holds the chosen features.
    chosen : list of ints
        Columns of `source`. If they are among `columns`, their own scores are meaningless.
    partition : Partition
        Samples of `source` grouped by the pattern of the chosen features.
    statistic : Statistic
    """
    null_model, empty = statistic.null_model, statistic.empty
    if callable(null_model):
        assert isinstance(columns, Memory)  # `select_features` refuses chunks
        assert isinstance(source, Memory)
        return _score_from_tables(columns, source, chosen, null_model, empty)
    variables = columns.variables
    if not variables.other_pairs:
        return _score_binary(columns, partition, statistic)
    scores = np.empty((len(variables.u_levels), len(variables.x_levels)))
    if len(variables.binary_x) and len(variables.binary_u):
        binary = np.ix_(variables.binary_u, variables.binary_x)
        scores[binary] = _score_binary(columns, partition, statistic)
    tables = columns.pair_tables(partition, variables.other_pairs)
    for (feature, latent), table in zip(variables.other_pairs, tables, strict=True):
        both = _kernels.pair_g2(table, partition.num_possible, empty)
        scores[latent, feature] = both[NULL_MODELS.index(null_model)]
    return scores


def gain_parts(table: NDArray[np.int64], num_possible: float, empty: float) -> tuple[float, float]:
    """Return G2 of [S][j] and of [U S][S j] from counts (patterns that occur, u, j).

    These are the association of j with the chosen features alone, and with u given these features.
    The first is taken in a margin of the table of (u, S, j) with its empty cells filled, the second
    in the table, so that they add up to G2 of [U S][j].
    """
    joint, conditional = _kernels.pair_g2(table, num_possible, empty)
    return max(joint - conditional, 0.0), max(conditional, 0.0)


def rounding(scores: Any, num_samples: int) -> Any:
    """Return the largest difference between scores that counts as rounding.

    In exact arithmetic some scores are equal, such as those of x and 1 - x. A score is a difference
    of sums that grow with the number of samples.
    """
    return 1e-9 * np.maximum(scores, num_samples)


def null_degrees_of_freedom(
    source: SampleSource[Any],
    chosen: list[int],
    num_possible: float,
    feature: int,
    latent: int,
    null_model: NullModel,
) -> float:
    """Return the null model's degrees of freedom, counting all cells that could occur."""
    height = int(source.variables.u_levels[latent])
    width = int(source.variables.x_levels[feature])
    if callable(null_model):
        levels = _table_levels(source, chosen, latent, width)
        return float(degrees_of_freedom(null_model(len(levels)), levels))
    if null_model == "joint":
        return (num_possible * height - 1) * (width - 1)
    return num_possible * (height - 1) * (width - 1)


def _score_binary(
    columns: SampleSource[P], partition: P, statistic: Statistic
) -> NDArray[np.float64]:
    """Return G2 of the null model for all binary columns with all binary latents."""
    variables, empty = columns.variables, statistic.empty
    num_x, num_u, num_bits = len(variables.binary_x), len(variables.binary_u), variables.num_bits
    conditional = statistic.null_model == "conditional"
    given_us, given_s = np.zeros((2, num_u, num_bits))
    occupied = np.zeros((2, num_u, num_bits), np.int64)
    num_states, num_singles = np.zeros((2, num_u), np.int64)
    totals = np.zeros(num_bits)
    for counts in columns.binary_counts(partition):
        _kernels.add_binary_information(
            counts.sizes, counts.ones, counts.both, num_x, statistic.cell, statistic.extra, empty,
            conditional, given_us, given_s, occupied, num_states, num_singles, totals,
        )  # fmt: skip
    scores: NDArray[np.float64] = _kernels.binary_g2(
        given_us, given_s, occupied, num_states, num_singles, totals[:num_x],
        variables.u_levels[variables.binary_u], columns.num_samples, partition.num_patterns,
        partition.num_possible, empty,
    )  # fmt: skip
    return scores[int(conditional)]


def _score_from_tables(
    columns: Memory,
    source: Memory,
    chosen: list[int],
    null_model: Callable[[int], Iterable[Iterable[int]]],
    empty: float,
) -> NDArray[np.float64]:
    """Return G2 of any null model, fitted to a dense table for each latent and column."""
    scores = np.full((len(columns.variables.u_levels), len(columns.variables.x_levels)), np.nan)
    for latent, feature in np.ndindex(scores.shape):
        if columns is source and feature in chosen:
            continue
        width = int(columns.variables.x_levels[feature])
        levels = _table_levels(source, chosen, latent, width)
        codes = np.column_stack([source.u[:, latent], source.x[:, chosen], columns.x[:, feature]])
        table = contingency_table(codes[:, -len(levels) :], levels)
        table[table == 0] = empty
        scores[latent, feature] = fit_tables(table[None], null_model(len(levels))).g2[0]
    return scores


def _table_levels(
    source: SampleSource[Any], chosen: list[int], latent: int, width: int
) -> list[int]:
    """Return the levels of (u, s_1, ..., j), without u if there are no latents."""
    height = int(source.variables.u_levels[latent])
    levels = [*source.variables.x_levels[chosen].tolist(), width]
    return [height, *levels] if height > 1 else levels
