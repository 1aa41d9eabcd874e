"""Compiled G2 and X2 of a table in one pass.

The loop over the cells becomes vector instructions, which calls of the library's logarithm would
prevent. So the logarithm is written out.
"""

import numpy as np

from loglin._numba import compiled, from_bits, to_bits

LANES = 64
"""Number of sums that run side by side: a single one would have to wait for each addition."""
PART = 2**16
"""Number of cells that are summed at a time, whatever the number of threads."""
G2, X2, SMALLEST, LARGEST, NUM_COLUMNS = range(5)
"""What is noted of each part, over observed counts n and expected counts m: the sums of
n log(n / m) - (n - m) and of (n - m)^2 / m, and the smallest and the largest n / m, or 1."""

_ONE = np.int64(1023 << 52)
"""The bits of 1.0."""
_FRACTION = np.int64(2**52 - 1)
"""The bits of a float that follow its exponent."""
_ROOT_HALF = np.int64(0x3FE6A09E00000000)
"""The bits of the square root of 1/2, to 20 digits."""
# log(2) in two parts, of which the first has zeros in its last digits, so that its product with an
# exponent is exact.
_LOG2_HIGH, _LOG2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# Coefficients of an approximation to log((1 + s) / (1 - s)) / s - 2 in powers of s^2.
_C1, _C2, _C3, _C4, _C5, _C6, _C7 = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)


@compiled(fused=True)
def log(x, excess):
    """Return the logarithm of x = 1 + excess, a normal positive float.

    The relative error is below two units in the last place, also near 1 if `excess` is exact there.
    The algorithm and the coefficients are those of `e_log.c` in fdlibm (Sun Microsystems 1993):
    x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), and log(1 + f) from s = f / (2 + f).
    """
    bits = to_bits(x) - _ROOT_HALF
    exponent = bits >> np.int64(52)
    fraction = from_bits((bits & _FRACTION) + _ROOT_HALF) - 1.0
    k, f = np.float64(exponent), excess if exponent == 0 else fraction
    s = f / (2.0 + f)
    z = s * s
    tail = z * (_C1 + z * (_C2 + z * (_C3 + z * (_C4 + z * (_C5 + z * (_C6 + z * _C7))))))
    half = 0.5 * f * f
    return k * _LOG2_HIGH - ((half - (s * (half + tail) + k * _LOG2_LOW)) - f)


@compiled
def statistics(observed, expected, first, last, sums):
    """Write what NUM_COLUMNS names to the rows first, ..., last - 1 of `sums`, one for each part.

    `observed` and `expected` are flat. n log(n / m) is 0 if n is 0, (n - m)^2 / m if n = m.
    """
    lanes, bits = np.empty((2, LANES)), np.empty((2, LANES), np.int64)
    size = len(observed)
    for part in range(first, last):
        end = min((part + 1) * PART, size)
        _one_part(observed, expected, part * PART, end, lanes, bits, sums[part])


@compiled
def statistics_of_each(observed, expected, sums, within):
    """Write the same of many tables, (t, cells), to the rows of `sums`, (t, NUM_COLUMNS).

    `within`, (t,), gets whether they are `within_range`.
    """
    lanes, bits = np.empty((2, LANES)), np.empty((2, LANES), np.int64)
    cells = observed.shape[1]
    for t in range(len(observed)):
        _one_part(observed[t], expected[t], 0, cells, lanes, bits, sums[t])
        within[t] = within_range(sums[t])


@compiled(fused=True)
def _one_part(observed, expected, begin, end, lanes, bits, found):
    """Sum the cells begin, ..., end - 1; `lanes` and `bits` are overwritten."""
    # The bits of positive floats have the same order as these, and integers are compared faster.
    logs, squares, smallest, largest = lanes[0], lanes[1], bits[0], bits[1]
    used = min(LANES, end - begin)
    for k in range(used):
        logs[k], squares[k], smallest[k], largest[k] = 0.0, 0.0, _ONE, _ONE
    cell, last = np.uint64(begin), np.uint64(end)
    while cell < last:
        width = min(np.uint64(LANES), last - cell)
        for k in range(width):
            n, m = observed[cell + k], expected[cell + k]
            inverse = 1.0 / m  # divisions are slow
            difference = n - m
            excess = difference * inverse if difference != 0.0 else 0.0
            ratio = n * inverse if n > 0.0 and difference != 0.0 else 1.0
            logs[k] += n * log(ratio, excess) - difference
            squares[k] += difference * excess
            smallest[k] = min(smallest[k], to_bits(ratio))
            largest[k] = max(largest[k], to_bits(ratio))
        cell += width
    found[:] = (0.0, 0.0, 1.0, 1.0)
    for k in range(used):
        found[G2], found[X2] = found[G2] + logs[k], found[X2] + squares[k]
        found[SMALLEST] = min(found[SMALLEST], from_bits(smallest[k]))
        found[LARGEST] = max(found[LARGEST], from_bits(largest[k]))


@compiled
def total(sums):
    """Return the sums G2 and X2 of all parts, and whether all parts are `within_range`."""
    g2, x2, within = 0.0, 0.0, True
    for part in range(len(sums)):
        g2, x2 = g2 + sums[part, G2], x2 + sums[part, X2]
        within = within and within_range(sums[part])
    return g2, x2, within


@compiled
def within_range(found):
    """Tell whether sums are right: floats below 2^-1022 have fewer digits, and above is infinity.

    Then sums that are not finite mean a number beyond the range on the way.
    """
    ratios = found[SMALLEST] >= 2.0**-1022 and found[LARGEST] < np.inf
    return ratios and np.isfinite(found[G2]) and np.isfinite(found[X2])
