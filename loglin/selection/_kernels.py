"""Compiled kernels of the selection.

They take contiguous arrays and check nothing; they return results or add to arrays in place.
"""

import numpy as np

from loglin._numba import compiled

MOST = 16
"""Largest number of levels of a packed column."""
FEW = 256
"""Patterns with fewer samples are compared sample by sample where columns are not binary; as many
are counted in a byte."""
LANES = 64
"""Features whose codes are compared at once."""


@compiled
def add_binary_information(
    sizes, ones, both, first_latent, cell, extra, empty, conditional, given_us, given_s, occupied,
    num_states, num_singles, totals,
):  # fmt: skip
    """Add the terms of some patterns to the G2 of all binary candidates and latents.

    `pair_g2` explains the terms. Here they are computed from the counts of `count_packed` and added
    to `given_us` (latents, bits) and, if `conditional`, to `given_s` (latents, bits). `occupied`
    (2, latents, bits) and `num_states` (latents,) are as in `_g2`; `totals` (bits,) sums the ones.
    A state with a single sample has the same term whatever the value of the sample, so such states
    are only counted, in `num_singles` (latents,).
    `cell[k]` is k log k, but `cell[0]` is empty log(empty), the term of an empty cell, and
    `extra[k]` is (k + empty) log(k + empty). For larger counts logarithms are computed.
    """
    num_latents, num_bits = given_us.shape
    blank = _x_log_x(2 * empty)
    with_empty = np.empty(4)
    for g in range(len(sizes)):
        for bit in range(num_bits):
            totals[bit] += ones[g, bit]
        for latent in range(num_latents):
            in_state = ones[g, first_latent + latent]
            for state in range(2):
                n = in_state if state == 1 else sizes[g] - in_state
                if n == 0:
                    continue
                num_states[latent] += 1
                if n == 1:
                    num_singles[latent] += 1
                    for bit in range(num_bits):
                        a = both[g, latent, bit]
                        a = a if state == 1 else ones[g, bit] - a
                        occupied[1, latent, bit] += a
                        occupied[0, latent, bit] += n - a
                elif n < len(cell):
                    full, partly = cell[np.uint64(n)], extra[np.uint64(n)]
                    for bit in range(num_bits):
                        a = both[g, latent, bit]
                        a = a if state == 1 else ones[g, bit] - a
                        b = n - a
                        # Unsigned indices need no check for negative values, so SIMD is used.
                        given_us[latent, bit] += (
                            cell[np.uint64(a)]
                            + cell[np.uint64(b)]
                            - (full if (a > 0) & (b > 0) else partly)
                        )
                        occupied[1, latent, bit] += a > 0
                        occupied[0, latent, bit] += b > 0
                else:
                    for bit in range(num_bits):
                        a = both[g, latent, bit]
                        a = a if state == 1 else ones[g, bit] - a
                        b = n - a
                        num_empty = np.intp(a == 0) + np.intp(b == 0)
                        given_us[latent, bit] += (
                            (_x_log_x(np.float64(a)) if a > 0 else cell[0])
                            + (_x_log_x(np.float64(b)) if b > 0 else cell[0])
                            - _x_log_x(n + num_empty * empty)
                        )
                        occupied[1, latent, bit] += a > 0
                        occupied[0, latent, bit] += b > 0
            if conditional:
                n = sizes[g]
                for num_empty in range(4):
                    with_empty[num_empty] = _x_log_x(n + num_empty * empty)
                for bit in range(num_bits):
                    num_ones = ones[g, bit]
                    a = both[g, latent, bit]
                    b = in_state - a
                    empty_1 = np.intp(a == 0) + np.intp(num_ones == a)
                    empty_0 = np.intp(b == 0) + np.intp(n - num_ones == b)
                    given_s[latent, bit] += (
                        _value_total(num_ones, empty_1, cell, extra, empty, blank)
                        + _value_total(n - num_ones, empty_0, cell, extra, empty, blank)
                        - with_empty[empty_0 + empty_1]
                    )


@compiled
def binary_g2(
    given_us, given_s, occupied, num_states, num_singles, totals, heights, num_samples,
    num_patterns, num_possible, empty,
):  # fmt: skip
    """Return G2 of [U S][j] and of [U S][S j], each (latents, features).

    The sums are those of `add_binary_information`; `totals` (features,) are the numbers of samples
    with a one, `heights` the levels of the latents. If `given_s` was not computed, the second
    result is meaningless.
    """
    num_latents, num_x = len(heights), len(totals)
    scores = np.empty((2, num_latents, num_x))
    single = _x_log_x(empty) - _x_log_x(1.0 + empty)
    counts, filled = np.empty(2), np.empty(2)
    for latent in range(num_latents):
        for j in range(num_x):
            counts[0], counts[1] = num_samples - totals[j], totals[j]
            filled[0], filled[1] = occupied[0, latent, j], occupied[1, latent, j]
            scores[0, latent, j], scores[1, latent, j] = _g2(
                given_us[latent, j] + num_singles[latent] * single, given_s[latent, j],
                counts, filled, num_states[latent], heights[latent], num_patterns, num_possible,
                empty,
            )  # fmt: skip
    return scores


@compiled
def _value_total(count, num_empty, cell, extra, empty, blank):
    """Return T log T, T a value's total over two states, `num_empty` of which lack the value."""
    if num_empty == 2:
        return blank
    if count < len(cell):
        return extra[np.uint64(count)] if num_empty == 1 else cell[np.uint64(count)]
    return _x_log_x(count + num_empty * empty)


@compiled
def count_pair(x, u, order, starts, slots, table):
    """Add the samples of each pattern g to table[slots[g], u, x]; `x` and `u` (n,) are codes."""
    for g in range(len(starts) - 1):
        for i in range(starts[g], starts[g + 1]):
            table[slots[g], u[order[i]], x[order[i]]] += 1


@compiled
def pair_g2(table, num_possible, empty, cell):
    """Return G2 of [U S][j] and of [U S][S j] from counts (patterns that occur, u, j).

    `num_possible` patterns could occur.
    """
    num_patterns, height, width = table.shape
    sums, counts, occupied = np.zeros(3), np.zeros(width), np.zeros(width)
    by_value = np.empty(width)
    for g in range(num_patterns):
        _add_pair(table[g], empty, cell, sums, counts, occupied, by_value)
    return _g2(
        sums[0], sums[1], counts, occupied, sums[2], height, num_patterns, num_possible, empty
    )


@compiled
def add_packed_pairs(
    sizes, ones, both, layout, num_x_bits, few, empty, cell, sums, counts, occupied
):  # fmt: skip
    """Add the terms of some patterns to the G2 of pairs of packed columns.

    `layout` (pairs, 4) is first bit and levels of the latent, then of the feature; the other arrays
    are `PackedCounts`, and rows for each pair of what `packed_pairs_g2` turns into G2. Patterns
    with fewer than `few` samples are left to `add_few_pairs`.
    """
    table, by_value = np.empty((MOST, MOST), np.int64), np.empty(MOST)
    for g in range(len(sizes)):
        if sizes[g] < few:
            continue
        for pair in range(len(layout)):
            height, width = layout[pair, 1], layout[pair, 3]
            unpack(sizes[g], ones[g], both[g], layout[pair], num_x_bits, table)
            _add_pair(
                table[:height, :width], empty, cell, sums[pair], counts[pair], occupied[pair],
                by_value,
            )  # fmt: skip


@compiled
def add_few_pairs(
    starts, x, u, places, layout, empty, cell, sums, counts, occupied
):  # fmt: skip
    """Do what `add_packed_pairs` does, from `SortedSamples`; `places` (pairs, 2) are columns."""
    table, by_value = np.zeros((MOST, MOST), np.int64), np.empty(MOST)
    for g in range(len(starts) - 1):
        for pair in range(len(layout)):
            height, width = layout[pair, 1], layout[pair, 3]
            latent, feature = places[pair]
            for i in range(starts[g], starts[g + 1]):
                table[u[i, latent], x[i, feature]] += 1
            _add_pair(
                table[:height, :width], empty, cell, sums[pair], counts[pair], occupied[pair],
                by_value,
            )  # fmt: skip
            for i in range(starts[g], starts[g + 1]):
                table[u[i, latent], x[i, feature]] = 0


def no_pair_terms(num_pairs):
    """Return the terms that `add_packed_pairs` adds to, all zero."""
    return np.zeros((num_pairs, 3)), *np.zeros((2, num_pairs, MOST))


@compiled
def packed_pairs_g2(layout, sums, counts, occupied, num_patterns, num_possible, empty):
    """Return G2 of [U S][j] and of [U S][S j], each (pairs,), from their terms."""
    scores = np.empty((2, len(layout)))
    for pair in range(len(layout)):
        height, width = layout[pair, 1], layout[pair, 3]
        scores[0, pair], scores[1, pair] = _g2(
            sums[pair, 0], sums[pair, 1], counts[pair, :width], occupied[pair, :width],
            sums[pair, 2], height, num_patterns, num_possible, empty,
        )  # fmt: skip
    return scores


@compiled
def unpack(size, ones, both, pair, num_x_bits, table):
    """Set `table` to the counts (u, j) of a pair of packed columns in one pattern.

    The lowest level has no bit; its counts are what the others leave of the total.
    """
    first_u, height, first_x, width = pair
    table[0, 0] = size
    for value in range(1, width):
        count = np.int64(ones[first_x + value - 1])
        table[0, value] = count
        table[0, 0] -= count
    for state in range(1, height):
        in_state = np.int64(ones[num_x_bits + first_u + state - 1])
        table[state, 0] = in_state
        for value in range(1, width):
            count = np.int64(both[first_u + state - 1, first_x + value - 1])
            table[state, value] = count
            table[state, 0] -= count
            table[0, value] -= count
        table[0, 0] -= table[state, 0]


@compiled
def _add_pair(table, empty, cell, sums, counts, occupied, by_value):
    """Add the terms of one pattern to the G2 of a pair, from its counts (u, j).

    Let T be the counts with 0 replaced by `empty`, and T+ the sum of T over j. The terms are sums
    of T log(T / T+): `sums[0]` over the cells of the table, except those of states of u without
    samples, and `sums[1]` over the table summed over u. `sums[2]` is the number of states with
    samples; `counts` and `occupied` are as in `_g2`, `cell` as in `add_binary_information`, and
    `by_value` is memory to work in.
    """
    height, width = table.shape
    by_value[:width] = 0.0
    num_blank = 0
    for state in range(height):
        n, num_empty = 0, 0
        terms = 0.0
        for value in range(width):
            n += table[state, value]
        if n == 0:
            num_blank += 1
            continue
        for value in range(width):
            count = table[state, value]
            if count == 0:
                num_empty += 1
                terms += cell[0]
                by_value[value] += empty
            else:
                terms += cell[count] if count < len(cell) else _x_log_x(np.float64(count))
                counts[value] += count
                occupied[value] += 1.0
                by_value[value] += count
        sums[2] += 1
        sums[0] += terms - _x_log_x(n + num_empty * empty)
    total = 0.0
    for value in range(width):
        by_value[value] += num_blank * empty
        total += by_value[value]
        sums[1] += _x_log_x(by_value[value])
    sums[1] -= _x_log_x(total)


@compiled
def _g2(
    given_us, given_s, counts, occupied, num_states, height, num_patterns, num_possible, empty
):  # fmt: skip
    """Return G2 of [U S][j] and of [U S][S j] for one candidate and latent, from their terms.

    `counts` are the numbers of samples with each value of j, `occupied` the numbers of cells of
    (u, S) with such a sample, and `num_states` is the number of cells with any sample. With w
    values of j, log(T / T+) is replaced by log(w T / T+). This shifts all sums by the same amount,
    and cells of patterns and states without samples, where T / T+ is 1 / w, add nothing. So no
    large numbers cancel, however many patterns could occur.
    """
    width = len(counts)
    num_samples, num_occupied = counts.sum(), occupied.sum()
    shift = np.log(width)
    given_us += shift * (num_samples + empty * (width * num_states - num_occupied))
    given_s += shift * (num_samples + empty * (width * height * num_patterns - num_occupied))
    num_cells = num_possible * height
    total = num_samples + empty * (width * num_cells - num_occupied)
    alone = 0.0
    for value in range(width):
        margin = counts[value] + empty * (num_cells - occupied[value])
        if margin > 0.0:
            excess = width * counts[value] - num_samples
            excess += empty * (num_occupied - width * occupied[value])
            # The logarithm of w margin / total: exact near 1, and where a value hardly occurs.
            if 2.0 * excess > -total:
                alone += margin * np.log1p(excess / total)
            else:
                alone += margin * np.log(width * margin / total)
    return 2.0 * (given_us - alone), 2.0 * (given_us - given_s)


@compiled
def refine(order, starts, codes, num_levels):
    """Split every pattern by the value of one more feature, keeping the order of the samples.

    Return the new `order` and `starts`, where combinations without samples are left out, and the
    counts of all combinations (patterns, values).
    """
    if num_levels == 2:
        return _refine_by_two(order, starts, codes)
    new_order = np.empty_like(order)
    new_starts = np.empty(min(len(order), (len(starts) - 1) * num_levels) + 1, starts.dtype)
    new_starts[0] = 0
    num_patterns = 0
    position = np.empty(num_levels, np.intp)
    counts = np.zeros((len(starts) - 1, num_levels), np.int64)
    for g in range(len(starts) - 1):
        in_pattern = counts[g]
        for i in range(starts[g], starts[g + 1]):
            in_pattern[codes[order[i]]] += 1
        end = starts[g]
        for value in range(num_levels):
            position[value] = end
            end += in_pattern[value]
            if in_pattern[value] > 0:
                num_patterns += 1
                new_starts[num_patterns] = end
        for i in range(starts[g], starts[g + 1]):
            value = codes[order[i]]
            new_order[position[value]] = order[i]
            position[value] += 1
    return new_order, new_starts[: num_patterns + 1], counts


@compiled
def _refine_by_two(order, starts, codes):
    """Do what `refine` does for two levels, without a branch or a counter in memory."""
    new_order = np.empty_like(order)
    new_starts = np.empty(2 * len(starts), starts.dtype)
    new_starts[0] = 0
    num_patterns = 0
    ones = np.empty_like(order)
    counts = np.empty((len(starts) - 1, 2), np.int64)
    for g in range(len(starts) - 1):
        next_zero, num_ones = starts[g], 0
        for i in range(starts[g], starts[g + 1]):
            # Write to both places; only one of the two positions moves on.
            new_order[next_zero] = ones[num_ones] = order[i]
            value = codes[order[i]]
            num_ones += value
            next_zero += 1 - value
        for i in range(num_ones):
            new_order[next_zero + i] = ones[i]
        counts[g, 0], counts[g, 1] = next_zero - starts[g], num_ones
        for end in (next_zero, starts[g + 1]):
            if end > new_starts[num_patterns]:
                num_patterns += 1
                new_starts[num_patterns] = end
    return new_order, new_starts[: num_patterns + 1], counts


@compiled
def _x_log_x(value):
    """Return value * log(value), 0 at 0."""
    return value * np.log(value) if value > 0.0 else 0.0
