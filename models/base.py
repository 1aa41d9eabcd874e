"""What every generative model is: a few pure functions (Section 2.1)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from numpy.typing import NDArray

MAX_LEVELS = 127
"""Of a feature; codes are int8."""


class Samples(NamedTuple):
    """Synthetic features with the latents they were drawn with."""

    x: jax.Array
    """(n, p) codes of the features."""
    u: jax.Array
    """(n, r) latents as the model gives them: real for a VAE, codes for a DBM."""


class GenerativeModel(NamedTuple):
    """A model that learns the joint distribution of features and latents.

    The functions are pure: what is learned is in `state`, and each key is used once. `state`
    and `info` are whatever the model needs, as pytrees of arrays.
    """

    init: Callable[[jax.Array, ArrayLike], Any]
    """init(key, x) -> state, before any training; x is the (n, p) training data."""
    epoch: Callable[[jax.Array, Any, ArrayLike], tuple[Any, Any]]
    """epoch(key, state, x) -> (state, info) after one pass through the data."""
    sample: Callable[[jax.Array, Any, int], Samples]
    """sample(key, state, num_samples) -> Samples."""
    bound: Callable[[jax.Array, Any, ArrayLike], jax.Array] | None = None
    """bound(key, state, x) -> (n,) estimates of a lower bound of log P(x), in nats, where the
    model has one; codes x are not checked, so that it can be traced."""
    check: Callable[[ArrayLike], Any] | None = None
    """check(x) raises a ValueError if the model cannot take these data, where it tells; `init`
    does so as well."""


def as_data(x: Any, name: str = "x") -> jax.Array:
    """Check data at the door: a table of codes; return it as int8."""
    return jnp.asarray(_as_table(x, name))


def as_codes(x: Any, num_features: int, levels: tuple[int, ...] | None) -> jax.Array:
    """Check data at a model's door: a column for each feature, of codes below its levels."""
    table = _as_table(x, "x")
    if table.shape[1] != num_features:
        raise ValueError(
            f"`x` must have one column for each feature: expected {num_features}, "
            f"got {table.shape[1]}"
        )
    highest = table.max(axis=0)
    too_high = np.flatnonzero(highest >= (2 if levels is None else np.array(levels)))
    if too_high.size:
        column = too_high[0]
        expected = "zeros and ones" if levels is None else f"codes below {levels[column]}"
        raise ValueError(f"`x` must hold {expected} in column {column}, got {highest[column]}")
    return jnp.asarray(table)


def _as_table(x: Any, name: str) -> NDArray[np.int8]:
    if isinstance(x, np.ma.MaskedArray):
        raise ValueError(f"`{name}` must not be masked")
    try:
        array = np.asarray(x)
    except ValueError:  # numpy's message speaks of inhomogeneous shapes
        raise ValueError(f"`{name}` must have rows of equal length, got ragged ones") from None
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"`{name}` must have two dimensions, at least one row and one column, "
            f"got shape {array.shape}"
        )
    if array.dtype.kind not in "fiub":
        raise ValueError(f"`{name}` must hold codes, got dtype {array.dtype}")
    unexpected = array[~((array >= 0) & (array < MAX_LEVELS) & (array == np.floor(array)))]
    if unexpected.size:
        raise ValueError(f"`{name}` must hold codes 0, 1, ..., got {unexpected[0]}")
    return array.astype(np.int8)


def check_key(key: Any) -> None:
    """Check that a random key is a single one, of JAX's new kind."""
    is_key = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not is_key or key.shape != ():
        raise ValueError(f"`key` must be one JAX key such as jax.random.key(0), got {key!r}")


def check_type(name: str, value: Any, expected: type) -> None:
    """Check that an argument is of the class that the next step relies on."""
    if not isinstance(value, expected):
        raise ValueError(
            f"`{name}` must be of type {expected.__name__}, got {type(value).__name__}"
        )


def check_count(name: str, value: Any, smallest: int = 1) -> None:
    """Check that a setting is an integer of at least `smallest`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < smallest:
        raise ValueError(f"`{name}` must be an integer of at least {smallest}, got {value!r}")


def as_training_data(
    x: Any,
    num_features: int,
    levels: tuple[int, ...] | None,
    batch_size: int,
    name: str = "batch_size",
) -> jax.Array:
    """Check codes as `as_codes` does, and that they fill a batch of the setting `name`."""
    data = as_codes(x, num_features, levels)
    if len(data) < batch_size:
        raise ValueError(
            f"`x` must have at least `{name}` rows: expected {batch_size}, got {len(data)}"
        )
    return data
