"""Random values: what arguments should be, nearly are, and never should be."""

from fractions import Fraction

import numpy as np
from scipy import sparse

NUMBERS = [
    None, -1, 0, 1, 2, 3, 5, 127, 128, 2**31, 2**63, 2**64 + 1, -(2**63), 0.5, -0.5, -0.0, 1.0, 2.5,
    np.nan, np.inf, -np.inf, 1e308, 1e-320, True, False, np.int8(3), np.uint64(2**63),
    np.float32(2), np.True_, 1j, Fraction(1, 3),
]  # fmt: skip
WORDS = ["", "a", "A", "é", "A*B", "max", "sum", "joint", "\n", "x\x00", "0", "[A][B]", b"bytes"]
OTHERS = [
    [], (), {}, set(), [0], [[0]], [None], [[]], [[0], [1, 2]], ["a"], range(2), object(),
    {"A": ["x", "y"]}, np.zeros(0), np.zeros((0, 2)), np.array(3), np.array([["a"]]),
    np.datetime64(0, "s"), np.zeros((1, 1, 1)), np.array([None]), np.zeros(2, [("a", int)]), ...,
    np.random.default_rng(0), sparse.csr_array(np.eye(2)), np.ma.masked_equal([[0, 1]], 1),
]  # fmt: skip


def one_of(rng, choices):
    return choices[rng.integers(len(choices))]


def anything(rng):
    """Return a value that is rarely right."""
    return one_of(rng, one_of(rng, [NUMBERS, NUMBERS, WORDS, OTHERS]))


def spoiled(rng, arguments, most_of=()):
    """Return arguments of which up to two are replaced.

    Counts in `most_of` say how often something is repeated: a large one is no mistake.
    """
    arguments = dict(arguments)
    for _ in range(rng.choice(3, p=[0.4, 0.4, 0.2])):
        name = one_of(rng, list(arguments))
        value = anything(rng)
        is_large = isinstance(value, int | np.integer) and value > 127
        arguments[name] = 3 if name in most_of and is_large else value
    return arguments


def some(rng, options):
    """Return a random part of optional arguments, each with one of its values."""
    return {name: one_of(rng, values) for name, values in options.items() if rng.random() < 0.3}


def in_a_form(rng, array):
    """Return the same numbers in some container, type, order and stride."""
    array = np.asarray(array)
    forms = [
        lambda a: a,
        lambda a: a,
        np.ndarray.tolist,
        lambda a: a.astype(one_of(rng, ["b", "B", ">i2", "u8", "f4", ">f8", "f2", "?", "O", "c8"])),
        np.asfortranarray,
        lambda a: a[..., ::-1] if a.ndim else a,
        lambda a: np.ma.masked_array(a),
        sparse.csr_matrix if array.ndim == 2 else np.asarray,
        lambda a: a.T,
        lambda a: a[..., None],
        lambda a: a.ravel(),
        lambda a: np.where(rng.random(a.shape) < 0.1, one_of(rng, [np.nan, -1, 1e30, 0.5]), a),
        _as_frame,
    ]
    with np.errstate(all="ignore"):
        return one_of(rng, forms)(array)


def _as_frame(array):
    import pandas as pd

    if array.ndim != 2:
        return pd.Series(array.ravel())
    return pd.DataFrame(array, columns=[f"g{k}" for k in range(array.shape[1])])


def codes(rng, n, columns, most_levels=5):
    """Return codes, most of them in small tables."""
    most = one_of(rng, [2, 2, 3, most_levels, 127])
    return rng.integers(rng.integers(1, most + 1, size=columns), size=(n, columns))


def frequencies(rng, most_axes=5):
    """Return a table with zeros, or of numbers near the limits of floats."""
    shape = rng.integers(1, 5, size=rng.integers(0 if rng.random() < 0.1 else 1, most_axes + 1))
    table = rng.poisson(rng.choice([0.3, 2.0, 50.0]), size=shape).astype(float)
    scale = rng.choice([1.0, 1.0, 1.0, 0.1, 1e-300, 1e-310, 1e100, 1e300, 1e307])
    with np.errstate(over="ignore"):
        return table * scale
