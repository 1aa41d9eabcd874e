"""Compiled kernels of what chance contributes to conditional mutual information.

Within a pattern of the chosen features, let a feature be dealt to the samples at random: the counts
of a table are then hypergeometric, given its margins. The kernels take contiguous arrays and check
nothing; they add to arrays in place. `cell[k]` is k log k.
"""

import numpy as np

from loglin._numba import compiled
from loglin.selection._information_kernels import table_g2, x_log_x
from loglin.selection._kernels import MOST, unpack

SMALL = 64
"""Expectations in patterns with at most this many samples are looked up in a table."""
_MEMORY = 2**14
"""Number of expectations of cells that are remembered; a power of 2."""
_NEGLIGIBLE = 1e-10
"""Probability, relative to that of the mode, below which a table does not count."""
_LEAST = 20.0
"""Smallest expected count for which an expectation is expanded in moments, with an error below
1e-4; with fewer it is summed over all tables."""


@compiled
def add_chance(sizes, ones, both, num_x_bits, cell, small, expected, df):
    """Add what chance contributes to G2 in some patterns, for all binary columns.

    Within a pattern, let j be dealt to the samples at random. The expectation of G2 is added to
    `expected`, and its degrees of freedom, 1 unless j or u is constant, to `df`, both (latents,
    features). `small` is a table by `tabulate_expected`.
    """
    num_latents, num_x = expected.shape
    folded, values = np.empty(num_x, np.int64), np.empty((num_latents, num_x))
    counts = np.zeros(num_latents, np.int64)
    known = np.empty(len(cell))
    for g in range(len(sizes)):
        n = np.int64(sizes[g])
        if n < 2:
            continue
        most = 0
        for j in range(num_x):
            folded[j] = min(np.int64(ones[g, j]), n - np.int64(ones[g, j]))
            most = max(most, folded[j])
        for latent in range(num_latents):
            a = np.int64(ones[g, num_x_bits + latent])
            a = min(a, n - a)
            counts[latent] = a
            if a == 0:
                continue
            for j in range(num_x):
                df[latent, j] += folded[j] > 0
            if n <= SMALL:
                for j in range(num_x):
                    expected[latent, j] += small[np.uint64(n), np.uint64(a), np.uint64(folded[j])]
                continue
            same = 0  # an earlier latent with the same count has the same expectations
            while counts[same] != a:
                same += 1
            if same == latent:
                _expect(n, a, folded, most, cell, known, values[latent])
            for j in range(num_x):
                expected[latent, j] += values[same, j]


@compiled
def _expect(n, a, counts, most, cell, known, expected):
    """Set `expected` to the `expected_g2` of a latent with all features; `known` is work space."""
    if a * most >= _LEAST * n:
        _expand(n, a, counts, expected)
    is_tabulated = n < len(cell)
    if is_tabulated:
        known[: min(most, np.int64(_LEAST * n / a)) + 1] = np.nan
    for j in range(len(counts)):
        b = counts[j]
        if a * b >= _LEAST * n:
            continue
        if not is_tabulated:
            expected[j] = expected_g2(n, a, b, cell)
        else:  # features with the same count share their expectation
            if np.isnan(known[b]):
                known[b] = expected_g2(n, a, b, cell)
            expected[j] = known[b]


@compiled
def add_pair_chance(
    sizes, ones, both, layout, num_x_bits, few, cell, keys, known, expected, df
):  # fmt: skip
    """Add what `add_chance` does for pairs of packed columns, (pairs,) each.

    Patterns with fewer than `few` samples are left to `add_few_chance`; `keys` and `known` are as
    in `_known_cell`.
    """
    table = np.empty((MOST, MOST), np.int64)
    for g in range(len(sizes)):
        if sizes[g] < max(2, few):
            continue
        for pair in range(len(layout)):
            height, width = layout[pair, 1], layout[pair, 3]
            unpack(sizes[g], ones[g], both[g], layout[pair], num_x_bits, table)
            by_chance = table_chance(table[:height, :width], cell, keys, known)
            expected[pair] += by_chance[0]
            df[pair] += by_chance[1]


@compiled
def add_few_chance(
    starts, x, u, places, layout, cell, keys, known, expected, df
):  # fmt: skip
    """Do what `add_pair_chance` does, from `SortedSamples`; `places` (pairs, 2) are columns."""
    x_counts = np.zeros((places[:, 1].max() + 1, MOST), np.int64)
    u_counts = np.zeros((u.shape[1], MOST), np.int64)
    for g in range(len(starts) - 1):
        first, last = starts[g], starts[g + 1]
        if last - first < 2:
            continue
        for codes, counts in ((x, x_counts), (u, u_counts)):
            counts[:] = 0
            for i in range(first, last):
                for column in range(len(counts)):
                    counts[column, codes[i, column]] += 1
        for pair in range(len(layout)):
            by_chance = _margins_chance(
                u_counts[places[pair, 0], : layout[pair, 1]],
                x_counts[places[pair, 1], : layout[pair, 3]], cell, keys, known,
            )  # fmt: skip
            expected[pair] += by_chance[0]
            df[pair] += by_chance[1]


@compiled
def table_chance(table, cell, keys, known):
    """Return expectation and degrees of freedom of G2 of a table of counts, given its margins."""
    height, width = table.shape
    rows, columns = np.zeros(height, np.int64), np.zeros(width, np.int64)
    for state in range(height):
        for value in range(width):
            rows[state] += table[state, value]
            columns[value] += table[state, value]
    return _margins_chance(rows, columns, cell, keys, known)


@compiled
def _margins_chance(rows, columns, cell, keys, known):
    """Return expectation and degrees of freedom of G2 of a table with these margins."""
    n, num_rows, num_columns = 0, 0, 0
    for count in rows:
        n += count
        num_rows += count > 0
    for count in columns:
        num_columns += count > 0
    if num_rows < 2 or num_columns < 2:
        return 0.0, 0
    expected = x_log_x(n, cell)
    for a in rows:
        if a > 0:
            expected -= x_log_x(a, cell)
            for b in columns:
                if b > 0:
                    expected += _known_cell(n, a, b, cell, keys, known)
    for b in columns:
        expected -= x_log_x(b, cell)
    return 2.0 * expected, (num_rows - 1) * (num_columns - 1)


def no_known_cells():
    """Return empty memory for `_known_cell`."""
    return np.zeros((_MEMORY, 3), np.int64), np.empty(_MEMORY)


@compiled
def _known_cell(n, a, b, cell, keys, known):
    """Return `_expected_cell`, remembered in `known` (2^k,) under its place in `keys` (2^k, 3)."""
    place = (n * 7919 + a * 131 + b) & (len(keys) - 1)
    if keys[place, 0] != n or keys[place, 1] != a or keys[place, 2] != b:
        keys[place, 0], keys[place, 1], keys[place, 2] = n, a, b
        known[place] = _expected_cell(n, a, b, cell)
    return known[place]


@compiled
def sum_over_tables(tables, cell, keys, known):
    """Return G2 of tables (patterns, u, j), its expectation and its degrees of freedom."""
    g2, expected, df = 0.0, 0.0, 0.0
    for g in range(len(tables)):
        by_chance = table_chance(tables[g], cell, keys, known)
        g2 += table_g2(tables[g], cell)
        expected += by_chance[0]
        df += by_chance[1]
    return g2, expected, df


@compiled
def add_cumulants(
    sizes, ones, both, u_first, u_levels, x_first, x_levels, num_x_bits, few, cumulants
):  # fmt: skip
    """Add half the second and an eighth of the third cumulant of X2 to `cumulants` (2, features).

    Within a pattern, let j be dealt to the samples at random. The X2 of j, summed over the latents,
    is then about a quadratic form in normal variables, whose second and third cumulants are 2 and 8
    times the traces of the square and the cube of the latents' correlation matrix, for each degree
    of freedom of j. Latents of more than two levels are taken to be equally correlated in all their
    dimensions. Patterns with fewer than `few` samples are left to `add_few_cumulants`.
    """
    num_latents = len(u_first)
    table, layout = np.empty((MOST, MOST), np.int64), np.empty(4, np.int64)
    r, scale = np.empty((num_latents, num_latents)), np.empty(num_latents)
    for g in range(len(sizes)):
        n = np.int64(sizes[g])
        if n < max(2, few):
            continue
        for latent in range(num_latents):
            a = np.float64(ones[g, num_x_bits + u_first[latent]])
            scale[latent] = 1.0 / np.sqrt(a * (n - a)) if 0 < a < n else 0.0
        for latent in range(num_latents):
            for other in range(latent + 1):
                layout[0], layout[1] = u_first[latent], u_levels[latent]
                layout[2], layout[3] = num_x_bits + u_first[other], u_levels[other]
                if layout[1] == 2 and layout[3] == 2:
                    a = np.float64(ones[g, num_x_bits + layout[0]])
                    excess = np.float64(n) * both[g, layout[0], layout[2]] - a * ones[g, layout[2]]
                    r[latent, other] = excess * scale[latent] * scale[other]
                else:
                    unpack(n, ones[g], both[g], layout, num_x_bits, table)
                    r[latent, other] = _correlation(table[: layout[1], : layout[3]], n)
                r[other, latent] = r[latent, other]
        square, cube = _traces(r, u_levels)
        for j in range(len(x_first)):
            rest, num_values = n, 0
            for bit in range(x_first[j], x_first[j] + x_levels[j] - 1):
                rest -= np.int64(ones[g, bit])
                num_values += ones[g, bit] > 0
            num_values += rest > 0
            cumulants[0, j] += (num_values - 1) * square
            cumulants[1, j] += (num_values - 1) * cube


@compiled
def add_few_cumulants(starts, x, u, u_levels, cumulants):
    """Do what `add_cumulants` does, from `SortedSamples`."""
    num_latents = u.shape[1]
    table, seen = np.zeros((MOST, MOST), np.int64), np.empty(MOST, np.int64)
    r = np.empty((num_latents, num_latents))
    for g in range(len(starts) - 1):
        first, last = starts[g], starts[g + 1]
        if last - first < 2:
            continue
        for latent in range(num_latents):
            for other in range(latent + 1):
                table[:] = 0
                for i in range(first, last):
                    table[u[i, latent], u[i, other]] += 1
                tabulated = table[: u_levels[latent], : u_levels[other]]
                r[latent, other] = r[other, latent] = _correlation(tabulated, last - first)
        square, cube = _traces(r, u_levels)
        for j in range(cumulants.shape[1]):
            seen[:] = 0
            for i in range(first, last):
                seen[x[i, j]] = 1
            cumulants[0, j] += (seen.sum() - 1) * square
            cumulants[1, j] += (seen.sum() - 1) * cube


@compiled
def _traces(r, levels):
    """Return the traces of the square and the cube of a correlation matrix of variables.

    A variable has one dimension less than levels; two share the dimensions of the one with fewer.
    """
    square, cube = 0.0, 0.0
    for k in range(len(r)):
        for other in range(k + 1):
            shared = min(levels[k], levels[other]) - 1
            weight = 1.0 if other == k else 2.0
            square += weight * shared * r[k, other] ** 2
            product = 0.0
            for third in range(len(r)):
                product += min(shared, levels[third] - 1) * r[k, third] * r[other, third]
            cube += weight * product * r[k, other]
    return square, cube


@compiled
def _correlation(table, n):
    """Return the correlation in each shared dimension of two variables: X2 = n r^2 dimensions."""
    return np.sqrt(_phi_squared(table, n) / (min(table.shape) - 1))


@compiled
def _phi_squared(table, n):
    """Return X2 / n of a table of n samples."""
    height, width = table.shape
    total = 0.0
    for value in range(width):
        column = 0
        for state in range(height):
            column += table[state, value]
        for state in range(height):
            if table[state, value] > 0:
                total += np.float64(table[state, value]) ** 2 / column / table[state].sum()
    return max(total - 1.0, 0.0)


@compiled
def tabulate_expected(cell):
    """Return `expected_g2` of all 2 x 2 tables with at most `SMALL` samples."""
    half = SMALL // 2
    table = np.zeros((SMALL + 1, half + 1, half + 1))
    for n in range(2, SMALL + 1):
        for a in range(1, n // 2 + 1):
            for b in range(a, n // 2 + 1):
                table[n, a, b] = table[n, b, a] = expected_g2(n, a, b, cell)
    return table


@compiled
def expected_g2(n, a, b, cell):
    """Return the expectation of G2 of a 2 x 2 table with margins (a, n - a) and (b, n - b).

    `a` and `b` are at most n / 2. The count k in the first cell is hypergeometric.
    """
    if a == 0 or b == 0:
        return 0.0
    if n < len(cell):
        terms = _expected_terms(n, a, b, cell)
    else:
        both, first, second, none = _expected_cells(n, a, b, cell)
        terms = both + first + second + none
    rows = x_log_x(a, cell) + x_log_x(n - a, cell)
    columns = x_log_x(b, cell) + x_log_x(n - b, cell)
    return 2.0 * (terms - (rows + columns - x_log_x(n, cell)))


@compiled
def _expected_terms(n, a, b, cell):
    """Return the sum of `_expected_cells`, for counts that are all in the table; much faster."""
    mode = (a + 1) * (b + 1) // (n + 2)
    rest, top = n - a - b, min(a, b)
    total, terms = 1.0, _cells_in_table(rest, a, b, mode, cell)
    weight, k = 1.0, mode
    # The four counts are also kept as floats, since conversions take longer than sums.
    both, first, second, none = k + 1.0, np.float64(a - k), np.float64(b - k), rest + k + 1.0
    while k < top and weight > _NEGLIGIBLE:
        weight *= first * second / (both * none)
        k += 1
        both, first, second, none = both + 1.0, first - 1.0, second - 1.0, none + 1.0
        total += weight
        terms += weight * _cells_in_table(rest, a, b, k, cell)
    weight, k = 1.0, mode
    both, first, second, none = np.float64(k), a - k + 1.0, b - k + 1.0, np.float64(rest + k)
    while k > 0 and weight > _NEGLIGIBLE:
        weight *= both * none / (first * second)
        k -= 1
        both, first, second, none = both - 1.0, first + 1.0, second + 1.0, none - 1.0
        total += weight
        terms += weight * _cells_in_table(rest, a, b, k, cell)
    return terms / total


@compiled
def _cells_in_table(rest, a, b, k, cell):
    """Return the sum of k log k over the cells of a 2 x 2 table; `rest` is n - a - b."""
    return (
        cell[np.uint64(k)]
        + cell[np.uint64(a - k)]
        + cell[np.uint64(b - k)]
        + cell[np.uint64(rest + k)]
    )


@compiled
def _expected_cell(n, a, b, cell):
    """Return the expectation of k log k of the cell of a table with margins a and b."""
    flip_a, flip_b = a > n - a, b > n - b
    cells = _expected_cells(n, n - a if flip_a else a, n - b if flip_b else b, cell)
    if flip_a:
        return cells[3] if flip_b else cells[2]
    return cells[1] if flip_b else cells[0]


@compiled
def _expected_cells(n, a, b, cell):
    """Return the expectations of k log k, for the counts k in the cells of a 2 x 2 table.

    The margins a and b are at most n / 2. The probabilities of the hypergeometric count are summed
    outwards from its mode, until they no longer count.
    """
    rest = n - a - b
    mode = (a + 1) * (b + 1) // (n + 2)
    total, both, first, second, none = 0.0, 0.0, 0.0, 0.0, 0.0
    weight = 1.0
    k = mode
    while k <= min(a, b) and weight > _NEGLIGIBLE:
        total += weight
        both += weight * x_log_x(k, cell)
        first += weight * x_log_x(a - k, cell)
        second += weight * x_log_x(b - k, cell)
        none += weight * x_log_x(rest + k, cell)
        weight *= (a - k) * (b - k) / ((k + 1.0) * (rest + k + 1.0))
        k += 1
    weight, k = 1.0, mode
    while k > 0 and weight > _NEGLIGIBLE:
        weight *= k * (rest + k) / ((a - k + 1.0) * (b - k + 1.0))
        k -= 1
        total += weight
        both += weight * x_log_x(k, cell)
        first += weight * x_log_x(a - k, cell)
        second += weight * x_log_x(b - k, cell)
        none += weight * x_log_x(rest + k, cell)
    return both / total, first / total, second / total, none / total


@compiled
def _expand(n, a, counts, expected):
    """Set `expected` to `expected_g2` of all `counts` of the other variable, if they are large.

    The terms k log k are expanded about the expected counts, up to the eighth central moment of k;
    each moment follows from those before it. All four cells deviate equally from their
    expectations, so the sum of their powers is a product of sums over the rows and the columns.
    """
    v, w = n / a, n / (n - a)
    row_1, row_2, row_3, row_4 = v + w, v**2 - w**2, v**3 + w**3, v**4 - w**4
    row_5, row_6, row_7 = v**5 + w**5, v**6 - w**6, v**7 + w**7
    for j in range(len(counts)):
        b = np.float64(max(counts[j], 1))
        mean = a * b / n
        s, t = (a - mean) * (b - mean), 2.0 * mean - a - b
        m2 = s / (n - 1)
        m3 = (s + t * 2 * m2 + m2) / (n - 2)
        m4 = (s * (1 + 3 * m2) + t * 3 * (m2 + m3) + m2 + 3 * m3) / (n - 3)
        m5 = (s * (1 + 6 * m2 + 4 * m3) + t * (4 * m2 + 6 * m3 + 4 * m4) + m2 + 4 * m3 + 6 * m4) / (
            n - 4
        )
        m6 = (
            s * (1 + 10 * m2 + 10 * m3 + 5 * m4)
            + t * 5 * (m2 + 2 * m3 + 2 * m4 + m5)
            + m2 + 5 * m3 + 10 * m4 + 10 * m5
        ) / (n - 5)  # fmt: skip
        m7 = (
            s * (1 + 15 * m2 + 20 * m3 + 15 * m4 + 6 * m5)
            + t * (6 * m2 + 15 * m3 + 20 * m4 + 15 * m5 + 6 * m6)
            + m2 + 6 * m3 + 15 * m4 + 20 * m5 + 15 * m6
        ) / (n - 6)  # fmt: skip
        m8 = (
            s * (1 + 21 * m2 + 35 * m3 + 35 * m4 + 21 * m5 + 7 * m6)
            + t * 7 * (m2 + 3 * m3 + 5 * m4 + 5 * m5 + 3 * m6 + m7)
            + m2 + 7 * m3 + 21 * m4 + 35 * m5 + 35 * m6 + 21 * m7
        ) / (n - 7)  # fmt: skip
        c, d = 1.0 / b, 1.0 / (n - b)
        c2, d2 = c * c, d * d
        c3, d3, c4, d4 = c2 * c, d2 * d, c2 * c2, d2 * d2
        expected[j] = (
            m2 * row_1 * (c + d)
            - m3 * row_2 * (c2 - d2) / 3
            + m4 * row_3 * (c3 + d3) / 6
            - m5 * row_4 * (c4 - d4) / 10
            + m6 * row_5 * (c4 * c + d4 * d) / 15
            - m7 * row_6 * (c4 * c2 - d4 * d2) / 21
            + m8 * row_7 * (c4 * c3 + d4 * d3) / 28
        )
