"""TODO models.base."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
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
    bound: Callable[[jax.Array, Any, ArrayLike], jax.Array] | None = None
    """bound(key, state, x) -> (n,) estimates of a lower bound of log P(x), in nats, where the
    model has one; codes x are not checked, so that it can be traced."""
    check: Callable[[ArrayLike], Any] | None = None
    """check(x) raises a ValueError if the model cannot take these data, where it tells; `init`
    does so as well."""
