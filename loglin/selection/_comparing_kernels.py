"""Compiled kernels of conditional mutual information that compare samples code by code.

They take contiguous arrays and check nothing; they add to arrays in place. `cell[k]` is k log k,
for every number of samples. The samples are `SortedSamples`, with their features in blocks, x (m,
blocks, LANES); so are the results. A loop over the features of a block has a constant length and
becomes a few SIMD instructions; one over all features would leave the last of them to slow single
steps. All G2 are those of [U S][S j] without counts in empty cells.
"""

import numpy as np

from loglin._numba import compiled
from loglin.selection._kernels import FEW, LANES


@compiled
def add_many_information(starts, x, u, num_states, num_values, cell, g2):
    """Add the G2 of patterns with any number of samples to `g2` (latents, blocks, LANES).

    The latents have at most `num_states` levels, the features `num_values`. Terms are added in the
    order of `table_g2`, so that the result is the same to the bit.
    """
    members, bounds = np.empty(len(u), np.intp), np.empty(num_states + 2, np.intp)
    # Of the features of a block:
    same, counts = (
        np.empty((num_values, LANES), np.uint8),
        np.empty((num_values, LANES), np.uint32),
    )
    totals, terms = np.empty((num_values, LANES), np.uint32), np.empty(LANES)
    for g in range(len(starts) - 1):
        n = starts[g + 1] - starts[g]
        for latent in range(len(g2)):
            _sort_by_state(u[:, latent], starts[g], starts[g + 1], bounds, members)
            for block in range(x.shape[1]):
                terms[:] = 0.0
                totals[:] = np.uint32(0)
                for state in range(num_states):
                    in_state = members[bounds[state] : bounds[state + 1]]
                    _count_many(x, in_state, block, same, counts)
                    for value in range(num_values):
                        _add_terms(counts[value], cell, 1.0, terms)
                        for j in range(LANES):
                            totals[value, j] += counts[value, j]
                    for j in range(LANES):
                        terms[j] -= cell[len(in_state)]
                for value in range(num_values):
                    _add_terms(totals[value], cell, -1.0, terms)
                of_block = g2[latent, block]
                for j in range(LANES):
                    of_block[j] += 2.0 * (terms[j] + cell[n])


@compiled
def _count_many(x, members, block, same, counts):
    """Set `counts` (values, LANES) to the numbers of members with each value of a feature."""
    counts[:] = np.uint32(0)
    for begin in range(0, len(members), FEW - 1):
        _count_values(x, members[begin : begin + FEW - 1], block, same)
        for value in range(len(counts)):
            _add_counts(same[value], counts[value])


@compiled
def _add_counts(same, counts):
    """Add counts of one byte to larger ones."""
    for j in range(LANES):
        counts[j] += np.uint32(same[j])


@compiled
def _count_values(x, members, block, same):
    """Do what `_count_many` does for fewer than `FEW` members, which a byte can count.

    Those with the value 0 are what the others leave. All values are counted in turn, as each count
    has to wait for the one before of the same value.
    """
    same[0] = np.uint8(len(members))
    same[1:] = np.uint8(0)
    for i in range(len(members)):
        for value in range(1, len(same)):
            _count_value(x[members[i], block], np.int8(value), same[value])
    for value in range(1, len(same)):
        _subtract(same[value], same[0])


@compiled
def _subtract(same, rest):
    """Subtract counts of one byte."""
    for j in range(LANES):
        rest[j] = np.uint8(rest[j] - same[j])


@compiled
def _add_terms(counts, cell, factor, terms):
    """Add k log k of each count, times a factor."""
    for j in range(LANES):
        # Unsigned indices need no check for negative values, so SIMD is used.
        terms[j] += factor * cell[np.uint64(counts[j])]


@compiled
def add_few_information(starts, x, u, num_states, num_values, cell, g2):
    """Add the G2 of patterns with fewer than `FEW` samples to `g2`, as in `add_many_information`.

    G2 is a sum of k log k over groups of samples with the same values.
    """
    own, same = np.empty(x.shape[1:]), np.empty((num_values, LANES), np.uint8)
    members, bounds = np.empty(FEW, np.intp), np.empty(num_states + 2, np.intp)
    of_pairs = _of_equal_pairs(cell)
    for g in range(len(starts) - 1):
        first, n = starts[g], starts[g + 1] - starts[g]
        if n < 2:
            continue
        has_own = False
        for latent in range(len(g2)):
            _sort_by_state(u[:, latent], first, first + n, bounds, members)
            alone = 0.0
            for state in range(num_states):
                alone += cell[bounds[state + 1] - bounds[state]]
            if alone == cell[n]:  # the latent is constant
                continue
            if not has_own:
                own[:] = 0.0
                _add_groups(x, members[:n], cell, of_pairs, same, own)
                has_own = True
            for block in range(len(own)):
                for j in range(LANES):
                    g2[latent, block, j] += 2.0 * (cell[n] - alone) - own[block, j]
            for state in range(num_states):
                in_state = members[bounds[state] : bounds[state + 1]]
                if len(in_state) > 1:
                    _add_groups(x, in_state, cell, of_pairs, same, g2[latent])


@compiled
def _sort_by_state(u, first, last, bounds, members):
    """Set `members` to first, ..., last - 1 sorted by the state of a latent, `u`.

    Those in state s become members[bounds[s]] to members[bounds[s + 1] - 1].
    """
    bounds[:] = 0
    for i in range(first, last):
        bounds[u[i] + 2] += 1
    for place in range(2, len(bounds)):
        bounds[place] += bounds[place - 1]
    for i in range(first, last):  # each bound moves from where its state starts to where it ends
        members[bounds[u[i] + 1]] = i
        bounds[u[i] + 1] += 1


@compiled
def _of_equal_pairs(cell):
    """Return the sum of k log k over groups of up to five samples, by the number of equal pairs.

    The number tells the sizes of the groups: 2 pairs, for instance, are two groups of two.
    """
    of_pairs = np.zeros(11)
    for pairs, sizes in (
        (1, (2, 0)),
        (2, (2, 2)),
        (3, (3, 0)),
        (4, (3, 2)),
        (6, (4, 0)),
        (10, (5, 0)),
    ):
        for size in sizes:
            if size < len(cell):
                of_pairs[pairs] += cell[size]
    return of_pairs


@compiled
def _add_groups(x, members, cell, of_pairs, same, terms):
    """Add twice the sum of k log k over the groups of members with the same value of a feature.

    `same` (values, LANES) is memory to work in.
    """
    size = len(members)
    for block in range(len(terms)):
        of_block = terms[block]
        if size == 2:  # no lookup
            row, other = x[members[0], block], x[members[1], block]
            for j in range(LANES):
                of_block[j] += 2.0 * of_pairs[1] if row[j] == other[j] else 0.0
        elif size <= 5:
            equal = same[0]
            equal[:] = np.uint8(0)
            for i in range(size):
                for k in range(i):
                    _count_equal(x[members[i], block], x[members[k], block], equal)
            for j in range(LANES):
                of_block[j] += 2.0 * of_pairs[equal[j]]
        else:
            _count_values(x, members, block, same)
            for value in range(len(same)):
                of_value = same[value]
                for j in range(LANES):
                    of_block[j] += 2.0 * cell[of_value[j]]


@compiled
def _count_equal(row, other, same):
    """Add 1 to `same` where two rows have the same value."""
    for j in range(LANES):
        same[j] = np.uint8(same[j] + np.uint8(row[j] == other[j]))


@compiled
def _count_value(row, value, same):
    """Add 1 to `same` where a row has a value."""
    for j in range(LANES):
        same[j] = np.uint8(same[j] + np.uint8(row[j] == value))
