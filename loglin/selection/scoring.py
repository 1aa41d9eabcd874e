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

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loglin._threads import equal_parts, in_threads
from loglin.hierarchical.fitting import fit_tables
from loglin.hierarchical.parameters import degrees_of_freedom
from loglin.selection import _chance_kernels as _chance
from loglin.selection import _comparing_kernels as _comparing
from loglin.selection import _information_kernels as _information
from loglin.selection import _kernels
from loglin.selection._kernels import LANES
from loglin.selection.counting import P, SampleSource, SortedSamples, Variables
from loglin.selection.memory import Memory
from loglin.tables import contingency_table
from loglin.validation import as_choice, as_flag, as_number, shown

NullModel = str | Callable[[int], Iterable[Iterable[int]]]
NULL_MODELS = ("joint", "conditional")
ACROSS = ("max", "sum")

_TABLE_SIZE = 2**16
"""Logarithms of counts below this are looked up in a table."""
_WORK_OF_A_THREAD = 2**17
"""Another thread is started for each so many counts whose expectations are computed."""


class Statistic(NamedTuple):
    """What is scored, with tables of logarithms for it."""

    null_model: NullModel
    """ "joint", "conditional", or a function from the number of variables to generators."""
    empty: float
    """Count used for an empty cell."""
    across: str
    """Whether a gain is the maximum or the sum of the scores over the latents."""
    corrected: bool
    """Whether the expectation by chance is subtracted."""
    cell: NDArray[np.float64]
    """k log k for k = 1, 2, ...; the entry for 0 is empty log(empty), the term of an empty cell."""
    extra: NDArray[np.float64]
    """(k + empty) log(k + empty)."""


LEAST_EMPTY, MOST_EMPTY = 1e-10, 1e6
"""Smallest count for an empty cell of tables that are fitted, where products of far smaller margins
are 0, and largest count of any: sums of far larger ones over all possible cells overflow."""


class Scores(NamedTuple):
    """G2 of the null model for every latent and column, and the part of it that is by chance."""

    values: NDArray[np.float64]
    """(r, columns) G2, less its expectation by chance if the statistic is corrected."""
    expected: NDArray[np.float64]
    """(r, columns) the expectation by chance; 0 if the statistic is not corrected."""
    df: NDArray[np.float64]
    """(r, columns) degrees of freedom, counting patterns in which both variables vary; 0 if the
    statistic is not corrected."""
    cumulants: NDArray[np.float64]
    """(2, columns) of the sum over the latents by chance, about: half the second cumulant, and an
    eighth of the third; 0 likewise."""


def as_statistic(
    null_model: Any,
    empty: Any,
    num_samples: int,
    across: Any = "max",
    corrected: Any = False,
) -> Statistic:
    """Check what is to be scored; tabulate logarithms."""
    if not (callable(null_model) or (isinstance(null_model, str) and null_model in NULL_MODELS)):
        raise ValueError(
            f"`null_model` must be one of {NULL_MODELS} or callable, got {shown(null_model)}"
        )
    as_choice(across, "across", ACROSS)
    as_flag(corrected, "corrected")
    if corrected and null_model != "conditional":
        raise ValueError(f"`corrected` needs `null_model` 'conditional', got {shown(null_model)}")
    if empty is None:
        empty = 0.0 if corrected else 0.5
    empty = as_number(empty, "empty", 0, MOST_EMPTY)
    if callable(null_model) and 0 < empty < LEAST_EMPTY:
        raise ValueError(
            f"`empty` must be 0 or at least {LEAST_EMPTY} where `null_model` is callable, got "
            f"{empty}"
        )
    if corrected and empty > 0:
        raise ValueError(f"`empty` must be 0 where `corrected` is true, got {empty:g}")
    counts = np.arange(min(num_samples + 1, _TABLE_SIZE), dtype=np.float64)
    cell = extra = counts * np.log(np.maximum(counts, 1.0))
    if empty > 0:
        extra = (counts + empty) * np.log(counts + empty)
        cell[0] = extra[0]
    return Statistic(null_model, empty, across, corrected, cell, extra)


def score(
    columns: SampleSource[P],
    source: SampleSource[P],
    chosen: list[int],
    partition: P,
    statistic: Statistic,
) -> Scores:
    """Return G2 of the null model for every latent and column.

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
    shape = len(columns.variables.u_levels), len(columns.variables.x_levels)
    if callable(null_model):
        assert isinstance(columns, Memory)  # `select_features` refuses chunks
        assert isinstance(source, Memory)
        values = _score_from_tables(columns, source, chosen, null_model, empty)
        return Scores(values, *np.zeros((2, *shape)), np.zeros((2, shape[1])))
    if null_model == "conditional" and empty == 0:
        return _score_information(columns, partition, statistic)
    return _score_closed_form(columns, partition, statistic)


def _score_closed_form(columns: SampleSource[P], partition: P, statistic: Statistic) -> Scores:
    """Return G2 of [U S][j] or [U S][S j] with any count in empty cells."""
    variables, empty = columns.variables, statistic.empty
    num_u, num_x = variables.u_planes.num_binary, variables.x_planes.num_binary
    first_latent, pairs = variables.x_planes.num_bits, variables.packed_pairs
    conditional = statistic.null_model == "conditional"
    given_us, given_s = np.zeros((2, num_u, num_x))
    occupied = np.zeros((2, num_u, num_x), np.int64)
    num_states, num_singles = np.zeros((2, num_u), np.int64)
    totals = np.zeros(num_x)
    of_pairs = _kernels.no_pair_terms(len(pairs.layout)) if len(pairs.layout) else ()
    for counts in columns.packed_counts(partition):
        _kernels.add_binary_information(
            *counts, first_latent, statistic.cell, statistic.extra, empty, conditional, given_us,
            given_s, occupied, num_states, num_singles, totals,
        )  # fmt: skip
        if len(pairs.layout):
            _kernels.add_packed_pairs(
                *counts, pairs.layout, first_latent, columns.few, empty, statistic.cell, *of_pairs
            )
    for codes in columns.sorted_samples(partition, 1, columns.few) if of_pairs else ():
        _kernels.add_few_pairs(*codes, pairs.places, pairs.layout, empty, statistic.cell, *of_pairs)
    patterns = partition.num_patterns, partition.num_possible
    u_columns = variables.u_planes.columns[:num_u]
    binary = _kernels.binary_g2(
        given_us, given_s, occupied, num_states, num_singles, totals,
        variables.u_levels[u_columns], columns.num_samples, *patterns, empty,
    )  # fmt: skip
    which = int(conditional)
    values = binary[which]
    if not variables.all_binary:
        wide = [
            _kernels.pair_g2(table, partition.num_possible, empty, statistic.cell)[which]
            for table in columns.pair_tables(partition, variables.wide_pairs)
        ]
        others = np.zeros(0)
        if of_pairs:
            others = _kernels.packed_pairs_g2(pairs.layout, *of_pairs, *patterns, empty)[which]
        values = _of_all_pairs(variables, values, others, wide)
    zeros = np.zeros(values.shape)
    return Scores(values, zeros, zeros, np.zeros((2, values.shape[1])))


def _score_information(columns: SampleSource[P], partition: P, statistic: Statistic) -> Scores:
    """Return G2 of [U S][S j] without counts in empty cells, corrected for chance if asked."""
    variables, cell, corrected = columns.variables, statistic.cell, statistic.corrected
    x_planes, u_planes, pairs = variables.x_planes, variables.u_planes, variables.packed_pairs
    first_latent, few, small = x_planes.num_bits, columns.few, _small_expectations()
    # G2, its expectation, and its degrees of freedom
    binary = np.zeros((3, u_planes.num_binary, x_planes.num_binary))
    others = np.zeros((3, len(pairs.layout)))
    cumulants = np.zeros((2, len(x_planes.columns)))
    has_others = len(pairs.layout) > 0
    # To compare samples code by code takes less time than to pack and count them, if all logarithms
    # can be looked up; only the expectations need the counts.
    compares = few > 0 and not corrected and columns.num_samples < len(cell)
    # All but binary pairs remember the expectations of cells.
    memory = () if variables.all_binary else _chance.no_known_cells()
    packs = not compares or variables.has_binary_pairs
    for counts in columns.packed_counts(partition) if packs else ():
        _information.add_information(*counts, first_latent, cell, binary[0])
        if corrected:
            # Each thread has latents of its own, so the order of the sums stays the same.
            num_threads = min(columns.num_threads, counts.both.size // _WORK_OF_A_THREAD)
            in_threads(
                _chance.add_chance,
                [
                    (*counts, first_latent + part.start, cell, small, *binary[1:, part])
                    for part in equal_parts(u_planes.num_binary, num_threads)
                ],
            )
            _chance.add_cumulants(
                *counts, u_planes.first, u_planes.levels, x_planes.first, x_planes.levels,
                first_latent, few, cumulants,
            )  # fmt: skip
        if has_others and not compares:
            of_pairs = (*counts, pairs.layout, first_latent, few, cell)
            _information.add_pair_information(*of_pairs, others[0])
            if corrected:
                _chance.add_pair_chance(*of_pairs, *memory, *others[1:])
    if variables.all_binary:
        return Scores(binary[0] - binary[1], binary[1], binary[2], cumulants)
    if compares:
        many = columns.sorted_samples(partition, few, columns.num_samples + 1)
        others[0] = _compare(_comparing.add_many_information, many, variables, cell)
    for codes in columns.sorted_samples(partition, 1, few) if has_others else ():
        others[0] += _compare(_comparing.add_few_information, [codes], variables, cell)
        if corrected:
            _chance.add_few_chance(*codes, pairs.places, pairs.layout, cell, *memory, *others[1:])
            _chance.add_few_cumulants(*codes, u_planes.levels, cumulants)
    wide = np.zeros((3, len(variables.wide_pairs)))
    tables = columns.pair_tables(partition, variables.wide_pairs)
    for number, table in enumerate(tables):
        wide[:, number] = _chance.sum_over_tables(
            table, cell, *(memory or _chance.no_known_cells())
        )
    g2 = _of_all_pairs(variables, binary[0], others[0], wide[0])
    if not corrected:
        zeros = np.zeros(g2.shape)
        return Scores(g2, zeros, zeros, np.zeros((2, g2.shape[1])))
    expected, df = (_of_all_pairs(variables, binary[k], others[k], wide[k]) for k in (1, 2))
    return Scores(g2 - expected, expected, df, _with_wide(variables, df, cumulants))


def _compare(
    add: Callable[..., None],
    samples: Iterable[SortedSamples],
    variables: Variables,
    cell: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return G2 of the packed pairs in some patterns, added up by one of `_comparing_kernels`."""
    x_planes, u_planes = variables.x_planes, variables.u_planes
    most_levels = int(u_planes.levels.max()), int(x_planes.levels.max())
    g2 = np.zeros((len(u_planes.columns), -(-len(x_planes.columns) // LANES), LANES))
    for starts, x, u in samples:
        add(starts, x.reshape(len(x), -1, LANES), u, *most_levels, cell, g2)
    latents, features = variables.packed_pairs.places.T
    of_pairs: NDArray[np.float64] = g2.reshape(len(g2), -1)[latents, features]
    return of_pairs


def _with_wide(
    variables: Variables, df: NDArray[np.float64], cumulants: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the cumulants of all features (2, columns), from those of the packed columns.

    The associations of columns that are not packed are not counted. The roots of the traces are
    norms, so those of a sum are at most the sum of those of its parts.
    """
    powers = np.array([[[2]], [[3]]])
    roots = df ** (1 / powers)  # of each latent alone, (2, r, columns)
    all_wide: NDArray[np.float64] = roots.sum(axis=1)
    columns, is_wide = variables.x_planes.columns, np.ones(len(df), bool)
    is_wide[variables.u_planes.columns] = False
    all_wide[:, columns] = roots[:, is_wide][:, :, columns].sum(axis=1)
    all_wide[:, columns] += np.maximum(cumulants, 0) ** (1 / powers[:, 0])
    return all_wide ** powers[:, 0]


def _of_all_pairs(
    variables: Variables,
    binary: NDArray[np.float64],
    packed: NDArray[np.float64],
    wide: Sequence[float] | NDArray[np.float64],
) -> NDArray[np.float64]:
    """Put the values of all pairs in their places, (r, columns)."""
    values = np.empty((len(variables.u_levels), len(variables.x_levels)))
    rows = variables.u_planes.columns[: variables.u_planes.num_binary]
    values[rows[:, None], variables.x_planes.columns[: variables.x_planes.num_binary]] = binary
    values[variables.packed_pairs.latents, variables.packed_pairs.features] = packed
    for (feature, latent), value in zip(variables.wide_pairs, wide, strict=True):
        values[latent, feature] = value
    return values


@cache
def _small_expectations() -> NDArray[np.float64]:
    """Return the expectations of G2 in small tables, which are the same for all data."""
    counts = np.arange(_chance.SMALL + 1.0)
    table: NDArray[np.float64] = _chance.tabulate_expected(counts * np.log(np.maximum(counts, 1.0)))
    return table


def feature_g2(counts: NDArray[np.int64], statistic: Statistic) -> float:
    """Return G2 of [S][j] from counts (patterns, values of j), without counts in empty cells."""
    return max(float(_information.table_g2(counts, statistic.cell)), 0.0)


def gain_parts(
    table: NDArray[np.int64], num_possible: float, statistic: Statistic
) -> tuple[float, float]:
    """Return G2 of [S][j] and of [U S][S j] from counts (patterns that occur, u, j).

    These are the association of j with the chosen features alone, and with u given these features.
    The first is taken in a margin of the table of (u, S, j) with its empty cells filled, the second
    in the table, so that they add up to G2 of [U S][j].
    """
    joint, conditional = _kernels.pair_g2(table, num_possible, statistic.empty, statistic.cell)
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
    latents: list[int] | None,
    null_model: NullModel,
) -> float:
    """Return the null model's degrees of freedom, counting all cells that could occur.

    They are summed over the tables of the feature with these latents, or with all.
    """
    width = int(source.variables.x_levels[feature])
    heights = source.variables.u_levels.tolist()
    df = 0.0
    for latent in range(len(heights)) if latents is None else latents:
        if callable(null_model):
            levels = _table_levels(source, chosen, latent, width)
            df += degrees_of_freedom(null_model(len(levels)), levels)
        elif null_model == "joint":
            df += (num_possible * heights[latent] - 1) * (width - 1)
        else:
            df += num_possible * (heights[latent] - 1) * (width - 1)
    return df


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
