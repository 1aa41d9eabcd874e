"""Columns of codes as units of a network: Bernoulli for two levels, softmax for more (Section 2.1).

A column with levels 0..L-1 becomes L - 1 units. Unit k is 1 if the code is k; all units are 0 if
the code is 0. So a binary column is one Bernoulli unit, and columns of any numbers of levels can be
mixed. With an input a_k to each unit, P(k) = exp(a_k) / (1 + sum_l exp(a_l)).

`levels` is a tuple with the number of levels of each column, or None if all are binary; it is
static in traced code. The layers of a network hold units as floats, (..., units).
"""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

Levels = tuple[int, ...] | None


class Layout(NamedTuple):
    """Which units belong to which column and code."""

    column: NDArray[np.int32]
    """(units,) the column that each unit belongs to."""
    code: NDArray[np.int32]
    """(units,) the code that each unit stands for, from 1."""
    unit: NDArray[np.int32]
    """(p, L - 1) the unit of each column and code, L being the largest number of levels; the number
    of all units where a column has no such code."""


@cache
def layout(levels: tuple[int, ...]) -> Layout:
    """Return which units belong to which column and code, for columns with these levels."""
    column = np.repeat(np.arange(len(levels), dtype=np.int32), np.array(levels) - 1)
    code = np.concatenate([np.arange(1, count, dtype=np.int32) for count in levels])
    unit = np.full((len(levels), max(levels) - 1), len(column), np.int32)
    unit[column, code - 1] = np.arange(len(column), dtype=np.int32)
    return Layout(column, code, unit)


def num_units(num_columns: int, levels: Levels) -> int:
    """Return how many units the columns have."""
    return num_columns if levels is None else sum(levels) - len(levels)


def num_columns(num_units: int, levels: Levels) -> int:
    """Return how many columns the units belong to."""
    return num_units if levels is None else len(levels)


def to_units(x: jax.Array, levels: Levels = None) -> jax.Array:
    """Turn codes (..., p) into units (..., units)."""
    if levels is None:
        return x.astype(float)
    column, code, _ = layout(levels)
    return (x[..., column] == code).astype(float)


def to_codes(units: jax.Array, levels: Levels = None) -> jax.Array:
    """Turn units (..., units) into codes (..., p) of type int8."""
    if levels is None:
        return units.astype(jnp.int8)
    column, code, _ = layout(levels)
    belongs = column[:, None] == np.arange(len(levels))
    return (units @ jnp.asarray(belongs * code[:, None], units.dtype)).astype(jnp.int8)


def log_normalizer(inputs: jax.Array, levels: Levels = None) -> jax.Array:
    """Return log(1 + sum_k exp(a_k)) for each column, (..., p), from the inputs of its units."""
    if levels is None:
        return jax.nn.softplus(inputs)
    return jax.nn.logsumexp(_with_zero(_by_column(inputs, levels)), axis=-1)


def cross_entropy(inputs: jax.Array, units: jax.Array, levels: Levels = None) -> jax.Array:
    """Return -log P of units (..., units) given their inputs, summed over columns, (...)."""
    return log_normalizer(inputs, levels).sum(axis=-1) - (inputs * units).sum(axis=-1)


def mean(inputs: jax.Array, levels: Levels = None) -> jax.Array:
    """Return the probability that each unit is 1, (..., units)."""
    if levels is None:
        return jax.nn.sigmoid(inputs)
    column, code, _ = layout(levels)
    return jax.nn.softmax(_with_zero(_by_column(inputs, levels)), axis=-1)[..., column, code]


def draw(uniforms: jax.Array, inputs: jax.Array, levels: Levels = None) -> jax.Array:
    """Draw units given their inputs (..., units), from one uniform number per column, (..., p).

    The unit interval is divided among the codes in the order 1, 2, ..., 0; the code of a column is
    the one whose part of the interval contains its uniform number.
    """
    if levels is None:
        return (uniforms < mean(inputs)).astype(inputs.dtype)
    column, code, _ = layout(levels)
    ends = jnp.cumsum(_by_column(mean(inputs, levels), levels, 0.0), axis=-1)
    reached = uniforms[..., None] >= jnp.concatenate([jnp.zeros_like(ends[..., :1]), ends], axis=-1)
    return (reached[..., column, code - 1] & ~reached[..., column, code]).astype(inputs.dtype)


def _by_column(units: jax.Array, levels: tuple[int, ...], missing: float = -jnp.inf) -> jax.Array:
    """Arrange (..., units) as (..., p, L - 1)."""
    padded = jnp.concatenate([units, jnp.full_like(units[..., :1], missing)], axis=-1)
    return padded[..., layout(levels).unit]


def _with_zero(inputs: jax.Array) -> jax.Array:
    """Prepend the input of code 0, which is 0."""
    return jnp.concatenate([jnp.zeros_like(inputs[..., :1]), inputs], axis=-1)
