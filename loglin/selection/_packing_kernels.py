"""Compiled kernels that pack codes into bits, and put samples in the order of their patterns."""

import numpy as np

from loglin._numba import compiled


@compiled
def set_bits(codes, columns, first, rows):
    """Set bit first[k] + v - 1 of a packed row where column columns[k] has the code v > 0."""
    one = np.uint64(1)
    for i in range(len(codes)):
        for k in range(len(columns)):
            # All bits of the column at once, without a branch: none for the code 0.
            bits = (one << np.uint64(codes[i, columns[k]])) >> one
            word, shift = first[k] >> 6, np.uint64(first[k] & 63)
            rows[i, word] |= bits << shift
            beyond = (bits >> one) >> (np.uint64(63) - shift)
            if beyond > 0:  # the column goes on in the next word
                rows[i, word + 1] |= beyond


@compiled
def samples_in_patterns(order, starts, smallest, largest):
    """Return `order` and `starts` of the patterns with `smallest` to `largest` - 1 samples."""
    kept, kept_starts = np.empty_like(order), np.empty_like(starts)
    kept_starts[0] = 0
    num_patterns, num_samples = 0, 0
    for g in range(len(starts) - 1):
        if smallest <= starts[g + 1] - starts[g] < largest:
            for i in range(starts[g], starts[g + 1]):
                kept[num_samples] = order[i]
                num_samples += 1
            num_patterns += 1
            kept_starts[num_patterns] = num_samples
    return kept[:num_samples], kept_starts[: num_patterns + 1]


@compiled
def take(codes, samples, columns, taken):
    """Copy some rows and columns to the first columns of `taken`."""
    in_order = True
    for k in range(len(columns)):
        in_order &= columns[k] == k
    for i in range(len(samples)):
        row, target = codes[samples[i]], taken[i]
        if in_order:  # usual; whole rows are copied at once
            for k in range(len(columns)):
                target[k] = row[k]
        else:
            for k in range(len(columns)):
                target[k] = row[columns[k]]
