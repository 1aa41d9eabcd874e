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


def as_binary(x: Any, num_features: int) -> jax.Array:
    """Check training data at the door: (n, p) zeros and ones; return them as int8."""
    array = np.asarray(x)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            "`x` must have two dimensions, at least one row and one column, "
            f"got shape {array.shape}"
        )
    if array.shape[1] != num_features:
        raise ValueError(
            f"`x` must have `num_features` columns: expected {num_features}, got {array.shape[1]}"
        )
    unexpected = array[(array != 0) & (array != 1)]
    if unexpected.size:
        raise ValueError(f"`x` must hold zeros and ones, got {unexpected[0]}")
    return jnp.asarray(array, jnp.int8)


def check_key(key: Any) -> None:
    """Check that a random key is one, before anything is traced."""
    if not (isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)):
        raise ValueError(f"`key` must be a JAX key such as jax.random.key(0), got {key!r}")


def check_count(name: str, value: Any) -> None:
    """Check that a setting is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"`{name}` must be an integer of at least 1, got {value!r}")
