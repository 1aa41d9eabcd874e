"""All compiled code: flat contiguous arrays in, numbers and arrays out, no checks."""

import numpy as np
from numba import njit


@njit(cache=True)
def fit_margins(counts, expected, margin_cells, margin_sizes, limit, max_iterations):
    """Fit the margins of `counts` iteratively and proportionally, changing `expected` in place.

    `margin_cells[g, c]` is the margin cell of generator g that table cell c belongs to.
    Returns the number of cycles and the largest deviation of a fitted margin, measured just
    before each adjustment of the last cycle: the cycle that finds all within `limit` is the
    last.
    """
    num_generators, num_cells = margin_cells.shape
    largest = margin_sizes.max()
    targets = np.zeros((num_generators, largest))
    for g in range(num_generators):
        for c in range(num_cells):
            targets[g, margin_cells[g, c]] += counts[c]
    fitted = np.empty(largest)
    deviation = np.inf
    iterations = 0
    while iterations < max_iterations and deviation > limit:
        iterations += 1
        deviation = 0.0
        for g in range(num_generators):
            fitted[:] = 0.0
            for c in range(num_cells):
                fitted[margin_cells[g, c]] += expected[c]
            for m in range(margin_sizes[g]):
                deviation = max(deviation, abs(targets[g, m] - fitted[m]))
                # 0/0 is 0: nothing is expected where a whole margin is empty.
                fitted[m] = targets[g, m] / fitted[m] if fitted[m] > 0.0 else 0.0
            for c in range(num_cells):
                expected[c] *= fitted[margin_cells[g, c]]
    return iterations, deviation


@njit(cache=True)
def candidate_information(x, u, starts, x_levels, u_levels, num_patterns, empty, candidates):
    """Log-likelihood terms of every candidate j with every latent u, given the chosen set S.

    The samples are sorted by the pattern of the chosen features: pattern g holds the samples
    starts[g] to starts[g + 1] of x (p, n) and u (r, n); `num_patterns` counts all patterns
    that could occur. With T the table of (u, S, j) in which empty cells count `empty`, the
    terms are sums over all cells of T log(T / T+), where T+ is T summed over j. They are
    returned for the whole table (given u and S), for the table summed over u (given S) and
    for the margin of j (alone), each (r, p).
    """
    num_candidates, num_latents, num_samples = len(candidates), len(u), x.shape[1]
    xlogx = np.zeros(num_samples + 1)
    for count in range(1, num_samples + 1):
        xlogx[count] = count * np.log(count)
    empty_log = empty * np.log(empty) if empty > 0.0 else 0.0

    given_us = np.zeros((num_latents, num_candidates))
    given_s = np.zeros((num_latents, num_candidates))
    alone = np.zeros((num_latents, num_candidates))
    counts = np.zeros((u_levels.max(), x_levels.max()), np.int64)
    for column in range(num_candidates):
        values = x[candidates[column]]
        width = x_levels[candidates[column]]
        margin = np.zeros(width)
        column_counts = np.zeros(width, np.int64)
        for value in values:
            column_counts[value] += 1
        for latent in range(num_latents):
            states = u[latent]
            height = u_levels[latent]
            occupied = np.zeros(width, np.int64)
            for g in range(len(starts) - 1):
                counts[:height, :width] = 0
                for i in range(starts[g], starts[g + 1]):
                    counts[states[i], values[i]] += 1
                num_empty_of_pattern = 0
                for state in range(height):
                    total = num_empty = 0
                    for value in range(width):
                        count = counts[state, value]
                        if count > 0:
                            given_us[latent, column] += xlogx[count]
                            occupied[value] += 1
                            total += count
                        else:
                            num_empty += 1
                    given_us[latent, column] += num_empty * empty_log
                    given_us[latent, column] -= _plogp(total, num_empty * empty, xlogx)
                    num_empty_of_pattern += num_empty
                for value in range(width):
                    total = num_empty = 0
                    for state in range(height):
                        total += counts[state, value]
                        num_empty += counts[state, value] == 0
                    given_s[latent, column] += _plogp(total, num_empty * empty, xlogx)
                given_s[latent, column] -= _plogp(
                    starts[g + 1] - starts[g], num_empty_of_pattern * empty, xlogx
                )
            # A pattern without samples is empty all over, so its terms are the same each time.
            num_unseen = num_patterns - (len(starts) - 1)
            unseen = num_unseen * empty * height * width * np.log(width)
            given_us[latent, column] -= unseen
            given_s[latent, column] -= unseen
            num_cells = num_patterns * height
            for value in range(width):
                margin[value] = column_counts[value] + empty * (num_cells - occupied[value])
            total = margin.sum()
            for value in range(width):
                if margin[value] > 0.0:
                    alone[latent, column] += margin[value] * np.log(margin[value] / total)
    return given_us, given_s, alone


@njit(cache=True)
def _plogp(count, extra, xlogx):
    """(count + extra) * log(count + extra), from the table where nothing is added."""
    if extra == 0.0:
        return xlogx[count]
    return (count + extra) * np.log(count + extra)
