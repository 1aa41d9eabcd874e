"""What every generative model is: three pure functions (Section 2.1)."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike


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


def as_data(x: Any) -> jax.Array:
    """Check training data at the door: a table of integers; return it as int8."""
    try:
        array = np.asarray(x)
    except ValueError:  # numpy's message speaks of inhomogeneous shapes
        raise ValueError("`x` must have rows of equal length, got ragged ones") from None
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            "`x` must have two dimensions, at least one row and one column, "
            f"got shape {array.shape}"
        )
    if array.dtype.kind not in "fiub":
        raise ValueError(f"`x` must hold codes, got dtype {array.dtype}")
    unexpected = array[~((array >= 0) & (array < 127) & (array == np.floor(array)))]
    if unexpected.size:
        raise ValueError(f"`x` must hold codes 0, 1, ..., got {unexpected[0]}")
    return jnp.asarray(array.astype(np.int8))


def check_binary(x: jax.Array, num_features: int) -> None:
    """Check that data from `as_data` are (n, p) zeros and ones."""
    if x.shape[1] != num_features:
        raise ValueError(
            f"`x` must have `num_features` columns: expected {num_features}, got {x.shape[1]}"
        )
    if x.max() > 1:
        raise ValueError(f"`x` must hold zeros and ones, got {x.max()}")


def check_key(key: Any) -> None:
    """Check that a random key is a single one, of JAX's new kind."""
    is_key = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not is_key or key.shape != ():
        raise ValueError(f"`key` must be one JAX key such as jax.random.key(0), got {key!r}")


def check_count(name: str, value: Any, smallest: int = 1) -> None:
    """Check that a setting is an integer of at least `smallest`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < smallest:
        raise ValueError(f"`{name}` must be an integer of at least {smallest}, got {value!r}")
