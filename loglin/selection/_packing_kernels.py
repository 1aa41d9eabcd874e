"""Compiled kernels that pack codes into bits and count them, or put codes in order of patterns."""

import numpy as np

from loglin._numba import compiled, popcount


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
def _transpose(block, other):
    """Transpose a 64 x 64 matrix of bits in place, by swapping smaller and smaller squares.

    `other` is memory to work in.
    """
    _swap_squares(block, other, np.uint64(32), np.uint64(0x00000000FFFFFFFF))
    _swap_squares(other, block, np.uint64(16), np.uint64(0x0000FFFF0000FFFF))
    _swap_squares(block, other, np.uint64(8), np.uint64(0x00FF00FF00FF00FF))
    _swap_squares(other, block, np.uint64(4), np.uint64(0x0F0F0F0F0F0F0F0F))
    _swap_squares(block, other, np.uint64(2), np.uint64(0x3333333333333333))
    _swap_squares(other, block, np.uint64(1), np.uint64(0x5555555555555555))


@compiled
def _swap_squares(rows, result, width, mask):
    """Swap squares of bits between rows k and k + 32, and put the two rows side by side.

    The next swap finds its partners 32 rows apart again, so that all of them are one loop of SIMD
    instructions; after six swaps all rows are in order.
    """
    for k in range(32):
        swap = ((rows[k] >> width) ^ rows[k + 32]) & mask
        result[2 * k] = rows[k] ^ (swap << width)
        result[2 * k + 1] = rows[k + 32] ^ swap


@compiled
def count_packed(rows, order, starts, slots, first_latent, ones, both):
    """Count for each pattern how often each bit is set, alone and together with each latent.

    `rows` (n, words) holds the bits of each sample, features first, the latents from bit
    `first_latent` on. The samples order[starts[g]] to order[starts[g + 1] - 1] carry pattern g;
    their counts are added to `ones[slots[g]]` (bits,) and `both[slots[g]]` (latents, bits). The
    samples of a pattern are transposed 64 at a time into one word per bit, so that counting is a
    popcount.
    """
    num_words = rows.shape[1]
    num_latents, num_bits = both.shape[1:]
    block, other = np.empty(64, np.uint64), np.empty(64, np.uint64)
    columns = np.empty((4, num_bits), np.uint64)
    a, b, c, d = columns[0], columns[1], columns[2], columns[3]
    for g in range(len(starts) - 1):
        slot, last = slots[g], starts[g + 1]
        first = starts[g]
        while first < last:
            # Four words at a time are added up before they are added to the counts in memory.
            num_blocks = 4 if last - first >= 256 else 1
            for k in range(num_blocks):
                size = min(64, last - first)
                for word in range(num_words):
                    for i in range(size):
                        block[i] = rows[order[first + i], word]
                    block[size:] = np.uint64(0)
                    _transpose(block, other)
                    for i in range(64):  # copying a slice takes numba seconds to compile
                        columns[k, 64 * word + i] = block[i]
                first += size
            if num_blocks == 4:
                for bit in range(num_bits):
                    ones[slot, bit] += np.uint32(
                        popcount(a[bit]) + popcount(b[bit]) + popcount(c[bit]) + popcount(d[bit])
                    )
                for latent in range(num_latents):
                    place = first_latent + latent
                    in_a, in_b, in_c, in_d = a[place], b[place], c[place], d[place]
                    for bit in range(num_bits):
                        both[slot, latent, bit] += np.uint32(
                            popcount(a[bit] & in_a)
                            + popcount(b[bit] & in_b)
                            + popcount(c[bit] & in_c)
                            + popcount(d[bit] & in_d)
                        )
            else:
                for bit in range(num_bits):
                    ones[slot, bit] += np.uint32(popcount(a[bit]))
                for latent in range(num_latents):
                    state = a[first_latent + latent]
                    for bit in range(num_bits):
                        both[slot, latent, bit] += np.uint32(popcount(a[bit] & state))


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
